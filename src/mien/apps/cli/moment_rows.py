"""What a video shows as the rows of a table: a row a face and processed frame, and one for a frame without a face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mien.apps.cli.picture_rows import name_labels
from mien.apps.cli.tables import Column, Row, Table, escape
from mien.core.moments import Moment, Sighting

_FIRST: Final = (
    Column("frame", "whole"),
    Column("time_s", "number"),
    Column("person", "whole"),
    Column("x", "number"),
    Column("y", "number"),
    Column("width", "number"),
    Column("height", "number"),
    Column("score", "number"),
    Column("is_certain", "flag"),
    Column("expression", "category"),
    Column("confidence", "number"),
)

_PIXEL_DIGITS: Final = 2
_DIGITS: Final = 6
"""Decimals of what is written: more hold nothing that was measured, and an hour of video has 100,000 rows."""


def list_columns(labels: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns of a video's rows.

    Frame and time come first, then who is where, the steady expression and its smoothed probability, the smoothed
    probability of each label, and as `<label>_raw` what the frame alone says.

    Args:
        labels: The model's labels, in its order.
    """
    taken = [column.name for column in _FIRST]
    smoothed = name_labels(labels, taken)
    raw = name_labels([f"{label}_raw" for label in labels], [*taken, *labels])
    return (*_FIRST, *smoothed, *raw)


def make_rows(moment: Moment, labels: Sequence[str]) -> list[Row]:
    """Return a row a face, or one with frame and time alone where there is no face.

    Args:
        moment: What a frame shows.
        labels: The model's labels, in its order.

    Returns:
        Rows in the order of `list_columns`.
    """
    time_s = round(moment.time_s, _DIGITS)
    if not moment.sightings:
        return [[moment.frame, time_s, *[None] * (len(_FIRST) - 2 + 2 * len(labels))]]
    return [[moment.frame, time_s, *_describe(sighting, labels)] for sighting in moment.sightings]


class MomentRows:
    """Hands the rows of a video to a table."""

    def __init__(self, table: Table, labels: Sequence[str]) -> None:
        """Take a table with the columns that `list_columns` gives for the same labels."""
        self._table = table
        self._labels = tuple(labels)

    def write(self, moment: Moment) -> None:
        """Write the rows of the next frame."""
        self._table.write(make_rows(moment, self._labels))


def _describe(sighting: Sighting, labels: Sequence[str]) -> Row:
    face = sighting.face
    return [
        sighting.person,
        *(round(side, _PIXEL_DIGITS) for side in face.box.to_list()),
        None if face.score is None else round(face.score, _DIGITS),
        sighting.is_certain,
        escape(sighting.expression),
        round(sighting.confidence, _DIGITS),
        *(round(sighting.probabilities[label], _DIGITS) for label in labels),
        *(round(face.probabilities[label], _DIGITS) for label in labels),
    ]
