"""How often persons' numbers are mixed up where real faces cross, found by the bundled detector: beside plain overlap.

    python benchmarks/crossings.py FER2013_FOLDER                  # made by `mien data import`; 20 scenes of each kind
    python benchmarks/crossings.py FER2013_FOLDER --scenes 100 --seed 7

`tracking.py` invents the detector's noise; here it is the detector's own: boxes that lean over to what comes out from
behind, two faces in one box, none for a while (see `encounters.py`). All trackers get the same boxes, the first one the
looks of the faces as well. Switches and, in brackets, mixed numbers are told as in `tracking.py`, and the peer is the
same. Whose a box is goes by CLEAR MOT: a person keeps the box with their number as long as it overlaps them enough, so
that a box around two is no switch in itself; the best overlaps decide the rest. The third number is that of switches
that last: counted only on frames where both faces are found and don't touch. Missed is the share of faces to be seen
that have no box; the one behind is not to be seen while the other one covers much of it.

Source:
    Bernardin and Stiefelhagen, Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics, 2008, 2.1.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from encounters import FPS, IS_FACE_FROM, KINDS, Clip, make_clips
from rich.console import Console
from rich.table import Table
from tracking import PEER, Follows, PlainTracker, count_changes, count_mistakes
from walks import Look, Scene

from mien.core.errors import MienError
from mien.core.geometry import iou
from mien.core.results import Detection
from mien.inference.faces.detector import Detector
from mien.inference.track.tracker import Tracker
from mien.training.data.table import open_dataset


class Beholder:
    """mien's tracker, which is given the looks of one clip's faces."""

    def __init__(self, clip: Clip) -> None:
        """Begin with the clip's first frame."""
        self._tracker, self._looks = Tracker(), iter(clip.looks)

    def update(self, found: Sequence[Detection], time_s: float) -> list[int]:
        """Return a number for each of the next frame's faces."""
        return self._tracker.update(found, time_s, next(self._looks))


TRACKERS: dict[str, Callable[[Clip], Follows]] = {
    "mien": Beholder,
    "by motion alone": lambda _: Tracker(),
    PEER: lambda _: PlainTracker(),
}
"""What is compared: from a clip to what gives its faces numbers."""


def keep_apart(scene: Scene) -> Scene:
    """Return the scene where nobody's truth is told but on frames on which both faces are found and don't touch."""

    def is_apart(look: Look) -> bool:
        boxes = [face.box for face, who in zip(look.found, look.truths, strict=True) if who is not None]
        return len(boxes) == 2 and iou(*boxes) == 0

    return tuple(look if is_apart(look) else replace(look, truths=(None,) * len(look.found)) for look in scene)


def follow(clip: Clip, tracker: Follows) -> dict[int, list[int]]:
    """Return the numbers that each person had, on the frames on which they have a box: by CLEAR MOT."""
    own: dict[int, list[int]] = {}
    for look, boxes in zip(clip.scene, clip.boxes, strict=True):
        numbers = tracker.update(look.found, look.time_s)
        overlaps = [
            (own.get(who, [0])[-1] == number, overlap, who, number)
            for who, box in boxes.items()
            for face, number in zip(look.found, numbers, strict=True)
            if (overlap := iou(box, face.box)) > IS_FACE_FROM
        ]
        held: dict[int, int] = {}
        for _, _, who, number in sorted(overlaps, reverse=True):
            if who not in held and number not in held.values():
                held[who] = number
                own.setdefault(who, []).append(number)
    return own


def count_row(clips: Sequence[Clip]) -> list[str]:
    """Return the cells of a row: each tracker's mistakes, and the share of missed faces."""
    cells = []
    for open_tracker in TRACKERS.values():
        mistakes = [count_changes(follow(clip, open_tracker(clip))) for clip in clips]
        lasting = sum(count_mistakes(keep_apart(clip.scene), open_tracker(clip))[0] for clip in clips)
        cells.append(f"{sum(one for one, _ in mistakes)} ({sum(mixed for _, mixed in mistakes)}), {lasting}")
    shown, missed = sum(clip.shown for clip in clips), sum(clip.missed for clip in clips)
    return [*cells, f"{missed / shown:.1%}"]


def main() -> None:
    """Film, count and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="FER2013_FOLDER", type=Path, help="made by `mien data import`")
    parser.add_argument("--scenes", type=int, default=20, help="scenes of each kind and rate (20)")
    parser.add_argument("--seed", type=int, default=0, help="of the scenes")
    asked = parser.parse_args()
    if asked.scenes < 1 or asked.seed < 0:
        parser.error(f"it takes one scene or more and a seed from 0 on, got {asked.scenes} scenes, seed {asked.seed}")
    table = Table("kind", "frames/s", *(f"{name}: switches (mixed), lasting" for name in TRACKERS), "missed")
    table.title = f"{asked.scenes} {'scene' if asked.scenes == 1 else 'scenes'} a row, seed {asked.seed}"
    try:
        dataset, detector = open_dataset(asked.folder), Detector.load()
        for kind in KINDS:
            for fps in FPS:
                clips = list(make_clips(kind, fps, asked.scenes, asked.seed, dataset, detector))
                table.add_row(kind, f"{fps:.0f}", *count_row(clips))
    except MienError as error:
        parser.error(str(error))
    Console().print(table)


if __name__ == "__main__":
    main()
