"""The seven expressions in FER2013's order, and other data sets' names mapped onto them."""

from __future__ import annotations

from collections.abc import Sequence

EXPRESSIONS: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""FER2013's labels: the position is the label's number in `fer2013.csv`."""

FER_PLUS_COLUMNS: tuple[str, ...] = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
)
"""The vote columns of `fer2013new.csv`, in that file's order."""

FER_PLUS_NAMES: dict[str, str] = {
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fear",
    "happiness": "happy",
    "sadness": "sad",
    "surprise": "surprise",
    "neutral": "neutral",
}
"""FER+'s names for the seven expressions; its contempt, unknown and NF have no counterpart."""


def fer_plus_order(labels: Sequence[str] = EXPRESSIONS) -> list[int]:
    """Return the positions in `FER_PLUS_COLUMNS` that hold the votes for `labels`, in their order.

    Raises:
        KeyError: If a label has no FER+ column.
    """
    column = {ours: FER_PLUS_COLUMNS.index(theirs) for theirs, ours in FER_PLUS_NAMES.items()}
    return [column[label] for label in labels]
