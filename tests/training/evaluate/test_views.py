"""Several looks at a picture, averaged."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest

from mien.inference.expression.classifier import Classifier
from mien.inference.expression.model import LoadedModel, load_model
from mien.inference.runtime.session import Session
from mien.training.evaluate.views import Views, classify_views


class Looking:
    """A model that notes what it is shown, and answers the left half's and the right half's mean."""

    card = SimpleNamespace(input=SimpleNamespace(color="gray", size_px=48))

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []

    def run_heads(self, images: np.ndarray) -> list[np.ndarray]:
        self.shown.append(images)
        left, right = images[:, :, :24].mean((1, 2)), images[:, :, 24:].mean((1, 2))
        return [(np.stack([left, right], axis=1) / (left + right)[:, None]).astype(np.float32)]


@pytest.fixture
def images() -> np.ndarray:
    """Four pictures that are brighter on one side and in one corner."""
    random = np.random.default_rng(0)
    pictures = random.integers(20, 60, (4, 48, 48), np.uint8)
    pictures[:, :12, 30:] += 180
    return pictures


def test_one_look_is_what_users_get(model_file, images) -> None:
    model = load_model(model_file, threads=1)
    (answers,) = classify_views(model, images, "one")
    np.testing.assert_array_equal(answers, Classifier(model).classify(images))


def test_mirrored_answers_do_not_depend_on_the_side(images) -> None:
    looking = Looking()
    (both,) = classify_views(looking, images, "mirrored")
    assert len(looking.shown) == 2
    np.testing.assert_array_equal(looking.shown[1], images[:, :, ::-1])
    np.testing.assert_allclose(both, 0.5, atol=1e-6)
    (once,) = classify_views(looking, images, "one")
    assert once[:, 1].min() > 0.6  # the control


def test_ten_crops_are_the_middle_the_corners_and_their_mirror_images(images) -> None:
    looking = Looking()
    (answers,) = classify_views(looking, images, "ten-crop")
    assert [look.shape for look in looking.shown] == [images.shape] * 10
    for upright, mirrored in zip(looking.shown[::2], looking.shown[1::2], strict=True):
        np.testing.assert_array_equal(upright[:, :, ::-1], mirrored)
    brightest = [int(look[:, :12, 30:].mean()) for look in looking.shown[::2]]
    assert len(set(brightest)) > 2  # the crops differ
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)


def test_colors_are_looked_at_likewise(build_model, tmp_path) -> None:
    (tmp_path / "rgb.onnx").write_bytes(build_model(("calm", "tense"), color="rgb", size_px=32))
    model = load_model(tmp_path / "rgb.onnx", threads=1)
    colored = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), np.uint8)
    (answers,) = classify_views(model, colored, "ten-crop")
    assert answers.shape == (3, 2)
    assert np.abs(answers - Classifier(model).classify(colored)).max() > 1e-4


@pytest.mark.parametrize("views", get_args(Views))
def test_each_head_answers_in_one_call_what_it_answers_alone(two_headed_model: Path, views: Views, monkeypatch) -> None:
    images = np.random.default_rng(2).integers(0, 256, (70, 48, 48), np.uint8)  # more than a batch of 64
    heads = [load_model(two_headed_model, labels=labels, threads=1) for labels in ("fer2013", "votes")]
    expected = [_ask_alone(head, images, views) for head in heads]
    calls: list[list[str]] = []
    ask = Session.run

    def count(session: Session, outputs: list[str], inputs: Any) -> Any:
        calls.append(outputs)
        return ask(session, outputs, inputs)

    monkeypatch.setattr(Session, "run", count)
    found = classify_views(heads[0], images, views)
    assert calls == [["probabilities", "votes"]] * 2 * {"one": 1, "mirrored": 2, "ten-crop": 10}[views]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.abs(found[0] - found[1]).max() > 0.1  # the control: the heads differ


def _ask_alone(model: LoadedModel, images: np.ndarray, views: Views) -> np.ndarray:
    """Average what one head answers to every look, one look and one head at a time."""
    looking = Looking()
    for start in range(0, len(images), 64):
        classify_views(looking, images[start : start + 64], views)
    half = len(looking.shown) // 2
    looks = [np.concatenate(parts) for parts in zip(looking.shown[:half], looking.shown[half:], strict=True)]
    answers = [Classifier(model).classify(look) for look in looks]
    return np.mean(answers, axis=0, dtype=np.float64).astype(np.float32)
