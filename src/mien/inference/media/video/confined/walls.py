"""Walls that a process builds around itself: how much memory and time the system lets it have.

What each system keeps:

- Linux: memory (addresses that are taken, so a table that is asked for and never filled counts, too), time, files.
- macOS: time and files. It doesn't keep the limit of memory, so a thread looks how much there is, 20 times a second.
- Windows has none of them: there, the one who started the process ends it when its time is over, and frames are refused
  by their size.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import Final

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

OUT_OF_MEMORY: Final = 86
"""Status with which a process ends that has taken too much memory, where the system doesn't say no by itself."""

_LOOK_EVERY_S: Final = 0.05
_FILES: Final = 64
"""That may be open at once: libraries may load a part of themselves late."""
_SPARE_S: Final = 5
"""Whoever waits ends the process first, and knows why."""
_AT_WALL: Final = 0.9
"""From this share of the memory on, what fails is taken to fail for want of it."""


class Walls:
    """The walls around this process; they can't be taken down."""

    def __init__(self, memory_bytes: int, work_s: float) -> None:
        """Build them.

        Args:
            memory_bytes: That may be taken beyond what is taken now.
            work_s: Of a processor's time that may be used.
        """
        taken = _read_status("VmSize")
        self._wall_bytes = (taken + memory_bytes) if taken is not None else None
        self._begun_bytes = taken or 0
        _offer_to_the_killer()
        if resource is None:
            return
        if self._wall_bytes is not None:
            _limit("RLIMIT_AS", self._wall_bytes)
        else:
            most = measure_peak() + memory_bytes
            watch = threading.Thread(target=watch_memory, args=(measure_peak, most, os._exit), daemon=True)
            watch.start()
        _limit("RLIMIT_CPU", ceil(time.process_time() + work_s) + _SPARE_S)
        _limit("RLIMIT_FSIZE", 0)  # nothing of a stranger's video is ever written
        _limit("RLIMIT_CORE", 0)
        _limit("RLIMIT_NOFILE", _FILES)

    def were_reached(self) -> bool:
        """Whether nearly all the memory was taken at one time; False where that can't be known."""
        peak = _read_status("VmPeak")
        if self._wall_bytes is None or peak is None:
            return False
        return peak - self._begun_bytes >= _AT_WALL * (self._wall_bytes - self._begun_bytes)


def watch_memory(measure: Callable[[], int], most_bytes: int, leave: Callable[[int], object]) -> None:
    """Look again and again how much memory there is, and leave when it is too much.

    Args:
        measure: Gives bytes.
        most_bytes: That may be taken.
        leave: Takes the status to end with.
    """
    while measure() <= most_bytes:
        time.sleep(_LOOK_EVERY_S)
    leave(OUT_OF_MEMORY)


def measure_peak() -> int:
    """Return the most memory that this process ever held at once, bytes; 0 where the system doesn't tell."""
    if resource is None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _limit(name: str, value: int) -> None:
    """Set one limit, as far as whoever started us allows one."""
    kind = getattr(resource, name)
    _, most = resource.getrlimit(kind)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    hard = value + 1 if name == "RLIMIT_CPU" and most == resource.RLIM_INFINITY else value
    with suppress(OSError, ValueError):  # macOS knows some by name alone
        resource.setrlimit(kind, (value, hard))


def _offer_to_the_killer() -> None:
    """Where a whole machine or container runs out of memory, Linux shall end us, and not who serves everybody."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _read_status(name: str) -> int | None:
    """Return a value of Linux' account of this process in bytes; None elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)
