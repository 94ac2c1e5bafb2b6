"""Data sets that several rooms of the training test with."""

import os
from pathlib import Path

import pytest

from mien.training.data.importing import import_data
from mien.training.data.table import open_dataset


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


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory):
    """210 drawn faces, imported once: 30 of each label, in all three parts. Not to be written to."""
    out = tmp_path_factory.mktemp("synthetic") / "data"
    import_data("synthetic", out, count=210)
    return open_dataset(out)
