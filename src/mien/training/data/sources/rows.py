"""What every source hands on: pictures, their labels and the parts that the source itself made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.training.data.files import PictureFile
from mien.training.data.manifest import CutFaces


@dataclass(frozen=True)
class Rows:
    """The pictures of one source, in its own order.

    Attributes:
        images: (N, size, size) gray or (N, size, size, 3) RGB, uint8.
        labels: (N,) int16, positions in `label_names`.
        parts: (N,) uint8, positions in `table.SPLITS`, or `table.UNUSED` where the source makes no parts.
        name: Name of the data set, such as "FER2013".
        license: Its terms, in a sentence.
        label_names: The labels in the order of their numbers.
        source: Name of the file or folder it was read from, or the word that stands for it.
        files: What became of each picture file; none for a table of pixels.
        faces: How the faces were cut out of photos; None for pictures that were taken whole.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int16]
    parts: NDArray[np.uint8]
    name: str
    license: str
    label_names: tuple[str, ...]
    source: str
    files: tuple[PictureFile, ...] = ()
    faces: CutFaces | None = None
