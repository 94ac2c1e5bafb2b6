"""FER2013's training rows as Kaggle's `train.csv`: columns emotion and pixels, no parts.

Its neighbor `test.csv` has no labels, so nothing can be learnt or scored from it.
"""

from __future__ import annotations

from pathlib import Path

from mien.training.data.sources.fer2013 import collect_rows
from mien.training.data.sources.packed import OnProgress
from mien.training.data.sources.records import read_records
from mien.training.data.sources.rows import Rows

COLUMNS = ("emotion", "pixels")


def read_kaggle_train(path: Path, on_progress: OnProgress | None = None) -> Rows:
    """Read `train.csv`, plain or packed as .gz, .xz or .zip; every row is of the part train. See `read_fer2013`."""
    records = read_records(path, COLUMNS, on_progress)
    return collect_rows(path, ((where, label, picture, "Training") for where, (label, picture) in records))
