"""What `mien watch` shows a person meanwhile: a bar for a file, and for a camera a table that changes as faces do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

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
    """A table of the persons before a camera, as they look now."""

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
        self._live.update(self._draw(now))

    def _draw(self, now: float) -> Group:
        table = Table(header_style="bold")
        for name in ("person", "expression", "confidence", "valence", "here for"):
            table.add_column(name, no_wrap=True)
        for person, (last, sighting) in sorted(self._seen.items()):
            style = "dim" if last < now else ""
            mark = "" if sighting.is_certain else "?"
            valence = "" if sighting.valence is None else f"{sighting.valence:+.2f}"
            stay = show_time(last - self._since[person])
            bar = "█" * round(_BAR * sighting.confidence)
            confidence = f"{bar:<{_BAR}} {sighting.confidence:4.0%}"
            table.add_row(str(person), f"{sighting.expression}{mark}", confidence, valence, stay, style=style)
        told = f"{show_time(now)}, {len(self._frames)} frames a second; Ctrl-C ends"
        return Group(table, Text(told if self._seen else f"no face; {told}", style="dim"))
