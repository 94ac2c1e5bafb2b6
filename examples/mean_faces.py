"""Draw the mean face of each expression: the average of all training pictures with that label, side by side.

No person can be seen in it. The picture inside `mien demo` was made with:

    mien data import fer2013.csv.xz --votes fer2013new.csv --out fer2013
    python examples/mean_faces.py fer2013 src/mien/apps/cli/mean_faces.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from mien.training.data.table import Dataset, open_dataset


def draw_mean_faces(dataset: Dataset) -> np.ndarray:
    """Average the training pictures of each label and stretch the contrast of the result.

    Returns:
        (size, K * size) uint8, the labels in the data set's order from left to right.
    """
    rows = dataset.rows_of("train")
    rows = rows[dataset.table["is_face"][rows]]
    labels = dataset.table["label"][rows]
    tiles = [dataset.images[rows[labels == label]].mean(axis=0) for label in range(len(dataset.labels))]
    stretched = [np.interp(tile, (tile.min(), tile.max()), (16, 239)) for tile in tiles]
    return np.concatenate(stretched, axis=1).round().astype(np.uint8)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python mean_faces.py DATA OUT.png")
    Image.fromarray(draw_mean_faces(open_dataset(Path(sys.argv[1])))).save(sys.argv[2], optimize=True)
