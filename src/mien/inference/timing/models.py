"""How long a model file takes: for one face, for batches of them, or for a picture in which faces are looked for.

From pixels in memory to the answer, on the CPU: decoding a file is not in it, and of photos that are read end to end
the detector and the classifier are the two parts that depend on the model.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Final, NamedTuple

import numpy as np

from mien.core.errors import InputError
from mien.inference.expression.classifier import BATCH_SIZE
from mien.inference.expression.model import load_model
from mien.inference.faces.detector import Detector
from mien.inference.media.pictures import RGB
from mien.inference.runtime.session import count_threads
from mien.inference.timing.turns import plan_calls, take_turns

SECONDS: Final = 5.0
"""Enough for a thousand calls with one face of the bundled model, and fifty with a batch."""

TURNS: Final = 5
MAX_BATCH: Final = 1024
"""Larger batches gain nothing and take gigabytes."""

MAX_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the model took for one kind of call.

    Attributes:
        shown: What it was shown: "1 face", "64 faces", or the width and height of a picture, "640x480".
        count: Faces or pictures in a call.
        threads: Threads of a call.
        calls: Calls that were counted.
        p50_ms: Milliseconds a call, the median.
        p95_ms: The 95th percentile: one call in twenty took longer.
    """

    shown: str
    count: int
    threads: int
    calls: int
    p50_ms: float
    p95_ms: float

    @property
    def per_second(self) -> float:
        """Faces or pictures a second, by the median."""
        return self.count * 1000 / self.p50_ms


class _Contender(NamedTuple):
    threads: int
    shown: str
    size: int


def time_classifier(
    model: str | os.PathLike[str],
    *,
    threads: Iterable[int | None] = (1, None),
    batch_size: int = BATCH_SIZE,
    seconds: float = SECONDS,
) -> list[Timing]:
    """Measure how long a model takes for one face, and for a batch of them in one call.

    The faces are noise of the model's own size and color: the time does not depend on what is seen.

    Args:
        model: Name of a bundled model, or a path; see `find_model`.
        threads: Numbers of threads for one call, each measured once; None means the processors at hand, at most 4.
        batch_size: Faces in a batch, from 1 to `MAX_BATCH`.
        seconds: For the whole, about; slow models take longer, as each kind of call is made twelve times at least.

    Returns:
        By threads, the fewest first: one face, then the batch.

    Raises:
        InputError: If a number is out of its range.
        ModelError: If the model can't be opened, is none for expressions, or fails.
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or not 1 <= batch_size <= MAX_BATCH:
        raise InputError(f"a batch has from 1 to {MAX_BATCH} faces, got a batch size of {batch_size!r}.")
    contenders: dict[_Contender, Callable[[], object]] = {}
    for number in _check(threads, seconds):
        opened = load_model(model, threads=number)
        for count in sorted({1, batch_size}):
            faces = np.random.default_rng(0).integers(0, 256, (count, *opened.input_shape), dtype=np.uint8)
            shown = "1 face" if count == 1 else f"{count} faces"
            contenders[_Contender(number, shown, count)] = partial(opened.run, faces)
    return _measure(contenders, seconds)


def time_detector(
    model: str | os.PathLike[str],
    pictures: Sequence[RGB],
    *,
    threads: Iterable[int | None] = (1, None),
    seconds: float = SECONDS,
) -> list[Timing]:
    """Measure how long a detector takes to find the faces of a picture, at its own score and longest side.

    Args:
        model: Name of a bundled detector, or a path; see `find_model`.
        pictures: (H, W, 3) uint8 RGB each, of different sizes.
        threads: As for `time_classifier`.
        seconds: As for `time_classifier`.

    Returns:
        By threads, the fewest first; then in the order of `pictures`.

    Raises:
        InputError: If a number is out of its range, or there is no picture or two of one size.
        ModelError: If the model can't be opened, is no detector, or fails.
    """
    sizes = [f"{picture.shape[1]}x{picture.shape[0]}" for picture in pictures]
    if not sizes or len(set(sizes)) < len(sizes):
        raise InputError(f"a detector is timed with pictures of different sizes, got {', '.join(sizes) or 'none'}.")
    contenders: dict[_Contender, Callable[[], object]] = {}
    for number in _check(threads, seconds):
        detector = Detector.load(model, threads=number)
        for size, picture in zip(sizes, pictures, strict=True):
            contenders[_Contender(number, size, 1)] = partial(detector.detect, picture)
    return _measure(contenders, seconds)


def _check(threads: Iterable[int | None], seconds: float) -> list[int]:
    """Return the numbers of threads, each once, if they and the time can be used."""
    if not (isfinite(seconds) and 0 < seconds <= MAX_SECONDS):
        raise InputError(f"the seconds to measure lie above 0 and up to {MAX_SECONDS:g}, got {seconds}.")
    numbers = sorted({count_threads(number) for number in threads})
    if not numbers:
        raise InputError("nothing was measured: name at least one number of threads, or None for the default.")
    return numbers


def _measure(contenders: Mapping[_Contender, Callable[[], object]], seconds: float) -> list[Timing]:
    measured = take_turns(contenders, TURNS, plan_calls(contenders, TURNS, seconds), is_warm=True)
    timings = []
    for (threads, shown, size), taken in measured.items():
        p50, p95 = (float(value) * 1000 for value in np.percentile(taken, [50, 95]))
        timings.append(Timing(shown, size, threads, len(taken), p50, p95))
    return timings
