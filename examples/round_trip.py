"""From crop to photo and back: how many faces are found again, and does cutting them out cost accuracy?

Each crop is laid into a larger picture, enlarged to 64 to 160 pixels, turned by up to 20 degrees. Then the whole path
looks for it: detector, crop, classifier.

    mien data import fer2013.csv.xz --votes fer2013new.csv --out fer2013
    python examples/round_trip.py fer2013                       # or: ... fer2013 --split test --detector mine.onnx
"""

from __future__ import annotations

from pathlib import Path

from cyclopts import run
from rich.console import Console
from rich.progress import Progress

import mien
from mien.apps.report.caution import print_cautions
from mien.training.data.table import Split, open_dataset
from mien.training.evaluate.round_trip import take_round_trip


def main(
    data: Path, *, split: Split = "validation", model: str = "expression", detector: str = "faces", count: int = 0
) -> None:
    """Print one line.

    Args:
        data: What `mien data import` wrote.
        split: Which part of it.
        model: Tells the expressions.
        detector: Finds the faces.
        count: Crops to take, evenly spread; 0 takes all.
    """
    dataset, recognizer = open_dataset(data), mien.Recognizer.load(model, detector=detector)
    print_cautions(recognizer.card.data, dataset.manifest)
    rows = dataset.some_rows_of(split, count)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("laying out, finding, reading", total=len(rows))
        trip = take_round_trip(recognizer, dataset, rows, on_progress=lambda *_: bar.advance(task))
    print(trip.describe())
    if trip.accuracy_where_certain is not None:
        print(f"certain of {trip.certain:.1%} of the found; {trip.accuracy_where_certain:.1%} of these read rightly")


if __name__ == "__main__":
    run(main)
