"""Which detections of one picture found a true face, which found none, and which count neither way.

Every limit L (16, 32, 64 px) asks the same question: how well are the faces found whose shorter side is at least L?
Those faces count; smaller ones are ignored, so that finding them is neither a merit nor a fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError

LIMITS_PX = (16, 32, 64)
"""Shorter sides, in pixels, from which on a face counts."""

MATCH_IOU = 0.5
"""Overlap from which on a detection has found a face."""

TOUCH_IOU = 0.3
"""Overlap from which on a detection has something to do with a face, though it may miss it."""

SMALL_SHARE = 0.75
"""A detection whose shorter side is under this share of the limit speaks of a face that doesn't count."""

SMALLEST_EYE_DISTANCE_PX = 2.0
"""Below it a rounding error of the annotation would outweigh the detector's."""


@dataclass(frozen=True, slots=True)
class FoundFaces:
    """What a detector found in one picture, in any order.

    Attributes:
        boxes: (N, 4) float32, x, y, width, height in pixels; sides of at least 0.
        scores: (N,) float32, 0-1.
        landmarks: (N, 5, 2) float32 pixels, in the order of `mien.core.geometry.Landmarks`.

    Raises:
        DataError: If a shape is another, a value not finite, a side negative or a score outside 0-1.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    def __post_init__(self) -> None:
        _check_shapes("found faces", self.boxes, self.landmarks)
        if self.scores.shape != (len(self.boxes),):
            raise DataError(f"found faces need one score a box, got {self.scores.shape} for {len(self.boxes)} boxes")
        if not ((self.scores >= 0) & (self.scores <= 1)).all():
            raise DataError(f"scores of found faces must lie in 0-1, got {self.scores.min()} to {self.scores.max()}")
        if not np.isfinite(self.landmarks).all():
            raise DataError("landmarks of found faces must be finite; give every found face its five points")


@dataclass(frozen=True, slots=True)
class TrueFaces:
    """The annotated faces of one picture.

    Attributes:
        boxes: (M, 4) float32, x, y, width, height in pixels; sides of at least 0.
        landmarks: (M, 5, 2) float32 pixels, in the order of `mien.core.geometry.Landmarks`; NaN where none is given.
            A face that lacks one of its points counts as one without landmarks.

    Raises:
        DataError: If a shape is another, a box not finite, a side negative or a landmark infinite.
    """

    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    def __post_init__(self) -> None:
        _check_shapes("true faces", self.boxes, self.landmarks)
        if np.isinf(self.landmarks).any():
            raise DataError("landmarks of true faces must be finite, or NaN where none is given; got an infinite one")


@dataclass(frozen=True, slots=True)
class Judgment:
    """What became at one limit of the detections of one picture, or of all.

    Attributes:
        n_faces: True faces that count.
        is_hit: (N,) bool, the detection found a face that counts.
        is_ignored: (N,) bool, the detection is neither a hit nor a false positive.
        landmark_errors: (K,) float64, of the faces found at the least score that have landmarks.
    """

    n_faces: int
    is_hit: NDArray[np.bool_]
    is_ignored: NDArray[np.bool_]
    landmark_errors: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class JudgedPicture:
    """What became of one picture's detections.

    Attributes:
        at: By limit of `LIMITS_PX`.
        n_false: Detections at the least score that touch no true face of any size.
    """

    at: dict[int, Judgment]
    n_false: int


def judge_picture(found: FoundFaces, true: TrueFaces, min_score: float) -> JudgedPicture:
    """Match the detections of one picture with its true faces, at every limit.

    By falling score each detection takes, of the faces that count and are still free, the one it overlaps most, if by
    an IoU of at least 0.5. One that takes none is a false positive if all such faces were taken before (found twice).
    Otherwise it is ignored if it touches a smaller face (IoU of at least 0.3) or is itself smaller than 0.75 of the
    limit, and a false positive if not.

    Args:
        found: All detections, down to a low score.
        true: The same picture's faces.
        min_score: Score, 0-1, from which on a detection counts as shown.

    Source:
        Lin et al., Microsoft COCO, 2014, for ignored objects and for a double that may take the next best free face.
    """
    iou = find_iou(found.boxes, true.boxes)
    found_side, true_side = found.boxes[:, 2:].min(axis=1), true.boxes[:, 2:].min(axis=1)
    is_shown = found.scores >= float(min_score)
    detections, faces = _list_pairs(iou, found.scores)
    at = {}
    for limit in LIMITS_PX:
        counts = true_side >= limit
        eligible = counts[faces]
        face = _match(detections[eligible], faces[eligible], len(found.boxes))
        # Had one of these faces been free, the detection would have it: without a face it is a double.
        could_match = np.isin(np.arange(len(found.boxes)), detections[eligible])
        is_aside = (iou[:, ~counts] >= TOUCH_IOU).any(axis=1) | (found_side < SMALL_SHARE * limit)
        shown = np.flatnonzero((face >= 0) & is_shown)
        at[limit] = Judgment(
            n_faces=int(counts.sum()),
            is_hit=face >= 0,
            is_ignored=is_aside & ~could_match,
            landmark_errors=_landmark_errors(found.landmarks[shown], true.landmarks[face[shown]]),
        )
    return JudgedPicture(at, n_false=int((is_shown & touches_none(iou)).sum()))


def touches_none(iou: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which detections are of no true face, however small: (N,) bool.

    Args:
        iou: (N, M), of detections with all true faces of their picture, as `find_iou` gives it.
    """
    nearest: NDArray[np.float32] = iou.max(axis=1, initial=0.0)
    return nearest < TOUCH_IOU


