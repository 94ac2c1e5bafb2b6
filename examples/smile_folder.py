"""Make a small folder with labels of one's own, "smile" and "no smile", of a tenth of FER2013's training part.

It shows what people do with their own data: a folder of class folders, a model that was trained on more, a new head.

    mien data import fer2013.csv.xz --votes fer2013new.csv --out fer2013
    python examples/smile_folder.py fer2013 smiles                    # smiles/train/smile/00012.png, ...
    mien data import smiles --out smile-data
    mien train transfer --data smile-data --out with                  # begins with the bundled model
    mien train transfer --data smile-data --out scratch --init "" --lr 0.05 --optimizer.layer-decay 1.0
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from mien.core.labels import EXPRESSIONS
from mien.training.data.table import SPLITS, Dataset, open_dataset

TENTH, SEED = 10, 0
HAPPY = EXPRESSIONS.index("happy")


def write_folder(dataset: Dataset, folder: Path) -> None:
    """Write a tenth of train, drawn at random, and the whole of validation and test, as class folders of PNG files."""
    random = np.random.default_rng(SEED)
    for split in SPLITS:
        rows = dataset.rows_of(split)
        rows = rows[dataset.table["is_face"][rows]]
        if split == "train":
            rows = np.sort(random.choice(rows, len(rows) // TENTH, replace=False))
        for row in rows:
            name = "smile" if dataset.table["label"][row] == HAPPY else "no smile"
            file = folder / split / name / f"{row:05}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(dataset.images[row]).save(file)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python smile_folder.py FER2013_DATA FOLDER")
    write_folder(open_dataset(Path(sys.argv[1])), Path(sys.argv[2]))
