"""Times as a page shows them: m:ss, and where on an axis they lie."""

from __future__ import annotations

from math import ceil, floor
from typing import NamedTuple

MOST_TICKS = 8
"""More would run into each other on a desktop; a phone shows every second one."""

_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_ROUNDING = 1e-6


class Tick(NamedTuple):
    """A time on an axis.

    Attributes:
        place: 0 at the axis' left end, 1 at its right one.
        text: Such as "1:30".
        is_minor: Whether it may be left out where there is little room.
    """

    place: float
    text: str
    is_minor: bool


class Span(NamedTuple):
    """The time that an axis covers.

    Attributes:
        start_s: At its left end, in seconds of the video.
        length_s: 0 of a video of one frame.
    """

    start_s: float
    length_s: float

    def place(self, time_s: float) -> float:
        """Return where a time lies, 0 at the left end and 1 at the right one; what lies outside is moved there."""
        if self.length_s <= 0.0:
            return 0.0
        return min(max((time_s - self.start_s) / self.length_s, 0.0), 1.0)

    def list_ticks(self) -> list[Tick]:
        """Return round times, at most `MOST_TICKS` and one."""
        if self.length_s <= 0.0:
            return []
        step_s = next((step for step in _STEPS_S if self.length_s / step <= MOST_TICKS), None)
        if step_s is None:  # a camera that ran for days
            step_s = _STEPS_S[-1] * ceil(self.length_s / _STEPS_S[-1] / MOST_TICKS)
        first = ceil(self.start_s / step_s - _ROUNDING)
        last = floor((self.start_s + self.length_s) / step_s + _ROUNDING)
        return [
            Tick(self.place(number * step_s), show_time(number * step_s, tenths=step_s < 1), bool((number - first) % 2))
            for number in range(first, last + 1)
        ]


def show_time(seconds: float, *, tenths: bool = False) -> str:
    """Return a time in the video, such as "1:05", "1:05.3" or "2:01:05".

    Args:
        seconds: From 0 on.
        tenths: Whether tenths of a second matter.
    """
    units = round(seconds * 10) if tenths else round(seconds) * 10
    whole, tenth = divmod(units, 10)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
    return f"{text}.{tenth}" if tenths else text


def show_length(seconds: float) -> str:
    """Return a length of time, such as "4.2 s" under a minute and "1:05 min" or "2:01:05 h" from there on."""
    if round(seconds * 10) < 600:
        return f"{seconds:.1f} s"
    return f"{show_time(seconds)} {'h' if round(seconds) >= 3600 else 'min'}"
