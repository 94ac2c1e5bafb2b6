"""Tables for other programs: columns with a kind each, and files that take rows, as CSV, JSON lines or Parquet."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol, TextIO, TypeAlias

from mien.core.atomic import atomic_file
from mien.core.errors import MissingExtraError

Row: TypeAlias = list[str | float | bool | None]
Kind: TypeAlias = Literal["text", "category", "number", "whole", "flag"]

ROWS_A_GROUP: Final = 4096
"""Rows that a Parquet file is written by: fewer make it larger, more take memory; so many take a few megabytes."""


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: As the header says it.
        kind: What it holds: any text, one of few texts, a number, a whole number, or true and false.
    """

    name: str
    kind: Kind


class Table(Protocol):
    """Takes rows in order."""

    @property
    def rows(self) -> int:
        """Taken so far, a header not counted."""

    def write(self, rows: Sequence[Row]) -> None:
        """Take the next rows; what is not known or does not apply is None."""


def escape(text: str) -> str:
    """Return valid Unicode: file names that are none have escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


class CsvTable:
    """Rows of CSV; what is not known or does not apply is an empty field.

    Attributes:
        rows: Taken so far, the header not counted.
    """

    def __init__(self, file: TextIO, columns: Sequence[Column]) -> None:
        """Take an open text file without translation of line ends, and write the header."""
        self._writer = csv.writer(file)
        self.rows = 0
        self._writer.writerow([escape(column.name) for column in columns])

    @classmethod
    @contextmanager
    def create(cls, path: Path, columns: Sequence[Column]) -> Iterator[CsvTable]:
        """Open a UTF-8 file that is there when all rows are written, and not before.

        Raises:
            InputError: If it can't be written.
        """
        with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            yield cls(file, columns)

    def write(self, rows: Sequence[Row]) -> None:
        """Write the next rows."""
        self._writer.writerows([str(cell).lower() if isinstance(cell, bool) else cell for cell in row] for row in rows)
        self.rows += len(rows)


class JsonTable:
    """One JSON object a row and line; in ASCII, so that any terminal and any file name will do.

    Attributes:
        rows: Taken so far.
    """

    def __init__(self, columns: Sequence[Column], file: TextIO | None = None) -> None:
        """Begin without a row.

        Args:
            columns: Their names are the keys.
            file: Where lines go; None for standard output. Each call of `write` is flushed.
        """
        self._names = [escape(column.name) for column in columns]
        self._file = file
        self.rows = 0

    def write(self, rows: Sequence[Row]) -> None:
        """Print the next rows."""
        lines = io.StringIO()
        for row in rows:
            lines.write(json.dumps(dict(zip(self._names, row, strict=True))) + "\n")
        print(lines.getvalue(), end="", file=self._file or sys.stdout, flush=True)
        self.rows += len(rows)


class ParquetTable:
    """Rows of a Parquet file: the columns of the CSV file in real types; what is not known is null.

    Attributes:
        rows: Taken so far.
    """

    def __init__(self, writer: Any) -> None:
        """Take a `pyarrow.parquet.ParquetWriter` whose schema is `make_schema` of the columns that rows will have."""
        self._writer = writer
        self._waiting: list[Row] = []
        self.rows = 0

    @classmethod
    @contextmanager
    def create(cls, path: Path, columns: Sequence[Column]) -> Iterator[ParquetTable]:
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
            ParquetWriter(file, make_schema(columns)) as writer,
        ):
            table = cls(writer)
            yield table
            table.flush()

    def write(self, rows: Sequence[Row]) -> None:
        """Take the next rows."""
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


def make_schema(columns: Sequence[Column]) -> Any:
    """Return the `pyarrow.Schema` of a Parquet file with such columns."""
    import pyarrow as pa

    kinds = {
        "text": pa.string(),
        "category": pa.dictionary(pa.int32(), pa.string()),
        "number": pa.float64(),
        "whole": pa.int64(),
        "flag": pa.bool_(),
    }
    return pa.schema([(escape(column.name), kinds[column.kind]) for column in columns])


def check_parquet() -> None:
    """Refuse to begin what can't be written as Parquet.

    Raises:
        MissingExtraError: Without the extra "tables".
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise MissingExtraError("tables", "pyarrow") from None
