"""The seven expressions in FER2013's order, and other data sets' names mapped onto them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

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

OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "angry": ("anger",),
    "disgust": ("disgusted",),
    "fear": ("fearful", "afraid", "scared"),
    "happy": ("happiness", "joy"),
    "sad": ("sadness",),
    "surprise": ("surprised", "suprise"),
    "neutral": (),
}
"""Other data sets' words for the seven, in lower case: anger and happiness as in RAF-DB, afraid as in KDEF, and so on.

Contempt is not among them: it is an expression of its own, which FER2013 lacks.
"""

_MEANINGS = {word: ours for ours, others in OTHER_NAMES.items() for word in (ours, *others)}


def find_expression(name: str) -> str | None:
    """Return which of the seven a name means, in any spelling of `OTHER_NAMES`; None for any other name."""
    return _MEANINGS.get(name.strip().casefold())


def order_labels(*groups: Collection[str]) -> dict[str, str]:
    """Give the classes of a data set their labels and their order.

    If each name means another one of the seven, the labels are FER2013's in FER2013's order, never the alphabet's;
    those that are absent are left out. One name beyond the seven, or two for the same of them, and all names stay as
    they are, sorted.

    Args:
        groups: The names that stand side by side, such as those in one part of a data set. Names of different groups
            that mean the same are one label.

    Returns:
        By name the label; its values run through the labels in their order, and repeat where names share one.
    """
    meanings = {name: find_expression(name) for group in groups for name in group}
    is_ambiguous = any(len({meanings[name] for name in group}) < len(set(group)) for group in groups)
    if is_ambiguous or None in meanings.values():
        return {name: name for name in sorted(meanings)}
    return {name: label for label in EXPRESSIONS for name in sorted(meanings) if meanings[name] == label}


def fer_plus_order(labels: Sequence[str] = EXPRESSIONS) -> list[int]:
    """Return the positions in `FER_PLUS_COLUMNS` that hold the votes for `labels`, in their order.

    Raises:
        KeyError: If a label has no FER+ column.
    """
    column = {ours: FER_PLUS_COLUMNS.index(theirs) for theirs, ours in FER_PLUS_NAMES.items()}
    return [column[label] for label in labels]
