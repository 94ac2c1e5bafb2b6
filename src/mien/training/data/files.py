"""What became of each picture file of a source: the rows of `files.csv`.

A data set made of picture files keeps, beside its arrays, one line a file: its row in the table, its path inside the
source, its own width and height in pixels, and where it could not be read, the reason instead.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from mien.core.errors import DataError

FILES_FILE = "files.csv"


@dataclass(frozen=True)
class PictureFile:
    """One picture file of a source.

    Attributes:
        row: Its position in the table; None for a file that could not be read and so has none.
        file: Its path relative to the source, with `/` on every system.
        width: Its own width in pixels, upright; None if it could not be read.
        height: Its own height, likewise.
        problem: Why it could not be read; empty if it could.
    """

    row: int | None
    file: str
    width: int | None = None
    height: int | None = None
    problem: str = ""

    def has_size(self, size_px: int) -> bool:
        """Whether it was a square of that size already, so that its pixels were taken as they are."""
        return self.width == self.height == size_px


COLUMNS = tuple(field.name for field in fields(PictureFile))


def write_files(folder: Path, files: Iterable[PictureFile]) -> None:
    """Write `files.csv`, UTF-8, one line a file in the order given.

    Raises:
        OSError: If it can't be written; the folder's own writer turns that into our error.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(astuple(file) for file in files)
    (folder / FILES_FILE).write_bytes(text.getvalue().encode())


def read_files(folder: Path, rows: int) -> tuple[PictureFile, ...]:
    """Read `files.csv`.

    Args:
        folder: The data set's.
        rows: Number of rows in its table.

    Returns:
        One entry a file; none at all for a data set that was not made of picture files, and so has no such list.

    Raises:
        DataError: If the file can't be read, has other columns, or belongs to another table; names the line.
    """
    path = folder / FILES_FILE
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            header, *records = csv.reader(lines, strict=True)
            files = tuple(_parse(record, f"{path}, line {number}") for number, record in enumerate(records, 2))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}. Import the data again.") from None
    except (ValueError, csv.Error) as error:  # no text, no CSV, or not even a header
        raise DataError(f"{path} is broken: {error}. Import the data again.") from None
    if tuple(header) != COLUMNS:
        raise DataError(f"{path}: the columns are {','.join(header)[:100]!r}, expected {','.join(COLUMNS)!r}.")
    if [file.row for file in files if file.row is not None] != list(range(rows)):
        raise DataError(f"{path} does not name the {rows} rows of the table one by one. Import the data again.")
    return files


def _parse(record: Sequence[str], where: str) -> PictureFile:
    try:
        row, file, width, height, problem = record
        return PictureFile(_number(row), file, _number(width), _number(height), problem)
    except ValueError:
        raise DataError(f"{where}: {','.join(record)[:60]!r} is no picture file. Import the data again.") from None


def _number(text: str) -> int | None:
    return int(text) if text else None
