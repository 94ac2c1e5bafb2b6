"""Readings of pictures as the rows of a table: a row a face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mien.apps.cli.tables import Column, Row, Table, escape
from mien.core.results import Face, Picture

_NUMBERS: Final = ("x", "y", "width", "height", "score")
_QUALITY: Final = ("size_px", "sharpness", "turn_deg", "tilt_deg")


def list_columns(labels: Sequence[str], *, has_tone: bool = False) -> tuple[Column, ...]:
    """Return the columns; a label that is the name of another column becomes "probability of" it.

    Args:
        labels: The model's labels, in its order.
        has_tone: Whether the coarse answers stand behind them.
    """
    first = (
        Column("source", "text"),
        *(Column(name, "number") for name in _NUMBERS),
        Column("expression", "category"),
        Column("confidence", "number"),
        Column("is_certain", "flag"),
        *(Column(name, "number") for name in _QUALITY),
    )
    coarse = (Column("tone", "category"), Column("tone_confidence", "number"), Column("valence", "number"))
    last = (*(coarse if has_tone else ()), Column("error", "text"))
    return (*first, *name_labels(labels, [column.name for column in (*first, *last)]), *last)


def name_labels(labels: Sequence[str], taken: Sequence[str]) -> tuple[Column, ...]:
    """Return a column of probabilities a label; one whose name is `taken` becomes "probability of" it."""
    return tuple(Column(f"probability of {label}" if label in taken else label, "number") for label in labels)


def make_rows(picture: Picture, labels: Sequence[str], *, has_tone: bool = False) -> list[Row]:
    """Return a row a face, or one row for a picture without a face or one that can't be read.

    Args:
        picture: What was read.
        labels: The model's labels, in its order.
        has_tone: Whether to give the coarse answers, too.

    Returns:
        Rows in the order of `list_columns`. Texts are valid Unicode: file names that are none have escapes.
    """
    source = escape(picture.source)
    if not picture.faces:
        nothing: Row = [None] * (len(list_columns(labels, has_tone=has_tone)) - 2)
        return [[source, *nothing, None if picture.error is None else escape(picture.error["message"])]]
    return [
        [source, *_describe(face, labels), *(_describe_coarse(face) if has_tone else ()), None]
        for face in picture.faces
    ]


class PictureRows:
    """Hands the rows of pictures to a table."""

    def __init__(self, table: Table, labels: Sequence[str], *, has_tone: bool = False) -> None:
        """Take a table with the columns that `list_columns` gives for the same labels and choice."""
        self._table = table
        self._labels = tuple(labels)
        self._has_tone = has_tone

    def write(self, picture: Picture) -> None:
        """Write the rows of the next picture."""
        self._table.write(make_rows(picture, self._labels, has_tone=self._has_tone))


def _describe(face: Face, labels: Sequence[str]) -> Row:
    reading: Row = [escape(face.expression), face.confidence, face.is_certain]
    quality = face.quality.to_dict()
    probabilities = [face.probabilities[label] for label in labels]
    return [*face.box.to_list(), face.score, *reading, *(quality[name] for name in _QUALITY), *probabilities]


def _describe_coarse(face: Face) -> Row:
    return [face.tone, face.tone_confidence, face.valence]
