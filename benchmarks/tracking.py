"""How often persons' numbers are mixed up, and how long a frame takes: beside plain overlap and Hungarian matching.

    python benchmarks/tracking.py                      # 20 scenes of each kind
    python benchmarks/tracking.py --scenes 200 --seed 7

The scenes are made, so that the truth is known: see `scenes.py`, and `walks.py` for the detector's noise. The first
table counts identity switches, as CLEAR MOT does: a person's number differs from the one it had when it was last found.
In brackets, how many numbers more than one person had: rows of two persons that were mixed, the worse mistake. Who was
away for more than 2 s counts as another person. The second table is the median time of a frame.

The named peer is what most scripts do: the boxes' overlap with the last ones, the Hungarian method, no motion; it
remembers as long as mien does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
from rich.console import Console
from rich.table import Table
from scenes import KINDS, make_scenes
from scipy.optimize import linear_sum_assignment
from walks import Scene

from mien.core.geometry import Box, iou
from mien.core.results import Detection
from mien.inference.track.tracker import Tracker, TrackerSettings

PEER = "overlap, Hungarian"
CROWDS = (1, 5, 20)


class Follows(Protocol):
    """What gives numbers."""

    def update(self, found: Sequence[Detection], time_s: float) -> list[int]:
        """Return a number for each of the frame's faces."""


class PlainTracker:
    """Gives a face the number of the box that it overlaps most, for all faces together."""

    def __init__(self, least_overlap: float = 0.3, remember_s: float = TrackerSettings().remember_s) -> None:
        """Take the usual threshold, and mien's memory."""
        self._least_overlap, self._remember_s = least_overlap, remember_s
        self._last: dict[int, tuple[Box, float]] = {}
        self._given = 0

    def update(self, found: Sequence[Detection], time_s: float) -> list[int]:
        """Return a number for each of the frame's faces."""
        self._last = {number: one for number, one in self._last.items() if time_s - one[1] <= self._remember_s}
        known = list(self._last)
        overlaps = np.array([[iou(self._last[number][0], face.box) for face in found] for number in known])
        numbers = [0] * len(found)
        if overlaps.size:
            for row, column in zip(*linear_sum_assignment(-overlaps), strict=True):
                if overlaps[row, column] >= self._least_overlap:
                    numbers[column] = known[row]
        for column, face in enumerate(found):
            if not numbers[column]:
                self._given += 1
                numbers[column] = self._given
            self._last[numbers[column]] = face.box, time_s
        return numbers


TRACKERS: dict[str, Callable[[], Follows]] = {"mien": Tracker, PEER: PlainTracker}


def count_mistakes(scene: Scene, tracker: Follows) -> tuple[int, int]:
    """Follow a scene.

    Returns:
        How often a person's number differs from the one it had when it was last found, and how many numbers more than
        one person had.
    """
    own: dict[int, list[int]] = {}
    for look in scene:
        for who, number in zip(look.truths, tracker.update(look.found, look.time_s), strict=True):
            if who is not None:
                own.setdefault(who, []).append(number)
    return count_changes(own)


def count_changes(own: Mapping[int, Sequence[int]]) -> tuple[int, int]:
    """Return switches and mixed numbers, by the numbers that each person had one after the other."""
    switches = sum(last != now for numbers in own.values() for last, now in pairwise(numbers))
    holders = [number for numbers in own.values() for number in set(numbers)]
    return switches, sum(holders.count(number) > 1 for number in set(holders))


def count_all(kind: str, count: int, seed: int, open_tracker: Callable[[], Follows]) -> tuple[int, int]:
    """Sum `count_mistakes` over scenes of a kind, each with a tracker of its own."""
    mistakes = [count_mistakes(scene, open_tracker()) for scene in make_scenes(kind, count, seed)]
    return sum(switches for switches, _ in mistakes), sum(borrowed for _, borrowed in mistakes)


def time_frames(faces: int, tracker: Follows, frames: int) -> float:
    """Return the median microseconds of a frame with a number of faces that stand in rows and wobble."""
    random = np.random.default_rng(0)
    took = []
    for frame in range(frames):
        found = [
            Detection(
                Box(200.0 * (one % 5) + random.normal(0, 2), 150.0 * (one // 5) + random.normal(0, 2), 80, 100),
                0.9,
                np.zeros((5, 2), np.float32),
            )
            for one in range(faces)
        ]
        start = time.perf_counter()
        tracker.update(found, frame / 25)
        took.append(time.perf_counter() - start)
    return float(np.median(took)) * 1e6


def main() -> None:
    """Count, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=20, help="scenes of each kind, in turn at 10, 25 and 60 frames/s")
    parser.add_argument("--seed", type=int, default=0, help="of the scenes")
    parser.add_argument("--frames", type=int, default=300, help="frames that are timed")
    options = parser.parse_args()
    switches = Table(f"switches in {options.scenes} scenes (mixed)", *TRACKERS)
    for kind in KINDS:
        counted = [count_all(kind, options.scenes, options.seed, open_one) for open_one in TRACKERS.values()]
        switches.add_row(kind, *(f"{switched} ({borrowed})" for switched, borrowed in counted))
    Console().print(switches)
    times = Table("faces", *(f"{name}, µs a frame" for name in TRACKERS))
    for faces in CROWDS:
        times.add_row(
            str(faces), *(f"{time_frames(faces, open_one(), options.frames):.0f}" for open_one in TRACKERS.values())
        )
    Console().print(times)


if __name__ == "__main__":
    main()
