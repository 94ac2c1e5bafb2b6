"""How small may a face be? Shrink the faces of the validation part, show them to a model, and count.

Each face is shrunk by averaging areas, as a camera far away would, and enlarged again by the model itself.

    mien data import fer2013.csv.xz --votes fer2013new.csv --out fer2013
    python examples/small_faces.py fer2013              # or: ... fer2013 mine.onnx
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import mien
from mien.apps.report.caution import print_cautions
from mien.training.data.table import open_dataset

SIZES_PX = (48, 36, 24, 18, 12, 8)


def shrink(faces: NDArray[np.uint8], size_px: int) -> list[NDArray[np.uint8]]:
    """Return the faces at another size.

    Args:
        faces: (N, H, W) or (N, H, W, 3) uint8.
        size_px: Side of the squares.
    """
    return [np.asarray(Image.fromarray(face).resize((size_px, size_px), Image.Resampling.BOX)) for face in faces]


def main(data: Path, model: str) -> None:
    """Print a line a size."""
    dataset, recognizer = open_dataset(data), mien.Recognizer.load(model)
    print_cautions(recognizer.card.data, dataset.manifest)
    rows = dataset.rows_of("validation")
    labels = dataset.table["label"][rows]
    print("face    accuracy  mean confidence  certain  right where certain")
    for size_px in SIZES_PX:
        probabilities = recognizer.classify(shrink(dataset.images[rows], size_px))
        is_right, confidence = probabilities.argmax(axis=1) == labels, probabilities.max(axis=1)
        is_certain = confidence >= 0.5
        right_if_certain = is_right[is_certain].mean() if is_certain.any() else float("nan")
        print(
            f"{size_px:2} px   {is_right.mean():7.1%}  {confidence.mean():14.1%}  {is_certain.mean():7.1%}"
            f"  {right_if_certain:18.1%}"
        )


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python small_faces.py DATA [MODEL]")
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) == 3 else "expression")
