"""Forms in which `mien predict` gives its readings; each takes one picture after the other."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from PIL import Image
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mien.core.atomic import atomic_file, write_bytes
from mien.core.errors import InputError
from mien.core.results import Picture
from mien.inference.media.drawing import annotate
from mien.inference.media.pictures import read_picture


class Output(Protocol):
    """Takes readings in order."""

    def write(self, picture: Picture) -> None:
        """Take the next picture."""


class JsonLines:
    """One JSON object a line on standard output; in ASCII, so that any terminal and any file name will do."""

    def write(self, picture: Picture) -> None:
        """Print the next picture."""
        print(json.dumps(picture.to_dict()))


class CsvFile:
    """Rows of a CSV file: one a face; one with empty fields for a picture without a face, or one that can't be read.

    Attributes:
        rows: Written so far, the header not counted.
    """

    def __init__(self, writer: Any, labels: Sequence[str]) -> None:
        """Take a `csv.writer` and write the header.

        Args:
            writer: Where rows go.
            labels: The model's labels; each gets a column with its probability.
        """
        self._writer = writer
        self._labels = tuple(labels)
        self.rows = 0
        fields = ("source", "x", "y", "width", "height", "score", "expression", "confidence", "is_certain")
        self._writer.writerow([*fields, *self._labels, "error"])

    @classmethod
    @contextmanager
    def create(cls, path: Path, labels: Sequence[str]) -> Iterator[CsvFile]:
        """Open a file that is there when all rows are written, and not before.

        Raises:
            InputError: If it can't be written.
        """
        # File names that are no text are written with escapes: the file stays valid UTF-8.
        with (
            atomic_file(path) as temporary,
            temporary.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
        ):
            yield cls(csv.writer(file), labels)

    def write(self, picture: Picture) -> None:
        """Write the rows of the next picture."""
        if not picture.faces:
            message = "" if picture.error is None else picture.error["message"]
            self._write([picture.source, *[""] * (8 + len(self._labels)), message])
        for face in picture.faces or ():
            box, score = face.box.to_list(), "" if face.score is None else face.score
            reading = (face.expression, face.confidence, str(face.is_certain).lower())
            self._write([picture.source, *box, score, *reading, *face.probabilities.values(), ""])

    def _write(self, row: list[Any]) -> None:
        self._writer.writerow(row)
        self.rows += 1


class ResultTable:
    """A table for people."""

    def __init__(self) -> None:
        """Begin without rows."""
        self._table = Table(header_style="bold")
        self._table.add_column("source", overflow="fold")
        self._table.add_column("expression")
        self._table.add_column("confidence", justify="right")
        self._table.add_column("certain")

    @classmethod
    @contextmanager
    def collect(cls) -> Iterator[ResultTable]:
        """Yield an empty table, and print it when all went well."""
        table = cls()
        yield table
        Console().print(table._table)

    def write(self, picture: Picture) -> None:
        """Add the rows of the next picture."""
        source = Text(printable(picture.source))
        if picture.error is not None:
            self._table.add_row(source, Text(printable(picture.error["message"]), style="red"), "", "")
        elif not picture.faces:
            self._table.add_row(source, Text("no face found", style="dim"), "", "")
        for face in picture.faces or ():
            certain = Text("yes") if face.is_certain else Text("no", style="yellow")
            self._table.add_row(source, Text(face.expression), f"{face.confidence:.1%}", certain)


class AnnotatedFolder:
    """A folder of annotated pictures, each under the name it had below the path that was named."""

    def __init__(self, folder: Path, sources: Sequence[tuple[Path, Path]]) -> None:
        """Make the folder and choose a name for every picture.

        Args:
            folder: Where they go; is made if absent.
            sources: The pictures in the order they will come, each with its relative path.

        Raises:
            InputError: If the folder can't be written to.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"can't make the folder {folder}: {error.strerror}. Name another one.") from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"can't write into the folder {folder}. Name another one.")
        self._pending = zip([path for path, _ in sources], choose_targets(folder, sources), strict=True)

    def write(self, picture: Picture) -> None:
        """Write the next picture, if it could be read."""
        source, target = next(self._pending)
        if picture.faces is None:
            return
        buffer = io.BytesIO()
        Image.fromarray(annotate(read_picture(source), picture.faces)).save(buffer, "PNG")
        write_bytes(target, buffer.getvalue())


def choose_targets(folder: Path, sources: Sequence[tuple[Path, Path]]) -> list[Path]:
    """Return a PNG's path in `folder` for every source, so that none overwrites another's, or a source itself.

    `a/x.jpg` and `b/x.png` named one by one become `x.png` and `x-2.png`; files of one folder keep their subfolders.
    """
    taken = {_same_file_key(path) for path, _ in sources}
    targets = []
    for _, relative in sources:
        target, number = folder / relative.with_suffix(".png"), 1
        while _same_file_key(target) in taken:
            number += 1
            target = folder / relative.with_name(f"{relative.stem}-{number}.png")
        taken.add(_same_file_key(target))
        targets.append(target)
    return targets


def printable(text: str) -> str:
    """Return the text with escapes for what would move the cursor or can't be encoded."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _same_file_key(path: Path) -> str:
    """Return what two paths share if they may mean one file; some file systems don't tell cases apart."""
    return os.path.realpath(path).casefold()
