"""What a detector finds, and what it sees where no face is, at each least score that a user may choose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from mien.core.errors import DataError
from mien.training.evaluate.detections.matching import FoundFaces, TrueFaces, gather_false_scores, judge_picture
from mien.training.evaluate.detections.measures import NonNegative
from mien.training.evaluate.metrics import Share

ROUND_SCORES = (0.3, 0.4, 0.5, 0.6, 0.7)


class Choice(BaseModel):
    """What one least score gives; the numbers in names are limits in pixels.

    Attributes:
        min_score: Lowest score at which a detection is shown, 0-1.
        recall_16: Share of the true faces of at least 16 px that are found, 0-1; None if there is none.
        recall_32: Likewise from 32 px.
        false_faces_per_picture: Detections shown that touch no true face of any size, per picture.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_score: Share
    recall_16: Share | None
    recall_32: Share | None
    false_faces_per_picture: NonNegative


def compare_scores(
    found: Sequence[FoundFaces], true: Sequence[TrueFaces], scores: Iterable[float] = ROUND_SCORES
) -> tuple[Choice, ...]:
    """Say what each least score would give; `judge_picture` says what counts as found and as false.

    Args:
        found: One value a picture, with all detections down to the lowest of `scores`.
        true: The same pictures in the same order.
        scores: Least scores, each 0-1.

    Returns:
        One choice a score, by rising score, none twice.

    Raises:
        DataError: If there is no picture, or the two differ in length.
    """
    if not found or len(found) != len(true):
        raise DataError(
            f"comparing needs found and true faces of the same pictures, at least one; got {len(found)}, {len(true)}"
        )
    pictures = [judge_picture(*pair, 0.0) for pair in zip(found, true, strict=True)]
    false_scores = gather_false_scores(found, true)
    hit_scores = {
        limit: np.concatenate(
            [here.scores[judged.at[limit].is_hit] for here, judged in zip(found, pictures, strict=True)]
        )
        for limit in (16, 32)
    }
    counts = {limit: sum(judged.at[limit].n_faces for judged in pictures) for limit in hit_scores}

    def find_recall(limit: int, min_score: float) -> float | None:
        return int((hit_scores[limit] >= min_score).sum()) / counts[limit] if counts[limit] else None

    return tuple(
        Choice(
            min_score=score,
            recall_16=find_recall(16, score),
            recall_32=find_recall(32, score),
            false_faces_per_picture=int((false_scores >= score).sum()) / len(found),
        )
        for score in sorted({float(score) for score in scores})
    )
