"""When does confidence stop being honest? Shrink, blur and turn faces, and compare how sure it is with how right.

Faces of the validation part are laid into pictures from tiny to large, sharp to blurred, tilted to either side; the
whole path looks for them. Heads turned to the side (yaw) can't be drawn: they are as FER2013 happens to have them. For
each measure of quality a line a range tells how many there were, how sure the model was in the mean, and how many were
read rightly. `Quality.is_sufficient` draws its limits where the two part by about ten points and more.

    mien data import fer2013.csv.xz --votes fer2013new.csv --out fer2013
    python examples/quality_limits.py fer2013               # or: ... fer2013 --detector mine.onnx
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from cyclopts import run
from rich.console import Console
from rich.progress import track

import mien
from mien.apps.report.caution import print_cautions
from mien.core.results import Face
from mien.training.data.canvases import draw_canvas
from mien.training.data.table import open_dataset
from mien.training.evaluate.changes import blur

RANGES: dict[str, tuple[float, ...]] = {
    "size_px": (6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 28, 32, 40, 50, 65, 80, 110, 170),
    "sharpness": (0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 1),
    "turn_deg": (0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 90),
    "tilt_deg": (0, 10, 20, 30, 35, 40, 45, 50, 60, 90),
}
LEAST = 30
"""Ranges with fewer faces tell nothing and are left out."""


class Reading(NamedTuple):
    """A face that was found, how it was drawn, and whether its expression was read rightly."""

    kind: str
    face: Face
    is_right: bool


def main(data: Path, *, model: str = "expression", detector: str = "faces", count: int = 0) -> None:
    """Print a table a measure.

    Args:
        data: What `mien data import` wrote.
        model: Tells the expressions.
        detector: Finds the faces.
        count: Crops to take, each drawn in three ways; 0 takes all.
    """
    dataset, recognizer = open_dataset(data), mien.Recognizer.load(model, detector=detector)
    print_cautions(recognizer.card.data, dataset.manifest)
    rows = dataset.some_rows_of("validation", count)
    random = np.random.default_rng(0)
    readings: list[Reading] = []
    for row in track(rows, "shrinking, blurring, turning", console=Console(stderr=True), transient=True):
        expression = dataset.labels[dataset.table["label"][row]]
        for kind, side_px, most_turn_deg in (
            ("small", (12, 64), 5.0),
            ("blurred", (96, 128), 5.0),
            ("turned", (64, 160), 60.0),
        ):
            canvas = draw_canvas(dataset.images[row], random, side_px=side_px, most_turn_deg=most_turn_deg)
            picture = canvas.picture
            if kind == "blurred":
                picture = blur(picture, canvas.side_px / 48 * random.uniform(0, 3))
            face = next((face for face in recognizer.predict(picture) if canvas.shows(face.box)), None)
            if face is not None:
                readings.append(Reading(kind, face, face.expression == expression))
    for name, kinds in (
        ("size_px", ("small", "turned")),
        ("sharpness", ("small", "blurred")),
        ("turn_deg", ("turned",)),
        ("tilt_deg", ("turned",)),
    ):
        print(f"\n{name:12}     n  confidence  read rightly  too sure by")
        print_ranges(name, [reading for reading in readings if reading.kind in kinds])


def print_ranges(name: str, readings: list[Reading]) -> None:
    """Print a line a range of one measure."""
    readings = [reading for reading in readings if getattr(reading.face.quality, name) is not None]
    values = np.array([abs(getattr(reading.face.quality, name)) for reading in readings])
    confidence = np.array([reading.face.confidence for reading in readings])
    is_right = np.array([reading.is_right for reading in readings])
    for low, high in pairwise(RANGES[name]):
        within = (values >= low) & (values < high)
        if within.sum() >= LEAST:
            sure, right = confidence[within].mean(), is_right[within].mean()
            print(f"{low:4g} - {high:<5g} {within.sum():5}  {sure:10.1%}  {right:12.1%}  {100 * (sure - right):+11.1f}")


if __name__ == "__main__":
    run(main)
