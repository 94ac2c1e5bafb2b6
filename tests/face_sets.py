"""Data sets of faces: FER2013 where it is at hand, drawn ones with and without votes, and a run trained on them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from once import make_once

from mien.core.labels import EXPRESSIONS, fer_plus_order
from mien.training.data.importing import import_data
from mien.training.data.table import Dataset, open_dataset, save_dataset


@pytest.fixture(scope="session")
def fer2013(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The real FER2013 with FER+, imported once."""
    folder = os.environ.get("MIEN_DATA_DIR")
    if not folder:
        pytest.skip("MIEN_DATA_DIR is not set: no FER2013 at hand")
    source, votes = Path(folder) / "fer2013.csv.xz", Path(folder) / "fer2013new.csv"
    if not (source.exists() and votes.exists()):
        pytest.skip(f"MIEN_DATA_DIR={folder} holds no fer2013.csv.xz and fer2013new.csv")
    return open_dataset(make_once(tmp_path_factory, "fer2013", lambda out: import_data(source, out, votes=votes)))


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """210 drawn faces, imported once: 30 of each label, in all three parts. Not to be written to."""
    out = tmp_path_factory.mktemp("synthetic") / "data"
    import_data("synthetic", out, count=210)
    return open_dataset(out)


@pytest.fixture(scope="session")
def faces(synthetic: Dataset) -> Path:
    """Return the folder of the drawn faces."""
    return synthetic.path


@pytest.fixture(scope="session")
def voted_faces(synthetic: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the drawn faces with votes: seven of ten for the next label, none in each 10th picture."""
    path, manifest = tmp_path_factory.mktemp("voted") / "data", synthetic.manifest
    table = np.array(synthetic.table)
    columns = np.array(fer_plus_order(EXPRESSIONS))
    rows = np.arange(len(table))
    table["votes"][rows, columns[table["label"]]] = 3
    table["votes"][rows, columns[(table["label"] + 1) % 7]] = 7
    table["votes"][::10] = 0
    facts = {name: getattr(manifest, name) for name in ("name", "license", "source", "labels", "split", "seed")}
    save_dataset(path, table, np.array(synthetic.images), has_votes=True, **facts)
    return path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, faces: Path) -> Any:
    """Return a finished run of two epochs with averaged weights, trained once."""
    pytest.importorskip("torch", reason="training needs the train extra")
    from mien.training.fit.recipes import make_recipe
    from mien.training.fit.trainer import train

    recipe = make_recipe(
        {"name": "tiny", "network": "vgg-bn", "options": {"width": 4}, "epochs": 2, "batch_size": 32, "seed": 3}
    )
    return train(recipe, faces, tmp_path_factory.mktemp("runs") / "tiny")
