"""The bins of confidence, and the expected calibration error."""

from __future__ import annotations

import numpy as np
import pytest

from mien.training.evaluate.calibration import bin_confidences


def _two_classes(confidences: list[float]) -> np.ndarray:
    """Return probabilities whose top label is always 0."""
    top = np.array(confidences)
    return np.stack([top, 1 - top], axis=1)


def test_error_of_a_hand_made_case() -> None:
    # 0.95 twice, one right: gap 0.45. 0.55 twice, both right: gap 0.45. Bins of a fifteenth keep the two apart.
    bins = bin_confidences(np.array([0, 1, 0, 0]), _two_classes([0.95, 0.95, 0.55, 0.55]))
    assert bins.count.sum() == 4
    assert bins.count[[8, 14]].tolist() == [2, 2]
    assert bins.error == pytest.approx(0.45)


def test_gaps_of_opposite_sign_do_not_cancel_between_bins_but_do_within_one() -> None:
    labels = np.array([1, 0])
    assert bin_confidences(labels, _two_classes([0.7, 0.7])).error == pytest.approx(0.2)
    assert bin_confidences(labels, _two_classes([0.98, 0.6])).error == pytest.approx((0.98 + 0.4) / 2)


def test_sure_and_right_has_no_error_and_sure_and_wrong_the_largest() -> None:
    sure = _two_classes([1.0, 1.0])
    assert bin_confidences(np.array([0, 0]), sure).error == 0.0
    assert bin_confidences(np.array([1, 1]), sure).error == 1.0


def test_bins_are_closed_on_the_right() -> None:
    bins = bin_confidences(np.array([0, 0]), _two_classes([0.6, 0.6000001]), bins=5)
    assert bins.count.tolist() == [0, 0, 1, 1, 0]


def test_a_probability_that_rounds_above_one_stays_in_the_last_bin() -> None:
    bins = bin_confidences(np.array([0]), np.array([[1.0000002, 0.0]], np.float32))
    assert bins.count.tolist() == [0] * 14 + [1]
