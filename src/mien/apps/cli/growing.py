"""A CSV file that grows while a video is watched: each row is in it as soon as it is known, whatever happens next."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mien.apps.cli.tables import Column, CsvTable, Row
from mien.core.atomic import blame_file, check_new_file


class GrowingCsv:
    """Rows of a CSV file that other programs can read while it is being written.

    Rows are handed to the system whole and at once: nothing waits in this process to be lost with it. A row that did
    not fit on the disk is taken back, so that the file ends with a whole one.

    Attributes:
        rows: Written so far, the header not counted.
    """

    def __init__(self, path: Path, file: io.FileIO, columns: Sequence[Column]) -> None:
        """Take an empty unbuffered file, and write the header.

        Args:
            path: What errors call it.
            file: Open for writing.
            columns: Of the rows to come.

        Raises:
            InputError: If it can't be written.
        """
        self._path, self._file = path, file
        self._text = io.StringIO(newline="")
        self._table = CsvTable(self._text, columns)
        self._pass_on()

    @property
    def rows(self) -> int:
        """Written so far, the header not counted."""
        return self._table.rows

    @classmethod
    @contextmanager
    def create(cls, path: Path, columns: Sequence[Column]) -> Iterator[GrowingCsv]:
        """Open a UTF-8 file in place of what was there.

        Raises:
            InputError: If it can't be written.
        """
        check_new_file(path)
        with blame_file(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = io.FileIO(path, "w")
        with file:
            yield cls(path, file, columns)

    def write(self, rows: Sequence[Row]) -> None:
        """Write the next rows.

        Raises:
            InputError: If they can't be written; those before stay.
        """
        self._table.write(rows)
        self._pass_on()

    def _pass_on(self) -> None:
        """Hand what waits to the system: all of it, or none."""
        data = memoryview(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()
        with blame_file(self._path):
            begin = self._file.tell()
            try:
                while data:
                    data = data[self._file.write(data) :]
            except OSError:
                with suppress(OSError):  # the first error is the one to tell
                    os.ftruncate(self._file.fileno(), begin)
                raise
