"""Times and rates as people write them on the command line, and read them on the screen."""

from __future__ import annotations

import math
from typing import NamedTuple

from mien.apps.report.clip import times
from mien.core.errors import InputError


class Every(NamedTuple):
    """Which frames to look at: each so-many-th, or one in so many seconds; both None for all.

    Attributes:
        frames: From 1 on.
        seconds: Above 0.
    """

    frames: int | None = None
    seconds: float | None = None


def parse_every(text: str) -> Every:
    """Read how often to look: "5" is every fifth frame, "0.5s" one frame in half a second.

    Raises:
        InputError: If it is neither.
    """
    try:
        every = Every(seconds=float(text[:-1])) if text.endswith("s") else Every(frames=int(text))
    except ValueError:
        every = Every(frames=0)
    size = every.seconds if every.frames is None else every.frames
    if size is None or not (math.isfinite(size) and size > 0):
        raise InputError(f"--every takes a number of frames, such as 5, or of seconds, such as 0.5s; got {text!r}.")
    return every


def parse_time(text: str, flag: str) -> float:
    """Read a time in a video: "90", "90.5", "1:30" or "1:02:03.5".

    Args:
        text: Seconds; or minutes and seconds; or hours, minutes and seconds.
        flag: What errors call it.

    Returns:
        Seconds.

    Raises:
        InputError: If it is none of them.
    """
    parts = text.split(":")
    try:
        *whole, last = [*map(int, parts[:-1]), float(parts[-1])]
        if len(parts) > 3 or any(not 0 <= part < 60 for part in [*whole[1:], *([last] if whole else [])]):
            raise ValueError
        seconds = sum(part * 60.0**power for power, part in enumerate(reversed([*whole, last])))
        if not (math.isfinite(seconds) and seconds >= 0 and all(part >= 0 for part in whole)):
            raise ValueError
    except ValueError:
        raise InputError(
            f"{flag} takes seconds, such as 90.5, or a time, such as 1:30 or 1:02:03; got {text!r}."
        ) from None
    return float(seconds)


def show_time(seconds: float) -> str:
    """Return a time as "1:02.5", or "1:02:03.5" from an hour on."""
    return times.show_time(seconds, tenths=True)
