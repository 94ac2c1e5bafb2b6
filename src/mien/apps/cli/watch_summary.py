"""What `mien watch` tells a person at the end: a table of the persons, or of the group, and a line about all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mien.apps.cli.clock import show_time
from mien.inference.insights.collector import ClipInsights
from mien.inference.insights.group import GroupBin, GroupInsights
from mien.inference.insights.persons import PersonInsights

MAX_ROWS: Final = 40
"""More persons or spans are counted and not shown."""

_COMMON: Final = 3  # expressions that a row names


def print_summary(insights: ClipInsights, console: Console) -> None:
    """Print what a video showed.

    Args:
        insights: Of the whole video, or of what was read of it.
        console: Where to.
    """
    if insights.group is not None:
        if insights.group.bins:
            console.print(_draw_group(insights.group))
            _tell_more(console, len(insights.group.bins), "spans")
        else:
            console.print(Text("nothing is told of a group: no frame was looked at", style="yellow"))
    elif insights.persons:
        console.print(_draw_persons(insights.persons))
        if any(person.is_guess for person in insights.persons):
            console.print(Text("?: less than half of that person's time is certain; the rest is a guess", style="dim"))
        _tell_more(console, len(insights.persons), "persons")
    console.print(Text(_count(insights)))


def _draw_persons(persons: Sequence[PersonInsights]) -> Table:
    table = Table(header_style="bold")
    table.add_column("person", justify="right")
    table.add_column("from - to", no_wrap=True)
    table.add_column("seen", justify="right", no_wrap=True)
    table.add_column("expressions")
    table.add_column("certain", justify="right")
    table.add_column("longest smile", justify="right")
    for person in persons[:MAX_ROWS]:
        span = f"{show_time(person.first_s)} - {show_time(person.until_s)}"
        certain = "" if person.certain_share is None else f"{person.certain_share:.0%}"
        smile = f"{person.longest_smile_s:.1f} s" if person.longest_smile_s else ""
        shown: str | Text = _name_commonest(person.shares, is_guess=person.is_guess)
        if person.shares is None:
            shown = Text("one frame has no length in time", style="dim")
        table.add_row(str(person.person), span, f"{person.seen_s:.1f} s", shown, certain, smile)
    return table


def _draw_group(group: GroupInsights) -> Table:
    table = Table(header_style="bold")
    table.add_column("from - to", no_wrap=True)
    table.add_column("faces", justify="right")
    table.add_column("expressions")
    table.add_column("valence", justify="right")
    for one in group.bins[:MAX_ROWS]:
        table.add_row(*_show_bin(one))
    if group.bins:
        table.add_section()
        table.add_row("all that is told", *_show_bin(group.total)[1:])
    return table


def _show_bin(one: GroupBin) -> tuple[str, str, str | Text, str]:
    span = f"{show_time(one.start_s)} - {show_time(one.end_s)}"
    if one.reason is not None:
        return span, "", Text(one.reason, style="dim"), ""
    valence = "" if one.valence is None else f"{one.valence:+.2f}"
    return span, f"{one.faces_mean:.1f}", _name_commonest(one.shares), valence


def _name_commonest(shares: Mapping[str, float] | None, *, is_guess: bool = False) -> str:
    """Return the commonest expressions with their shares, such as "happy 62%, neutral 30%"; of a guess "happy? 62%"."""
    ranked = sorted((shares or {}).items(), key=lambda item: -item[1])[:_COMMON]
    return ", ".join(f"{label}{'?' * is_guess} {share:.0%}" for label, share in ranked if share >= 0.005)


def _count(insights: ClipInsights) -> str:
    frames = f"{insights.frames:,} frame{'s' * (insights.frames != 1)} of {show_time(insights.duration_s)}"
    if insights.frames_with_faces is None:
        return f"{frames} looked at"
    persons = len(insights.persons) + insights.persons_left_out
    told = f"{persons} person{'s' * (persons != 1)}" if persons else "no person"
    glimpses = f" and {insights.persons_fleeting} seen too briefly to be told of" if insights.persons_fleeting else ""
    return f"{told}{glimpses}; {frames} looked at, {insights.frames_with_faces:,} with a face"


def _tell_more(console: Console, number: int, noun: str) -> None:
    if number > MAX_ROWS:
        console.print(Text(f"... and {number - MAX_ROWS:,} more {noun}; --insights FILE writes all"))
