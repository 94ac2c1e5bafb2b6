"""What `mien watch` shows a person meanwhile: a bar for a file, and for a camera a table that changes as faces do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple, Protocol

from rich.box import HEAVY_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from mien.apps.cli.clock import show_time
from mien.core.moments import Moment, Sighting

REFRESH_HZ: Final = 8.0
"""How often a live table is drawn anew; more flickers on slow terminals."""

_BAR: Final = 20  # letters of a full bar
_GONE_S: Final = 2.0  # a person who was not seen for so long leaves the live table


class Screen(Protocol):
    """Shows what is being read."""

    def show(self, moment: Moment) -> None:
        """Take the next frame."""


class Bar:
    """A progress bar with the time left."""

    def __init__(self, progress: Progress, total: int | None) -> None:
        """Take a progress that is shown already; `total` frames are expected, None if nobody knows."""
        self._progress = progress
        self._task = progress.add_task("watching", total=total)

    @classmethod
    @contextmanager
    def open(cls, total: int | None) -> Iterator[Screen]:
        """Show a bar on standard error while the body runs, if that is a terminal."""
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("frames,"),
            TimeRemainingColumn(),
        )
        # Nothing is redirected: rich would print on standard error what belongs on standard output.
        with Progress(
            *columns,
            console=console,
            transient=True,
            disable=not console.is_terminal,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as progress:
            yield cls(progress, total)

    def show(self, moment: Moment) -> None:
        """Count the next frame."""
        self._progress.advance(self._task)


class LiveTable:
    """A table of the persons before a camera, as they look now; narrow terminals have less of it, or one line."""

    def __init__(self, live: Live) -> None:
        """Take a display that is shown already."""
        self._live = live
        self._seen: dict[int, tuple[float, Sighting]] = {}
        self._since: dict[int, float] = {}
        self._frames: list[float] = []

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Screen]:
        """Show the table on standard error while the body runs, so that standard output is free for rows."""
        console = Console(stderr=True)
        with Live(console=console, refresh_per_second=REFRESH_HZ, redirect_stdout=False, redirect_stderr=False) as live:
            yield cls(live)

    def show(self, moment: Moment) -> None:
        """Draw the next frame's persons; who left a while ago is let go of."""
        now = moment.time_s
        for sighting in moment.sightings:
            self._since.setdefault(sighting.person, now)
            self._seen[sighting.person] = (now, sighting)
        for person in [person for person, (last, _) in self._seen.items() if now - last > _GONE_S]:
            del self._seen[person], self._since[person]
        clock = time.monotonic()
        self._frames = [*(one for one in self._frames if clock - one < 1.0), clock]
        self._live.update(self._draw(now, self._live.console.width))

    def _draw(self, now: float, width: int) -> Group | Text:
        """Draw what a terminal of so many columns has room for; what is too long even so ends with "…"."""
        form = next((form for form in _FORMS if form.least <= width), None)
        if form is None:
            names = (f"{person} {_name(sighting)}" for person, (_, sighting) in sorted(self._seen.items()))
            return Text(", ".join(names) or "no face", no_wrap=True, overflow="ellipsis")
        table = form.begin(width)
        for person, (last, sighting) in sorted(self._seen.items()):
            bar = f"{'█' * round(_BAR * sighting.confidence):<{_BAR}} " if form.has_bar else ""
            valence = "" if sighting.valence is None else f"{sighting.valence:+.2f}"
            cells = (
                *(str(person), _name(sighting), f"{bar}{sighting.confidence:4.0%}", valence),
                show_time(last - self._since[person]),
            )
            table.add_row(*cells[: form.columns], style="dim" if last < now else "")
        told = f"{show_time(now)}, {len(self._frames)} frames a second; Ctrl-C ends"
        told = told if self._seen else f"no face; {told}"
        return Group(table, Text(told if len(told) <= width else told.partition(",")[0], style="dim"))


class _Form(NamedTuple):
    """How much of the live table a terminal has room for.

    Attributes:
        least: The terminal's columns from which on.
        columns: So many of the table's own.
        has_bar: Whether the confidence is a bar, too.
        has_box: Whether there are lines between the cells.
    """

    least: int
    columns: int
    has_bar: bool = False
    has_box: bool = True

    def begin(self, width: int) -> Table:
        """Return a table without rows; only the expression takes more room than it needs, and less if it must."""
        table = Table(header_style="bold", box=HEAVY_HEAD if self.has_box else None, pad_edge=self.has_box)
        for name in ("person", "expression", "confidence", "valence", "here for")[: self.columns]:
            is_long = name == "expression"
            longest = len(name) + width - self.least if is_long else None
            table.add_column(name, no_wrap=True, max_width=longest, overflow="ellipsis")
        return table


_FORMS: Final = (_Form(74, 5, has_bar=True), _Form(51, 3, has_bar=True), _Form(36, 3), _Form(20, 2, has_box=False))
"""The best first. A terminal that is narrower than all of them has one line."""


def _name(sighting: Sighting) -> str:
    return f"{sighting.expression}{'' if sighting.is_certain else '?'}"
