"""Whose are the errors of the landmarks, the detector's or the labels'? Hold both against points placed by hand.

The landmarks of the photos that the detector is scored on are another detector's output. A table of points placed by
hand, `docs/studies/landmarks-by-hand.csv`, tells how far those are off, how far ours are, and how well the hand repeats
itself: its second round marks some of the faces again. Distances are in percent of that between the eyes by hand.

    python examples/landmark_labels.py wider docs/studies/landmarks-by-hand.csv      # or: ... --detector mine.onnx

`wider` is the folder that `mien data import` reads, with `annotations.jsonl`; the table names its photos.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

import numpy as np
from cyclopts import run
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.inference.faces.detector import Detector
from mien.inference.faces.quality import estimate_pose
from mien.inference.media.pictures import read_picture
from mien.training.data.sources.annotated_photos import ANNOTATIONS_FILE
from mien.training.evaluate.detections.matching import MATCH_IOU, find_iou

POINTS = ("right eye", "left eye", "nose", "right corner", "left corner")
FRONTAL_DEG = 15.0
"""Turned and tilted by less, a face counts as near-frontal."""

Points: TypeAlias = NDArray[np.complex128]
"""(5,) or (N, 5), x + 1j * y in pixels, in the order of `mien.core.geometry.Landmarks`."""
Face: TypeAlias = tuple[str, tuple[float, ...]]
"""A photo's name and a box in it."""


def read_points(path: Path) -> dict[str, dict[Face, Points]]:
    """Return the hand's points of each face, by round ("1", "2") and face."""
    rounds: dict[str, dict[Face, Points]] = {"1": {}, "2": {}}
    with path.open(newline="", encoding="utf-8") as file:
        for photo, number, *numbers in list(csv.reader(file))[1:]:
            if number not in rounds or len(numbers) != 14:
                raise DataError(
                    f"{path}: a row needs photo, round 1 or 2, a box and ten numbers, got {photo} {number}."
                )
            values = [float(text) for text in numbers]
            rounds[number][photo, tuple(values[:4])] = np.array(values[4:]).reshape(5, 2) @ [1, 1j]
    return rounds


def read_given(folder: Path, faces: Iterable[Face]) -> dict[Face, Points]:
    """Return the annotated landmarks of the faces that have some."""
    given = {}
    for line in map(json.loads, (folder / ANNOTATIONS_FILE).read_text("utf-8").splitlines()):
        known = {tuple(face["box"]): face["landmarks"] for face in line["faces"]}
        for photo, box in faces:
            if photo == line["file"] and known.get(box):
                given[photo, box] = np.array(known[box]) @ [1, 1j]
    return given


def detect(folder: Path, faces: Iterable[Face], detector: Detector) -> dict[Face, Points]:
    """Return the landmarks of the surest detection of each face that is found."""
    seen = {photo: detector.detect(read_picture(folder / photo)) for photo, _ in faces}
    found = {}
    for photo, box in faces:
        boxes = np.array([one.box.to_list() for one in seen[photo]]).reshape(-1, 4)
        hits = np.flatnonzero(find_iou(boxes, np.array([box]))[:, 0] >= MATCH_IOU)
        if hits.size:
            found[photo, box] = seen[photo][hits[0]].landmarks @ [1, 1j]
    return found


def find_shifts(one: Points, other: Points, hand: Points) -> Points:
    """Return where `one` lies seen from `other`, in distances between the hand's eyes: along their line + 1j * down."""
    shifts: Points = (one - other) / (hand[:, 1:2] - hand[:, :1])
    return shifts


def find_middle(shifts: Points) -> Points:
    """Return the median over faces, along and down each by itself: (5,)."""
    middle: Points = np.median(shifts.real, axis=0) + 1j * np.median(shifts.imag, axis=0)
    return middle


def correct(points: Points, truth: Points) -> Points:
    """Take the middle shift of every other face from the rest, and of the rest from those."""
    corrected, shifts = points.copy(), find_shifts(points, truth, points)
    for half in (0, 1):
        some = points[half::2]
        corrected[half::2] -= find_middle(shifts[1 - half :: 2]) * (some[:, 1:2] - some[:, :1])
    return corrected


def is_frontal(points: Points) -> bool:
    """Return whether a face looks into the camera and stands upright, by its (5,) points."""
    pose = estimate_pose(np.stack([points.real, points.imag], axis=1).astype(np.float32))
    return pose is not None and max(abs(pose.turn_deg), abs(pose.tilt_deg)) < FRONTAL_DEG


def tell(name: str, one: Points, other: Points, hand: Points) -> None:
    """Print a row: median over faces of the mean over points, the same of each point, near-frontal faces and others."""
    distances, frontal = np.abs(find_shifts(one, other, hand)), np.array([is_frontal(face) for face in hand])
    means = distances.mean(axis=1)
    cells = [f"{100 * part:.1f}" for part in (np.median(means), *np.median(distances, axis=0))]
    for some in (means[frontal], means[~frontal]):
        cells.append(f"{100 * np.median(some):.1f} of {len(some)}" if len(some) else "-")
    print(f"| {name} | {len(means)} | {' | '.join(cells)} |")


def main(folder: Path, points: Path, /, *, detector: str = "faces") -> None:
    """Print two Markdown tables: how far the three lie apart, and where to.

    Args:
        folder: Annotated photos.
        points: CSV with a header; a row is a photo's name in the folder, the round (1, or 2 for a face marked again),
            the annotated box's x, y, width and height, and ten numbers: x and y of the five points, in pixels.
        detector: A bundled name, or a file.
    """
    first, again = read_points(points).values()
    given, found = read_given(folder, first), detect(folder, first, Detector.load(detector))
    faces = [face for face in first if face in given and face in found]
    if len(faces) < 2:
        raise DataError(f"{len(faces)} faces of {points} are annotated in {folder} and found, 2 are needed at least.")
    hand, label, ours = (np.array([source[face] for face in faces]) for source in (first, given, found))
    print(f"| % | faces | median | {' | '.join(POINTS)} | near-frontal | others |\n|---|{'---:|' * 9}")
    tell("labels and hand", label, hand, hand)
    tell("detector and hand", ours, hand, hand)
    tell("detector and labels", ours, label, hand)
    tell("detector less its shift, and hand", correct(ours, hand), hand, hand)
    twice = [face for face in first if face in again]
    if twice:
        hand_1, hand_2 = (np.array([source[face] for face in twice]) for source in (first, again))
        tell("hand again and hand", hand_2, hand_1, hand_1)
    print(f"\n| median shift, along and down, % | {' | '.join(POINTS)} |\n|---|{'---:|' * 5}")
    for name, points_of in (("labels from hand", label), ("detector from hand", ours)):
        middle = 100 * find_middle(find_shifts(points_of, hand, hand))
        print(f"| {name} | {' | '.join(f'{one.real:+.1f}, {one.imag:+.1f}' for one in middle)} |")


if __name__ == "__main__":
    run(main)
