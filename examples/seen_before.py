"""How much do copies flatter a model? Count held-out pictures that are in train, exactly or nearly, and score apart.

Twins are equal pixel for pixel. Near twins are the same photo, packed or marked a little differently.

    mien data import fer2013.csv.xz --votes fer2013new.csv --out fer2013
    python examples/seen_before.py fer2013              # or: ... fer2013 nano mine.onnx
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import mien
from mien.apps.report.caution import print_cautions
from mien.training.data.likeness import mark_near_twins
from mien.training.data.table import open_dataset


def main(data: Path, models: list[str]) -> None:
    """Print a line a model."""
    dataset = open_dataset(data)
    rows, labels = dataset.rows_of("validation"), dataset.table["label"]
    is_twin, is_near = ~dataset.without_twins(rows), mark_near_twins(dataset, rows)
    groups = {"all": np.ones(len(rows), np.bool_), "twins": is_twin, "near twins": is_near}
    groups |= {"without twins": ~is_twin, "without either": ~is_twin & ~is_near}
    print(" " * 20, *(f"{name:>14}" for name in groups))
    print(f"{'pictures':20}", *(f"{marked.sum():14,}" for marked in groups.values()))
    for model in models:
        recognizer = mien.Recognizer.load(model)
        print_cautions(recognizer.card.data, dataset.manifest)
        probabilities = recognizer.classify(list(dataset.images[rows]))
        is_right = probabilities.argmax(axis=1) == labels[rows]
        shares = (is_right[marked].mean() if marked.any() else float("nan") for marked in groups.values())
        print(f"{Path(model).stem:20}", *(f"{share:14.1%}" for share in shares))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python seen_before.py DATA [MODEL ...]")
    main(Path(sys.argv[1]), sys.argv[2:] or ["expression"])
