"""Readings as rows for other programs: a CSV file, or a Parquet file with the same columns in real types."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

from mien.core.atomic import atomic_file
from mien.core.errors import MissingExtraError
from mien.core.results import Face, Picture

Row: TypeAlias = list[str | float | bool | None]

ROWS_A_GROUP: Final = 4096
"""Rows that a Parquet file is written by: fewer make it larger, more take memory; so many take a few megabytes."""

_NUMBERS: Final = ("x", "y", "width", "height", "score")
_READING: Final = ("expression", "confidence", "is_certain")
_QUALITY: Final = ("size_px", "sharpness", "turn_deg", "tilt_deg")
_COARSE: Final = ("tone", "tone_confidence", "valence")


def name_columns(labels: Sequence[str], *, has_tone: bool = False) -> tuple[str, ...]:
    """Return the columns' names; a label that is the name of another column becomes "probability of" it.

    Args:
        labels: The model's labels, in its order.
        has_tone: Whether the coarse answers stand behind them.
    """
    first = ("source", *_NUMBERS, *_READING, *_QUALITY)
    last = (*(_COARSE if has_tone else ()), "error")
    others = {*first, *last}
    return (*first, *(f"probability of {label}" if label in others else label for label in labels), *last)


def make_rows(picture: Picture, labels: Sequence[str], *, has_tone: bool = False) -> list[Row]:
    """Return a row a face, or one row for a picture without a face or one that can't be read.

    Args:
        picture: What was read.
        labels: The model's labels, in its order.
        has_tone: Whether to give the coarse answers, too.

    Returns:
        Rows in the order of `name_columns`. Texts are valid Unicode: file names that are none have escapes.
    """
    source = _escape(picture.source)
    if not picture.faces:
        nothing: Row = [None] * (len(name_columns(labels, has_tone=has_tone)) - 2)
        return [[source, *nothing, None if picture.error is None else _escape(picture.error["message"])]]
    return [
        [source, *_describe(face, labels), *(_describe_coarse(face) if has_tone else ()), None]
        for face in picture.faces
    ]


def _describe(face: Face, labels: Sequence[str]) -> Row:
    reading: Row = [_escape(face.expression), face.confidence, face.is_certain]
    quality = face.quality.to_dict()
    probabilities = [face.probabilities[label] for label in labels]
    return [*face.box.to_list(), face.score, *reading, *(quality[name] for name in _QUALITY), *probabilities]


def _describe_coarse(face: Face) -> Row:
    return [face.tone, face.tone_confidence, face.valence]


def _escape(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


class CsvFile:
    """Rows of a CSV file, in UTF-8; what is not known or does not apply is an empty field.

    Attributes:
        rows: Written so far, the header not counted.
    """

    def __init__(self, writer: Any, labels: Sequence[str], *, has_tone: bool = False) -> None:
        """Take a `csv.writer` and write the header.

        Args:
            writer: Where rows go.
            labels: The model's labels; each gets a column with its probability.
            has_tone: Whether there are columns of the coarse answers.
        """
        self._writer = writer
        self._labels = tuple(labels)
        self._has_tone = has_tone
        self.rows = 0
        self._writer.writerow([_escape(name) for name in name_columns(labels, has_tone=has_tone)])

    @classmethod
    @contextmanager
    def create(cls, path: Path, labels: Sequence[str], *, has_tone: bool = False) -> Iterator[CsvFile]:
        """Open a file that is there when all rows are written, and not before.

        Raises:
            InputError: If it can't be written.
        """
        with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            yield cls(csv.writer(file), labels, has_tone=has_tone)

    def write(self, picture: Picture) -> None:
        """Write the rows of the next picture."""
        for row in make_rows(picture, self._labels, has_tone=self._has_tone):
            self._writer.writerow([str(value).lower() if isinstance(value, bool) else value for value in row])
            self.rows += 1


class ParquetFile:
    """Rows of a Parquet file: the columns of the CSV file as texts, float64 and bool; what is not known is null.

    Attributes:
        rows: Taken so far.
    """

    def __init__(self, writer: Any, labels: Sequence[str], *, has_tone: bool = False) -> None:
        """Take a `pyarrow.parquet.ParquetWriter` whose schema is `make_schema` of the same labels and choice.

        Args:
            writer: Where row groups go.
            labels: The model's labels; each gets a column with its probability.
            has_tone: Whether there are columns of the coarse answers.
        """
        self._writer = writer
        self._labels = tuple(labels)
        self._has_tone = has_tone
        self._waiting: list[Row] = []
        self.rows = 0

    @classmethod
    @contextmanager
    def create(cls, path: Path, labels: Sequence[str], *, has_tone: bool = False) -> Iterator[ParquetFile]:
        """Open a file that is there when all rows are written, and not before.

        Raises:
            MissingExtraError: Without the extra "tables".
            InputError: If it can't be written.
        """
        check_parquet()
        from pyarrow.parquet import ParquetWriter  # type: ignore[import-untyped]

        # Python's own file: its errors carry the number by which a full disk is told from a bug.
        with (
            atomic_file(path) as temporary,
            temporary.open("wb") as file,
            ParquetWriter(file, make_schema(labels, has_tone=has_tone)) as writer,
        ):
            table = cls(writer, labels, has_tone=has_tone)
            yield table
            table.flush()

    def write(self, picture: Picture) -> None:
        """Take the rows of the next picture."""
        rows = make_rows(picture, self._labels, has_tone=self._has_tone)
        self._waiting += rows
        self.rows += len(rows)
        if len(self._waiting) >= ROWS_A_GROUP:
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait as one row group."""
        if not self._waiting:
            return
        import pyarrow as pa  # type: ignore[import-untyped]

        schema = self._writer.schema
        columns = zip(zip(*self._waiting, strict=True), schema, strict=True)
        self._writer.write_table(pa.Table.from_arrays([pa.array(c, field.type) for c, field in columns], schema=schema))
        self._waiting.clear()


def make_schema(labels: Sequence[str], *, has_tone: bool = False) -> Any:
    """Return the `pyarrow.Schema` of a Parquet file.

    Args:
        labels: The model's labels, in its order.
        has_tone: Whether there are columns of the coarse answers.
    """
    import pyarrow as pa

    kinds = {
        "source": pa.string(),
        "expression": pa.dictionary(pa.int32(), pa.string()),
        "is_certain": pa.bool_(),
        **({"tone": pa.dictionary(pa.int32(), pa.string())} if has_tone else {}),
        "error": pa.string(),
    }
    return pa.schema(
        [(_escape(name), kinds.get(name, pa.float64())) for name in name_columns(labels, has_tone=has_tone)]
    )


def check_parquet() -> None:
    """Refuse to begin what can't be written as Parquet.

    Raises:
        MissingExtraError: Without the extra "tables".
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise MissingExtraError("tables", "pyarrow") from None
