"""What `mien predict` tells a person: a table of the readings, and how many there were."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from mien.apps.cli.outputs import printable
from mien.core.errors import MissingMediaError
from mien.core.geometry import Box
from mien.core.results import Face, Picture

WIDEST: Final = 10_000
"""Letters of a line that goes to a file or another program."""

MAX_ROWS: Final = 1_000
"""More rows are counted and not kept: nobody reads them on a screen, and a million of them would fill the memory."""


@dataclass
class Tally:
    """Counts what was read.

    Attributes:
        faces: Found in all pictures together.
        uncertain: Those of them whose label is not certain.
        pictures: With at least one face.
        faceless: Pictures without one.
        unreadable: Pictures that could not be read.
        absent: Names under which there is no file.
        undrawn: Pictures that were read, and could not be read again to draw on them; somebody else counts them.
    """

    faces: int = 0
    uncertain: int = 0
    pictures: int = 0
    faceless: int = 0
    unreadable: int = 0
    absent: int = 0
    undrawn: int = 0

    @property
    def seen(self) -> int:
        """How many were handed here, whatever came of them."""
        return self.pictures + self.faceless + self.unreadable + self.absent

    def write(self, picture: Picture) -> None:
        """Count the next picture."""
        if is_absent(picture):
            self.absent += 1
        elif picture.faces is None:
            self.unreadable += 1
        elif not picture.faces:
            self.faceless += 1
        else:
            self.pictures += 1
            self.faces += len(picture.faces)
            self.uncertain += sum(not face.is_certain for face in picture.faces)

    def __str__(self) -> str:
        """Return one line for people, such as "3 faces in 2 pictures, 1 of the faces not certain, 1 unreadable"."""
        parts = [f"{_count(self.faces, 'face')} in {_count(self.pictures, 'picture')}"] if self.faces else []
        if self.uncertain:
            parts.append("not certain" if self.faces == 1 else f"{self.uncertain} of the faces not certain")
        if self.faceless:
            parts += [] if self.faces else ["no face"]
            parts.append(f"{_count(self.faceless, 'picture')} without a face")
        if self.unreadable:
            parts.append(f"{self.unreadable} unreadable")
        if self.absent:
            parts.append(f"{self.absent} not found")
        if self.undrawn:
            parts.append(f"{self.undrawn} not drawn")
        return ", ".join(parts or ["no face"])


class ResultTable:
    """A table for people: a row a face, in the order in which they were found, `MAX_ROWS` at most."""

    def __init__(self, tally: Tally, *, has_places: bool, has_tone: bool = False) -> None:
        """Begin without rows.

        Args:
            tally: What to print below the table; somebody else counts.
            has_places: Whether to say where in its picture a face is; of no use where each picture is one face.
            has_tone: Whether to show the coarse answers, too.
        """
        self._tally = tally
        self._errors: list[str] = []
        self._more_rows = self._more_errors = 0
        self._has_places = has_places
        self._has_tone = has_tone
        self._table = Table(header_style="bold")
        self._table.add_column("source", overflow="fold")
        if has_places:
            self._table.add_column("where", no_wrap=not has_tone)
        # With more columns those of two words break between them in a narrow terminal, so that no word is cut.
        self._table.add_column("expression", no_wrap=has_tone)
        self._table.add_column("confidence", justify="right", no_wrap=has_tone)
        self._table.add_column("certain", no_wrap=has_tone)
        if has_tone:
            self._table.add_column("tone")
            self._table.add_column("valence", justify="right", no_wrap=True)

    @classmethod
    @contextmanager
    def collect(cls, tally: Tally, *, has_places: bool, has_tone: bool = False) -> Iterator[ResultTable]:
        """Yield an empty table; when all went well print it, what is wrong with unreadable pictures, and the counts.

        Of what is more than `MAX_ROWS` the number is told.
        """
        table = cls(tally, has_places=has_places, has_tone=has_tone)
        yield table
        console = Console()
        if not console.is_terminal and "COLUMNS" not in os.environ:  # in a pipe no name is broken: grep finds it
            wished = Measurement.get(console, console.options.update(max_width=WIDEST), table._table).maximum
            console.width = max(console.width, wished)
        console.print(table._table)
        table._tell_more(console, table._more_rows, "row")
        for error in table._errors:
            console.print(Text(error, style="red"), soft_wrap=True)  # a path that is broken can't be copied
        table._tell_more(console, table._more_errors, "error")
        console.print(Text(str(table._tally)))

    def write(self, picture: Picture) -> None:
        """Add the rows of the next picture; its name stands in the first of them."""
        source = Text(printable(picture.source))
        if picture.error is not None:
            if len(self._errors) < MAX_ROWS:
                self._errors.append(printable(picture.error["message"]))
            else:
                self._more_errors += 1
            self._add(source, Text(), Text("not found" if is_absent(picture) else "unreadable", style="red"))
        elif not picture.faces:
            self._add(source, Text(), Text("no face", style="dim"))
        for number, face in enumerate(picture.faces or ()):
            certain = show_certainty(face)
            name = source if number == 0 else Text()
            reading = (Text(face.expression), Text(f"{face.confidence:.1%}"), certain)
            self._add(name, Text(_place(face.box)), *reading, *(_show_coarse(face) if self._has_tone else ()))

    def _add(self, source: Text, where: Text, *cells: Text) -> None:
        if self._table.row_count < MAX_ROWS:
            self._table.add_row(source, *([where] if self._has_places else []), *cells)
        else:
            self._more_rows += 1

    @staticmethod
    def _tell_more(console: Console, number: int, noun: str) -> None:
        if number:
            them = "it" if number == 1 else "them"
            console.print(Text(f"... and {number:,} more {noun}{'s' * (number != 1)}; write {them} with --csv FILE"))


def is_absent(picture: Picture) -> bool:
    """Whether a picture's error is that there is no such file."""
    return picture.error is not None and picture.error["code"] == MissingMediaError.code


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _place(box: Box) -> str:
    """Return a box's size and its top left corner in whole pixels, such as "214x214 at 96,40"."""
    x, y, width, height = (round(value) for value in box.to_list())
    return f"{width}x{height} at {x},{y}"


def _show_coarse(face: Face) -> tuple[Text, ...]:
    """Return the cells of the coarse answers; empty where a label of the model is none of the seven."""
    if face.tone is None:
        return ()
    return Text(f"{face.tone} {face.tone_confidence:.1%}"), Text(f"{face.valence:+.2f}")


def show_certainty(face: Face) -> Text:
    """Return the cell that says whether a face's reading is certain."""
    return Text("yes") if face.is_certain else Text("no", style="yellow")
