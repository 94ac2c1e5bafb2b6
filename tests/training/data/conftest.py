import os
from pathlib import Path

import numpy as np
import pytest

from mien.core.labels import EXPRESSIONS
from mien.training.data.importing import import_data
from mien.training.data.table import ROW, Dataset, Manifest, number_twins, open_dataset


@pytest.fixture(scope="session")
def fer2013(tmp_path_factory):
    """The real FER2013 with FER+, imported once."""
    folder = os.environ.get("MIEN_DATA_DIR")
    if not folder:
        pytest.skip("MIEN_DATA_DIR is not set: no FER2013 at hand")
    source, votes = Path(folder) / "fer2013.csv.xz", Path(folder) / "fer2013new.csv"
    if not (source.exists() and votes.exists()):
        pytest.skip(f"MIEN_DATA_DIR={folder} holds no fer2013.csv.xz and fer2013new.csv")
    out = tmp_path_factory.mktemp("fer2013") / "data"
    import_data(source, out, votes=votes)
    return open_dataset(out)


@pytest.fixture
def make_dataset():
    """Return a function that makes a small data set in memory, one picture a (split, label, shade) triple."""

    def make(*rows, has_votes=False, channels=1, first_row=0):
        table = np.zeros(len(rows), ROW)
        table["row"] = np.arange(first_row, first_row + len(rows))
        table["split"] = table["part"] = [split for split, _, _ in rows]
        table["label"] = [label for _, label, _ in rows]
        table["is_face"] = True
        shape = (len(rows), 4, 4) if channels == 1 else (len(rows), 4, 4, channels)
        images = np.zeros(shape, np.uint8)
        for image, (_, _, shade) in zip(images, rows, strict=True):
            image[...] = shade
            image[0, 0] = 255  # not flat
        table["twins"] = number_twins(images)
        manifest = Manifest(
            name="small",
            license="none",
            source="memory",
            labels=EXPRESSIONS,
            has_votes=has_votes,
            split="official",
            sha256="0" * 64,
        )
        return Dataset(Path("memory"), manifest, table, images)

    return make
