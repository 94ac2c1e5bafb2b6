"""FER2013 as Kaggle's `icml_face_data.csv`: the rows of `fer2013.csv` in the same order, their columns in another.

Its header is `emotion, Usage, pixels`, with a blank before the second and the third name.
"""

from __future__ import annotations

from pathlib import Path

from mien.training.data.sources.fer2013 import collect_rows
from mien.training.data.sources.packed import OnProgress
from mien.training.data.sources.records import read_records
from mien.training.data.sources.rows import Rows

COLUMNS = ("emotion", "Usage", "pixels")


def read_icml_face_data(path: Path, on_progress: OnProgress | None = None) -> Rows:
    """Read `icml_face_data.csv`, plain or packed as .gz, .xz or .zip; see `read_fer2013`, which reads the same rows."""
    records = read_records(path, COLUMNS, on_progress)
    return collect_rows(
        path, ((where, label.strip(), picture, part.strip()) for where, (label, part, picture) in records)
    )
