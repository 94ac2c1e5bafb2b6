"""Figures of the coarse answers: checked by hand, and against those of the seven."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.coarse import TONE_OF
from mien.core.errors import DataError
from mien.core.labels import EXPRESSIONS
from mien.training.evaluate.coarse import measure_coarse
from mien.training.evaluate.metrics import measure

pytest.importorskip("sklearn", reason="scoring needs the report extra")

ALL = np.ones(5, np.bool_)


def _positions(*labels: str) -> np.ndarray:
    return np.array([EXPRESSIONS.index(label) for label in labels])


def test_mistakes_among_the_negative_four_do_not_count() -> None:
    truth = _positions("sad", "fear", "angry", "happy", "neutral")
    answers = np.eye(7)[_positions("fear", "sad", "angry", "happy", "sad")]
    coarse = measure_coarse(truth, answers, EXPRESSIONS, ALL)
    assert coarse is not None
    assert (coarse.n, coarse.accuracy) == (5, 0.8)
    assert measure(truth, answers, EXPRESSIONS).accuracy == 0.4, "the control"
    assert coarse.accuracy_ci95 == pytest.approx((0.3755, 0.9638), abs=1e-4)
    assert coarse.labels == ("positive", "neutral", "negative", "surprise")
    assert coarse.confusion_matrix == ((1, 0, 0, 0), (0, 0, 1, 0), (0, 0, 3, 0), (0, 0, 0, 0))
    negative = coarse.per_class["negative"]
    assert (negative.precision, negative.recall, negative.support) == (0.75, 1.0, 3)
    assert coarse.macro_f1 == pytest.approx((1 + 0 + 6 / 7) / 3)
    assert coarse.ece == pytest.approx(0.2)


def test_the_sums_decide_and_not_the_label_with_the_highest_probability() -> None:
    probabilities = np.zeros((1, 7), np.float32)
    probabilities[0, _positions("happy", "sad", "angry")] = 0.4, 0.3, 0.3
    coarse = measure_coarse(_positions("sad"), probabilities, EXPRESSIONS, ALL[:1])
    assert coarse is not None
    assert coarse.accuracy == 1.0
    assert coarse.ece == pytest.approx(0.4)  # sure with 0.6, and right


def test_sums_of_calibrated_probabilities_are_calibrated() -> None:
    random = np.random.default_rng(3)
    probabilities = random.dirichlet(np.full(7, 0.5), 20_000)
    truth = (random.random((20_000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=6)
    is_counted = np.ones(20_000, np.bool_)
    coarse = measure_coarse(truth, probabilities, EXPRESSIONS, is_counted)
    sharpened = probabilities**2 / (probabilities**2).sum(axis=1, keepdims=True)
    control = measure_coarse(truth, sharpened, EXPRESSIONS, is_counted)
    assert coarse is not None
    assert control is not None
    assert coarse.ece < 0.015 < 0.05 < control.ece


def test_twins_are_left_out_of_the_second_accuracy() -> None:
    truth = _positions("sad", "happy", "happy", "happy")
    answers = np.eye(7)[_positions("fear", "happy", "sad", "neutral")]
    without_twins = np.array([False, True, True, False])
    coarse = measure_coarse(truth, answers, EXPRESSIONS, without_twins)
    assert coarse is not None
    assert (coarse.accuracy, coarse.accuracy_without_twins) == (0.5, 0.5)
    without_twins[2] = False
    other = measure_coarse(truth, answers, EXPRESSIONS, without_twins)
    assert other is not None
    assert other.accuracy_without_twins == 1.0
    none_left = measure_coarse(truth, answers, EXPRESSIONS, np.zeros(4, np.bool_))
    assert none_left is not None
    assert none_left.accuracy_without_twins is None


def test_names_of_other_data_sets_and_a_part_of_the_seven_will_do() -> None:
    names = ("Anger", "Happiness", "Sadness")
    coarse = measure_coarse(np.array([0, 1, 2]), np.eye(3)[[2, 1, 0]], names, ALL[:3])
    assert coarse is not None
    assert (coarse.labels, coarse.accuracy) == (("positive", "negative"), 1.0)


@pytest.mark.parametrize("names", [("happy", "contempt"), ("angry", "sad"), ("cat", "dog")])
def test_where_there_is_nothing_to_tell_there_are_no_figures(names: tuple[str, ...]) -> None:
    assert measure_coarse(np.array([0, 1]), np.eye(2), names, ALL[:2]) is None


def test_a_confusion_of_the_seven_folds_into_that_of_the_tones() -> None:
    random = np.random.default_rng(0)
    truth, answered = random.integers(0, 7, (2, 300))
    answers = np.eye(7)[answered]
    coarse = measure_coarse(truth, answers, EXPRESSIONS, np.ones(300, np.bool_))
    assert coarse is not None
    fold = np.array([[TONE_OF[label] == tone for tone in coarse.labels] for label in EXPRESSIONS], int)
    np.testing.assert_array_equal(
        coarse.confusion_matrix, fold.T @ np.array(measure(truth, answers, EXPRESSIONS).confusion_matrix) @ fold
    )


def test_probabilities_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="1 pictures are not finite"):
        measure_coarse(np.array([0]), np.full((1, 7), np.nan), EXPRESSIONS, ALL[:1])
