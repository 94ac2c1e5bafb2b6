"""Which frames of a video are handed on: a stretch of it, every so many, so many a second at most."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, isfinite
from numbers import Real
from typing import Any

from mien.core.errors import InputError

_SLACK = 1e-6
"""Seconds that a time stamp may be early: stamps are rounded."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """A choice of frames.

    Attributes:
        start_s: Frames before it are left out.
        end_s: Frames at it and after it are left out; None: to the end.
        every: One frame in so many, the first in the stretch included; None: all.
        every_s: One frame in so many seconds.
        max_fps: Frames a second at most, evenly spread as far as the video's rate allows.

    Raises:
        InputError: If a number is not finite and positive (`start_s`: not negative), `every` is not whole, the end
            does not come after the start, or `every` and `every_s` are both given.
    """

    start_s: float = 0.0
    end_s: float | None = None
    every: int | None = None
    every_s: float | None = None
    max_fps: float | None = None

    def __post_init__(self) -> None:
        _check_number("the start", self.start_s, is_zero_right=True)
        for name, value in (("the end", self.end_s), ("every_s", self.every_s), ("max_fps", self.max_fps)):
            if value is not None:
                _check_number(name, value)
        if self.end_s is not None and self.end_s <= self.start_s:
            raise InputError(f"the end ({self.end_s} s) has to come after the start ({self.start_s} s).")
        if self.every is not None:
            _check_number("every", self.every)
            if not isinstance(self.every, int):
                raise InputError(f"every counts whole frames, got {self.every!r}. For seconds take every_s.")
            if self.every_s is not None:
                raise InputError(
                    f"every ({self.every} frames) and every_s ({self.every_s} s) exclude each other. Give one of them."
                )

    @property
    def step_s(self) -> float:
        """The seconds between the frames that are handed on, at least; 0 where there is no such limit."""
        return max(self.every_s or 0.0, 1.0 / self.max_fps if self.max_fps else 0.0)

    def estimate_count(self, rate: float | None, duration_s: float | None, frames: int | None = None) -> int | None:
        """Return how many frames will be handed on, for a progress bar; None where it can't be known.

        Args:
            rate: Frames a second of the video.
            duration_s: Of the whole video, seconds, as far as its file tells.
            frames: Of the whole video, where its header tells.
        """
        if self == Sampling() and frames:
            return frames
        if duration_s is None:
            if self.end_s is None:
                return None
            duration_s = self.end_s
        span_s = min(duration_s, self.end_s or duration_s) - self.start_s
        if span_s <= 0 or (rate is None and not self.step_s):
            return None
        counts = []
        if rate is not None:
            counts.append(ceil(max(1, round(span_s * rate)) / (self.every or 1)))
        if self.step_s:
            counts.append(ceil(span_s / self.step_s - _SLACK))
        return max(1, min(counts))


class Chooser:
    """Says of one frame after the other whether it is handed on."""

    def __init__(self, sampling: Sampling) -> None:
        """Begin before the first frame."""
        self._sampling = sampling
        self._count = 0
        self._first_s: float | None = None
        self._due = 0

    def is_before(self, time_s: float) -> bool:
        """Whether the stretch has not begun yet."""
        return time_s < self._sampling.start_s - _SLACK

    def is_over(self, time_s: float) -> bool:
        """Whether the stretch has ended, so that no later frame will be chosen."""
        return self._sampling.end_s is not None and time_s >= self._sampling.end_s - _SLACK

    def choose(self, time_s: float) -> bool:
        """Return whether the next frame is handed on.

        Args:
            time_s: Of the frame; never less than that of the frame before.
        """
        if self.is_before(time_s):
            return False
        number = self._count
        self._count += 1
        if self._sampling.every and number % self._sampling.every:
            return False
        step_s = self._sampling.step_s
        if not step_s:
            return True
        if self._first_s is None:
            self._first_s = time_s
        # Slots of a fixed grid, one frame each: counting from the last frame taken would halve 30 to 15 at max_fps=20.
        slot = floor((time_s - self._first_s + _SLACK) / step_s)
        if slot < self._due:
            return False
        self._due = slot + 1
        return True


def _check_number(name: str, value: Any, *, is_zero_right: bool = False) -> None:
    is_number = isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)
    if not is_number or value < 0 or (value == 0 and not is_zero_right):
        wanted = "a number from 0 on" if is_zero_right else "a number over 0"
        raise InputError(f"{name} has to be {wanted}, got {value!r}.")
