"""Overlap worked out by hand, what touches no face, and faces that are refused."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.training.evaluate.detections.matching import TOUCH_IOU, FoundFaces, TrueFaces, find_iou, touches_none


def test_overlap_of_cases_worked_out_by_hand() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 5, 10, 10]], np.float32)
    others = np.array([[0, 0, 10, 10], [0, 0, 10, 5], [10, 0, 10, 10], [2, 2, 0, 5], [30, 30, 5, 5]], np.float32)
    # Second row: 25 / 175; 0; 5 x 5 = 25 / 175; no area; apart on both axes (two negatives make no intersection).
    expected = [[1, 0.5, 0, 0, 0], [1 / 7, 0, 1 / 7, 0, 0]]
    iou = find_iou(boxes, others)
    assert iou.dtype == np.float32
    assert iou == pytest.approx(np.array(expected))


def test_half_is_exactly_half_even_of_areas_that_no_float32_holds() -> None:
    # 4001 x 4101 = 16 408 101; twice that is beyond 2^24, and in float32 the quotient falls below 0.5.
    boxes = np.array([[0, 0, 4001, 4101], [0, 0, 4001, 8202]], np.float32)
    assert find_iou(boxes[:1], boxes[1:])[0, 0] == 0.5


def test_overlap_of_nothing_is_empty() -> None:
    assert find_iou(np.zeros((0, 4)), np.zeros((3, 4))).shape == (0, 3)
    assert find_iou(np.zeros((3, 4)), np.zeros((0, 4))).shape == (3, 0)
    assert find_iou(np.zeros((1, 4)), np.zeros((1, 4))) == 0


def test_what_touches_no_face_is_told_from_what_just_does() -> None:
    below = np.nextafter(np.float32(TOUCH_IOU), np.float32(0))
    iou = np.array([[0, TOUCH_IOU], [below, 0], [0, 0]], np.float32)
    assert touches_none(iou).tolist() == [False, True, True]
    assert touches_none(np.zeros((2, 0), np.float32)).all()  # a picture without a face


@pytest.mark.parametrize(
    ("boxes", "scores", "landmarks", "said"),
    [
        (np.zeros((2, 5)), np.zeros(2), np.zeros((2, 5, 2)), r"\(2, 5\)"),
        (np.zeros(4), np.zeros(1), np.zeros((1, 5, 2)), r"\(4,\)"),
        (np.ones((2, 4)), np.zeros(2), np.zeros((1, 5, 2)), r"\(1, 5, 2\)"),
        (np.ones((2, 4)), np.zeros(3), np.zeros((2, 5, 2)), r"\(3,\) for 2 boxes"),
        (np.array([[0, 0, 1, 1], [0, 0, -1, 1]]), np.zeros(2), np.zeros((2, 5, 2)), "first number 1"),
        (np.array([[0, np.nan, 1, 1]]), np.zeros(1), np.zeros((1, 5, 2)), "first number 0"),
        (np.ones((1, 4)), np.array([1.5]), np.zeros((1, 5, 2)), "got 1.5"),
        (np.ones((1, 4)), np.array([np.nan]), np.zeros((1, 5, 2)), "0-1"),
        (np.ones((1, 4)), np.zeros(1), np.full((1, 5, 2), np.nan), "must be finite"),
    ],
)
def test_broken_detections_are_refused(boxes: np.ndarray, scores: np.ndarray, landmarks: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=said):
        FoundFaces(boxes, scores, landmarks)


def test_broken_true_faces_are_refused() -> None:
    with pytest.raises(DataError, match=r"true faces .* \(1, 3\)"):
        TrueFaces(np.ones((1, 3)), np.zeros((1, 5, 2)))
    with pytest.raises(DataError, match="infinite"):
        TrueFaces(np.ones((1, 4)), np.full((1, 5, 2), np.inf))
