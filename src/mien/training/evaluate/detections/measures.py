"""From what became of every detection to a detector's figures: average precision, false faces, landmark error."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from mien.core.errors import DataError
from mien.training.evaluate.detections.matching import LIMITS_PX, FoundFaces, Judgment, TrueFaces, judge_picture
from mien.training.evaluate.metrics import Share

NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class DetectionMeasures(BaseModel):
    """The figures of a detector on one set of pictures; a number in a name is the limit in pixels.

    Attributes:
        n_pictures: Pictures measured.
        n_faces_16: True faces whose shorter side is at least 16 px; so for the next two.
        ap_16: Average precision over all detections handed in, 0-1; None if no face counts. So for the next two.
        recall_32: Share of the faces that count which were found at `min_score`; None if no face counts.
        precision_32: Share of the detections at `min_score`, less the ignored, that found a face; None if none is left.
        false_faces_per_picture: Detections at `min_score` that touch no true face of any size, per picture.
        landmark_error_32: Median over the faces found at `min_score` of the mean distance of the five points, in
            distances between the true eyes; None if no face found has landmarks. So for the next.
        min_score: Lowest score at which a detection is shown, 0-1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_pictures: int
    n_faces_16: int
    n_faces_32: int
    n_faces_64: int
    ap_16: Share | None
    ap_32: Share | None
    ap_64: Share | None
    recall_32: Share | None
    precision_32: Share | None
    false_faces_per_picture: NonNegative
    landmark_error_32: NonNegative | None
    landmark_error_64: NonNegative | None
    min_score: Share


def measure_detections(
    found: Sequence[FoundFaces], true: Sequence[TrueFaces], *, min_score: float
) -> DetectionMeasures:
    """Compute the figures of a detector; `judge_picture` says what counts as found, as false and as neither.

    Args:
        found: One value a picture. Hand in all detections down to a low score such as 0.02, after the suppression of
            doubles: average precision can only see the recall that is handed in.
        true: The same pictures in the same order.
        min_score: Score, 0-1, from which on the figures other than average precision count a detection. A higher one
            gives up recall for fewer false faces.

    Raises:
        DataError: If there is no picture, the two differ in length, or `min_score` is outside 0-1.

    Source:
        Everingham et al., The PASCAL Visual Object Classes Challenge: a Retrospective, 2015, for the average precision
        since VOC 2010 (area under the envelope, all points).
    """
    if not found or len(found) != len(true):
        raise DataError(
            f"measuring needs the found and the true faces of the same pictures, at least one; "
            f"got {len(found)} and {len(true)}"
        )
    if not (isfinite(min_score) and 0 <= min_score <= 1):
        raise DataError(f"min_score must lie in 0-1, got {min_score}; give the score at which a face is shown")
    pictures = [judge_picture(*pair, min_score) for pair in zip(found, true, strict=True)]
    scores = np.concatenate([picture.scores for picture in found])
    at = {limit: _join([picture.at[limit] for picture in pictures]) for limit in LIMITS_PX}
    precision = {limit: _average_precision(at[limit], scores) for limit in LIMITS_PX}
    is_shown = scores >= float(min_score)
    hits = int((at[32].is_hit & is_shown).sum())
    answers = int((~at[32].is_ignored & is_shown).sum())
    return DetectionMeasures(
        n_pictures=len(found),
        n_faces_16=at[16].n_faces,
        n_faces_32=at[32].n_faces,
        n_faces_64=at[64].n_faces,
        ap_16=precision[16],
        ap_32=precision[32],
        ap_64=precision[64],
        recall_32=hits / at[32].n_faces if at[32].n_faces else None,
        precision_32=hits / answers if answers else None,
        false_faces_per_picture=sum(picture.n_false for picture in pictures) / len(found),
        landmark_error_32=_median(at[32].landmark_errors),
        landmark_error_64=_median(at[64].landmark_errors),
        min_score=min_score,
    )


def _join(parts: Sequence[Judgment]) -> Judgment:
    return Judgment(
        n_faces=sum(part.n_faces for part in parts),
        is_hit=np.concatenate([part.is_hit for part in parts]),
        is_ignored=np.concatenate([part.is_ignored for part in parts]),
        landmark_errors=np.concatenate([part.landmark_errors for part in parts]),
    )


def _average_precision(judgment: Judgment, scores: NDArray[np.float32]) -> float | None:
    """Return the area under the envelope of precision over recall; None if no face counts."""
    if not judgment.n_faces:
        return None
    order = np.argsort(-scores, kind="stable")
    is_hit = judgment.is_hit[order][~judgment.is_ignored[order]]
    precision = is_hit.cumsum() / np.arange(1, len(is_hit) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    # Recall grows by 1 / n_faces at each hit and nowhere else.
    return float(envelope[is_hit].sum() / judgment.n_faces)


def _median(errors: NDArray[np.float64]) -> float | None:
    return float(np.median(errors)) if errors.size else None
