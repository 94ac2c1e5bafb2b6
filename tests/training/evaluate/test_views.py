"""Several looks at a picture, averaged."""

from __future__ import annotations

import numpy as np
import pytest

from mien.inference.expression.classifier import Classifier
from mien.inference.expression.model import load_model
from mien.training.evaluate.views import classify_views


class Looking:
    """A classifier that notes what it is shown, and answers the left half's and the right half's mean."""

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []

    def classify(self, images: np.ndarray) -> np.ndarray:
        self.shown.append(images)
        left, right = images[:, :, :24].mean((1, 2)), images[:, :, 24:].mean((1, 2))
        return (np.stack([left, right], axis=1) / (left + right)[:, None]).astype(np.float32)


@pytest.fixture
def images() -> np.ndarray:
    """Four pictures that are brighter on one side and in one corner."""
    random = np.random.default_rng(0)
    pictures = random.integers(20, 60, (4, 48, 48), np.uint8)
    pictures[:, :12, 30:] += 180
    return pictures


def test_one_look_is_what_users_get(model_file, images) -> None:
    classifier = Classifier(load_model(model_file, threads=1))
    np.testing.assert_allclose(classify_views(classifier, images, "one"), classifier.classify(images), atol=1e-7)


def test_mirrored_answers_do_not_depend_on_the_side(images) -> None:
    looking = Looking()
    both = classify_views(looking, images, "mirrored")
    assert len(looking.shown) == 2
    np.testing.assert_array_equal(looking.shown[1], images[:, :, ::-1])
    np.testing.assert_allclose(both, 0.5, atol=1e-6)
    assert classify_views(looking, images, "one")[:, 1].min() > 0.6  # the control


def test_ten_crops_are_the_middle_the_corners_and_their_mirror_images(images) -> None:
    looking = Looking()
    answers = classify_views(looking, images, "ten-crop")
    assert [look.shape for look in looking.shown] == [images.shape] * 10
    for upright, mirrored in zip(looking.shown[::2], looking.shown[1::2], strict=True):
        np.testing.assert_array_equal(upright[:, :, ::-1], mirrored)
    brightest = [int(look[:, :12, 30:].mean()) for look in looking.shown[::2]]
    assert len(set(brightest)) > 2  # the crops differ
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)


def test_colors_are_looked_at_likewise(build_model, tmp_path) -> None:
    (tmp_path / "rgb.onnx").write_bytes(build_model(("calm", "tense"), color="rgb", size_px=32))
    classifier = Classifier(load_model(tmp_path / "rgb.onnx", threads=1))
    colored = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), np.uint8)
    answers = classify_views(classifier, colored, "ten-crop")
    assert answers.shape == (3, 2)
    assert np.abs(answers - classifier.classify(colored)).max() > 1e-4
