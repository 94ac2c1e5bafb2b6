"""Time stamps into times: from 0 on, never backward, whatever a file's stamps do."""

from __future__ import annotations

from math import inf
from typing import Final

FALLBACK_INTERVAL_S: Final = 1 / 25
"""Between frames, where a file neither stamps its frames nor knows its rate."""


class Clock:
    """Turns the stamps of one video's frames, in their order, into seconds since its first frame.

    A frame without a stamp comes one interval after the one before. A single stamp that leads backward is treated
    likewise; if the next one is behind as well, the stamps have begun anew (recordings that were put together), and
    time goes on from there. So it does where they lead ahead by more than any gap.
    """

    def __init__(self, rate: float | None, first_s: float | None = None, longest_gap_s: float = inf) -> None:
        """Begin.

        Args:
            rate: Frames a second, for frames without a stamp; None where it is unknown.
            first_s: The stamp that counts as 0; None: the first that is read.
            longest_gap_s: What leads ahead by more has begun anew; see `find_longest_gap`.
        """
        self._interval_s = 1.0 / rate if rate else FALLBACK_INTERVAL_S
        self._zero_s = first_s
        self._moved_s = 0.0
        self._last_s: float | None = None
        self._longest_gap_s = longest_gap_s
        self._is_astray = False

    @property
    def moved_s(self) -> float:
        """How far the stamp that counts as 0 has moved since the first one, as stamps began anew; mostly back."""
        return self._moved_s

    @property
    def next_s(self) -> float:
        """When the next frame is due, and so the end of the last one; 0 before any was read."""
        return 0.0 if self._last_s is None else self._last_s + self._interval_s

    def read(self, stamp_s: float | None) -> float:
        """Return the time of the next frame in seconds, at least that of the frame before.

        Args:
            stamp_s: What the file says, in seconds; None where it says nothing.
        """
        time_s = self._follow(stamp_s)
        self._last_s = time_s
        return time_s

    def _follow(self, stamp_s: float | None) -> float:
        expected_s = self.next_s
        if stamp_s is None:
            return expected_s
        if self._zero_s is None:
            self._zero_s = stamp_s - expected_s
        time_s = stamp_s - self._zero_s
        if 0 <= time_s - (self._last_s or 0.0) <= self._longest_gap_s:
            self._is_astray = False
            return time_s
        if self._is_astray:
            self._moved_s += time_s - expected_s
            self._zero_s = stamp_s - expected_s
        self._is_astray = not self._is_astray
        return expected_s
