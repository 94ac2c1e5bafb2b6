"""One contract for every recognizer: whatever runs the model, these rules hold."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from mien.core.errors import InputError
from mien.inference.faces.detector import DEFAULT_DETECTOR
from mien.inference.recognizer import Recognizer
from mien.inference.runtime.bundled import BUNDLED, find_model

RNG_SEED = 11
TOLERANCE = 1e-5


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(RNG_SEED).integers(0, 256, shape, dtype=np.uint8)


def rows_are_probabilities_in_the_order_of_the_labels(recognizer: Any) -> None:
    assert tuple(recognizer.labels) == recognizer.card.labels
    rows = recognizer.classify(noise(9, 48, 48))
    assert rows.dtype == np.float32
    assert rows.shape == (9, len(recognizer.labels))
    assert (rows >= 0).all()
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=TOLERANCE)


def different_crops_get_different_rows(recognizer: Any) -> None:
    rows = recognizer.classify(noise(9, 48, 48))
    assert len(np.unique(rows.round(6), axis=0)) == 9


def an_empty_batch_gives_no_rows(recognizer: Any) -> None:
    for empty in ([], np.zeros((0, 48, 48), np.uint8), np.zeros((0, 30, 20, 3), np.uint8)):
        assert recognizer.classify(empty).shape == (0, len(recognizer.labels))


def rgb_of_a_gray_crop_reads_as_the_gray_crop(recognizer: Any) -> None:
    for size in ((48, 48), (31, 77)):
        gray = noise(4, *size)
        colored = np.repeat(gray[..., None], 3, axis=3)
        np.testing.assert_allclose(recognizer.classify(colored), recognizer.classify(gray), atol=TOLERANCE)


def crops_of_any_size_are_taken(recognizer: Any) -> None:
    for size in ((2, 2), (3, 200), (47, 49), (48, 48), (640, 480)):
        assert recognizer.classify(noise(2, *size)).shape == (2, len(recognizer.labels))
        assert recognizer.classify(noise(2, *size, 3)).shape == (2, len(recognizer.labels))
    sizes = recognizer.classify([noise(48, 48), noise(90, 70, 3), noise(5, 5)])
    assert sizes.shape == (3, len(recognizer.labels))


def a_batch_reads_as_its_crops_one_by_one(recognizer: Any) -> None:
    crops = noise(70, 48, 48)
    single = np.concatenate([recognizer.classify(crop[None]) for crop in crops])
    np.testing.assert_allclose(recognizer.classify(crops), single, atol=TOLERANCE)
    np.testing.assert_allclose(recognizer.classify(list(crops)), single, atol=TOLERANCE)
    np.testing.assert_allclose(recognizer.classify(crops[::-1]), single[::-1], atol=TOLERANCE)


def several_threads_give_the_same(recognizer: Any) -> None:
    batches = [noise(count, 48, 48) for count in (1, 3, 8, 64)]
    expected = [recognizer.classify(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: [recognizer.classify(batch) for batch in batches], range(6)):
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_allclose(ours, theirs, atol=TOLERANCE)


def what_it_is_given_stays_as_it_was(recognizer: Any) -> None:
    crops = noise(3, 60, 60)
    recognizer.classify(crops)
    np.testing.assert_array_equal(crops, noise(3, 60, 60))


def bad_crops_are_refused(recognizer: Any) -> None:
    for bad in (
        np.zeros((1, 48, 48)),
        np.full((1, 48, 48), np.nan, np.float32),
        np.zeros((48, 48), np.uint8),
        np.zeros((1, 1, 48), np.uint8),
        np.zeros((1, 48, 48, 4), np.uint8),
        [np.zeros((48, 48), np.int32)],
        "crops",
        None,
    ):
        with pytest.raises(InputError):
            recognizer.classify(bad)


CONTRACT: tuple[Callable[[Any], None], ...] = (
    rows_are_probabilities_in_the_order_of_the_labels,
    different_crops_get_different_rows,
    an_empty_batch_gives_no_rows,
    rgb_of_a_gray_crop_reads_as_the_gray_crop,
    crops_of_any_size_are_taken,
    a_batch_reads_as_its_crops_one_by_one,
    several_threads_give_the_same,
    what_it_is_given_stays_as_it_was,
    bad_crops_are_refused,
)


def check_recognizer(recognizer: Any) -> None:
    """Hold one recognizer to the whole contract."""
    for rule in CONTRACT:
        rule(recognizer)


TELLING = sorted(BUNDLED.keys() - {DEFAULT_DETECTOR})
"""Bundled models that tell expressions."""


@pytest.fixture(scope="module", params=["tiny gray", "tiny color", *TELLING])
def recognizer(request: pytest.FixtureRequest, build_model, tmp_path_factory) -> Recognizer:
    if request.param in TELLING:
        if not find_model(request.param).exists():
            pytest.skip(f"the bundled model {request.param!r} is not in this checkout")
        return Recognizer.load(request.param, threads=1)
    path = tmp_path_factory.mktemp("contract") / "model.onnx"
    is_color = request.param == "tiny color"
    path.write_bytes(build_model(("no", "maybe", "yes"), color="rgb", size_px=40) if is_color else build_model())
    return Recognizer.load(path, threads=1)


@pytest.mark.parametrize("rule", CONTRACT, ids=lambda rule: rule.__name__)
def test_the_contract_is_kept(recognizer: Recognizer, rule: Callable[[Any], None]) -> None:
    rule(recognizer)


class Broken:
    """A recognizer with one fault: the control that the contract has to catch."""

    def __init__(self, sound: Recognizer, fault: Callable[[Any, np.ndarray], np.ndarray]) -> None:
        self.labels, self.card, self._sound, self._fault = sound.labels, sound.card, sound, fault

    def classify(self, crops: Any) -> np.ndarray:
        return self._fault(crops, self._sound.classify(crops))


FAULTS: dict[str, Callable[[Any, np.ndarray], np.ndarray]] = {
    "rows don't sum to 1": lambda crops, rows: rows * np.float32(0.9),
    "always the same answer": lambda crops, rows: np.full_like(rows, 1 / rows.shape[1]),
    "the batch is reversed": lambda crops, rows: rows[::-1].copy(),
    "a column is lost": lambda crops, rows: rows[:, 1:],
    "another number type": lambda crops, rows: rows.astype(np.float64),
    "color read as other than gray": lambda crops, rows: np.roll(rows, getattr(crops, "ndim", 3) == 4, axis=1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_contract_catches_a_broken_recognizer(fault: str, model_file) -> None:
    sound = Recognizer.load(model_file, threads=1)
    check_recognizer(sound)
    with pytest.raises(AssertionError):
        check_recognizer(Broken(sound, FAULTS[fault]))
