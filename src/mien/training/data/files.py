"""What became of each picture file of a source: the rows of `files.csv`.

A data set made of picture files keeps, beside its arrays, one line a file: its row in the table, its path inside the
source, its own width and height in pixels, where it was left out the reason, and how many faces were found in it.
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
        row: Its position in the table; None for a file that was left out and so has none.
        file: Its path relative to the source, with `/` on every system.
        width: Its own width in pixels, upright; None if it could not be read.
        height: Its own height, likewise.
        problem: Why it was left out; empty if it was not.
        faces: Number of faces found in it; None where nobody looked for any, or could.
    """

    row: int | None
    file: str
    width: int | None = None
    height: int | None = None
    problem: str = ""
    faces: int | None = None

    @property
    def is_unreadable(self) -> bool:
        """Whether it was left out since it could not be read, not for its faces."""
        return self.row is None and self.faces is None

    def has_size(self, size_px: int) -> bool:
        """Whether it was a square of that size already, so that its pixels were taken as they are."""
        return self.width == self.height == size_px


COLUMNS_WITH_FACES = tuple(field.name for field in fields(PictureFile))
COLUMNS = COLUMNS_WITH_FACES[:-1]
"""Where nobody looked for faces the last one is left out: the form from before it was possible."""


def write_files(folder: Path, files: Iterable[PictureFile]) -> None:
    """Write `files.csv`, UTF-8, one line a file in the order given.

    Raises:
        OSError: If it can't be written; the folder's own writer turns that into our error.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    listed = tuple(files)
    columns = COLUMNS_WITH_FACES if any(file.faces is not None for file in listed) else COLUMNS
    writer.writerow(columns)
    writer.writerows(astuple(file)[: len(columns)] for file in listed)
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
    if tuple(header) not in (COLUMNS, COLUMNS_WITH_FACES):
        raise DataError(f"{path}: the columns are {','.join(header)[:100]!r}, expected {','.join(COLUMNS)!r}.")
    if [file.row for file in files if file.row is not None] != list(range(rows)):
        raise DataError(f"{path} does not name the {rows} rows of the table one by one. Import the data again.")
    return files


def _parse(record: Sequence[str], where: str) -> PictureFile:
    try:
        row, file, width, height, problem, *faces = record
        (found,) = faces or ("",)
        return PictureFile(_number(row), file, _number(width), _number(height), problem, _number(found))
    except ValueError:
        raise DataError(f"{where}: {','.join(record)[:60]!r} is no picture file. Import the data again.") from None


def _number(text: str) -> int | None:
    return int(text) if text else None
