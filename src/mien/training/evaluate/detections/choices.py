"""What a detector finds, and what it sees where no face is, at each least score that a user may choose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from mien.core.errors import DataError
from mien.training.evaluate.detections.matching import FoundFaces, TrueFaces, judge_picture
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
    return tuple(_measure(found, true, score) for score in sorted(set(scores)))


def _measure(found: Sequence[FoundFaces], true: Sequence[TrueFaces], min_score: float) -> Choice:
    pictures = [judge_picture(*pair, min_score) for pair in zip(found, true, strict=True)]
    is_shown = [picture.scores >= float(min_score) for picture in found]

    def find_recall(limit_px: int) -> float | None:
        count = sum(picture.at[limit_px].n_faces for picture in pictures)
        pairs = zip(pictures, is_shown, strict=True)
        hits = sum(int((picture.at[limit_px].is_hit & shown).sum()) for picture, shown in pairs)
        return hits / count if count else None

    return Choice(
        min_score=min_score,
        recall_16=find_recall(16),
        recall_32=find_recall(32),
        false_faces_per_picture=sum(picture.n_false for picture in pictures) / len(found),
    )
