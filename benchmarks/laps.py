"""A stopwatch for what is done one after the other to each frame of a video."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

STEPS = ("decode", "detect", "recognize", "track, smooth", "row")


class Laps:
    """Adds up, frame by frame, how long each step takes.

    A lap goes from the end of the one before to now, so that what is done between two calls counts for the second.
    """

    def __init__(self) -> None:
        """Begin before the first frame."""
        self._frames: list[dict[str, float]] = []
        self._frame = dict.fromkeys(STEPS, 0.0)
        self._began = time.perf_counter()

    def lap(self, step: str) -> None:
        """End a lap that was spent on one of `STEPS`."""
        now = time.perf_counter()
        self._frame[step] += now - self._began
        self._began = now

    def end_frame(self) -> None:
        """Begin the next frame."""
        self._frames.append(self._frame)
        self._frame = dict.fromkeys(STEPS, 0.0)

    def list_medians(self) -> list[float]:
        """Return the median milliseconds that a frame takes, for each of `STEPS` and for all together."""
        seconds = np.array([[*frame.values(), sum(frame.values())] for frame in self._frames])
        return [float(value) for value in np.median(seconds, axis=0) * 1000]


class TimedDetector:
    """A detector whose time is told from what is done before and after it."""

    def __init__(self, detector: Any, laps: Laps) -> None:
        """Take a `Detector`."""
        self._detector, self._laps = detector, laps

    def detect(self, picture: Any, **limits: Any) -> Any:
        """Find the faces of a picture, as the detector does."""
        self._laps.lap("recognize")
        found = self._detector.detect(picture, **limits)
        self._laps.lap("detect")
        return found