def gather_false_scores(found: Sequence[FoundFaces], true: Sequence[TrueFaces]) -> NDArray[np.float32]:
    """Return the scores of all detections that are of no true face, however small: (F,) float32.

    Args:
        found: One value a picture, at least one.
        true: The same pictures in the same order.
    """
    pairs = zip(found, true, strict=True)
    return np.concatenate([here.scores[touches_none(find_iou(here.boxes, there.boxes))] for here, there in pairs])


def find_iou(boxes: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return how much each box overlaps each other one: area of the intersection by area of the union, 0-1.

    Args:
        boxes: (N, 4), x, y, width, height; sides of at least 0.
        others: (M, 4), likewise.

    Returns:
        (N, M) float32. Boxes without an area overlap nothing, not even themselves.
    """
    # Areas of large boxes are no exact float32, and an IoU of exactly 0.5 must not fall below.
    x, y, width, height = boxes.astype(np.float64).T[:, :, None]
    other_x, other_y, other_width, other_height = others.astype(np.float64).T[:, None, :]
    intersection = _shared_length(x, width, other_x, other_width) * _shared_length(y, height, other_y, other_height)
    union = width * height + other_width * other_height - intersection
    overlap = np.zeros(union.shape, np.float32)
    np.divide(intersection, union, out=overlap, where=intersection > 0)
    return overlap


def _shared_length(
    start: NDArray[np.float64],
    size: NDArray[np.float64],
    other_start: NDArray[np.float64],
    other_size: NDArray[np.float64],
) -> NDArray[np.float64]:
    length = np.minimum(start + size, other_start + other_size)
    length -= np.maximum(start, other_start)
    return np.maximum(length, 0, out=length)


def _check_shapes(what: str, boxes: NDArray[np.floating], landmarks: NDArray[np.floating]) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != 4 or landmarks.shape != (len(boxes), 5, 2):
        raise DataError(f"{what} need (N, 4) boxes and (N, 5, 2) landmarks, got {boxes.shape} and {landmarks.shape}")
    broken = np.flatnonzero(~(np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] >= 0).all(axis=1)))
    if broken.size:
        raise DataError(
            f"boxes of {what} must be finite with sides of at least 0; "
            f"{broken.size} are not, first number {broken[0]}: {boxes[broken[0]].tolist()}"
        )


def _list_pairs(iou: NDArray[np.float32], scores: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the detections and faces that may match, in the order in which they may choose.

    First come high scores, then the detections handed in first; of one detection's faces first the most overlapped.
    """
    detections, faces = np.nonzero(iou >= MATCH_IOU)
    order = np.lexsort((-iou[detections, faces], detections, -scores[detections]))
    return detections[order], faces[order]


def _match(detections: NDArray[np.intp], faces: NDArray[np.intp], n_detections: int) -> NDArray[np.intp]:
    """Give each detection the first of its faces that is still free: (N,) its number, or -1."""
    face_of: dict[int, int] = {}
    is_taken: set[int] = set()
    for detection, face in zip(detections.tolist(), faces.tolist(), strict=True):
        if detection not in face_of and face not in is_taken:
            face_of[detection] = face
            is_taken.add(face)
    matched = np.full(n_detections, -1, np.intp)
    matched[list(face_of)] = list(face_of.values())
    return matched


def _landmark_errors(found: NDArray[np.float32], true: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the errors of those of K pairs of (5, 2) points whose true points are all given and eyes far enough."""
    found_points, true_points = found.astype(np.float64), true.astype(np.float64)
    eye_distance = np.linalg.norm(true_points[:, 0] - true_points[:, 1], axis=1)
    usable = ~np.isnan(true_points).any(axis=(1, 2)) & (eye_distance >= SMALLEST_EYE_DISTANCE_PX)
    distance = np.linalg.norm(found_points[usable] - true_points[usable], axis=2).mean(axis=1)
    errors: NDArray[np.float64] = distance / eye_distance[usable]
    return errors
