"""Rows of a CSV file, each with the words that say where it stands."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mien.core.errors import DataError
from mien.training.data.sources.packed import OnProgress, read_lines


def read_records(
    path: Path, columns: Sequence[str], on_progress: OnProgress | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Read a CSV file, plain or packed, row by row.

    Args:
        path: The file; see `read_lines`.
        columns: The header that it must have; blanks around its names don't count.
        on_progress: See `read_lines`.

    Yields:
        For each row where it stands, for messages, and its fields, as many as there are columns. Rows are counted
        from 0 after the header; empty lines at the end are none.

    Raises:
        DataError: If the file can't be read, is no CSV, or has another header; if a row has another number of fields.
    """
    number = -1  # the header
    empty: str | None = None
    with read_lines(path, on_progress) as lines:
        reader = csv.reader(lines, strict=True)
        try:
            _check_header(path, next(reader, []), columns)
            for number, fields in enumerate(reader):
                where = f"{path}, row {number} (counted from 0 after the header)"
                if not fields:
                    empty = empty or where
                    continue
                if empty:
                    raise DataError(f"{empty}: an empty line. Fetch the file again.")
                if len(fields) != len(columns):
                    expected = f"{len(columns)} ({', '.join(columns)})"
                    raise DataError(f"{where}: {len(fields)} columns, expected {expected}. Fetch the file again.")
                yield where, fields
        except csv.Error as error:
            place = f"row {number + 1} (counted from 0 after the header)" if reader.line_num > 1 else "the header"
            raise DataError(f"{path}, {place}: no CSV: {error}. Fetch the file again.") from None


def read_header(path: Path) -> tuple[str, ...]:
    """Read the column names of a CSV file, plain or packed, without the blanks around them.

    Raises:
        DataError: If the file can't be read, or its first line is no CSV.
    """
    with read_lines(path) as lines:
        try:
            return _strip(next(csv.reader(lines, strict=True), []))
        except csv.Error as error:
            raise DataError(f"{path}, the header: no CSV: {error}. Fetch the file again.") from None


def look_up(text: str, known: Mapping[str, int], where: str) -> int:
    """Return the number that a field stands for.

    Numbers are looked up like names, since `int` would take '+5', '1_0' and the digits of other scripts too.

    Raises:
        DataError: If the field is none of the known ones.
    """
    if text not in known:
        raise DataError(f"{where}: {text[:20]!r}, expected one of {', '.join(known)}.")
    return known[text]


def _check_header(path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    if _strip(header) != tuple(columns):
        found, expected = ",".join(header), ",".join(columns)
        raise DataError(f"{path}: the columns are {found[:100]!r}, expected {expected!r}. Is it the right file?")


def _strip(header: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.strip() for name in header)
