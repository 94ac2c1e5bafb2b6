"""FER+: ten people's votes for each row of FER2013, in the same row order.

Source: Barsoum et al., "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label
Distribution", ICMI 2016.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.labels import FER_PLUS_COLUMNS
from mien.training.data.sources.fer2013 import PARTS
from mien.training.data.sources.packed import read_lines

COLUMNS = ["Usage", "Image name", *FER_PLUS_COLUMNS]


@dataclass(frozen=True)
class Votes:
    """FER+ as read.

    Attributes:
        votes: (N, 10) uint8, columns as in `mien.core.labels.FER_PLUS_COLUMNS`.
        is_face: (N,) bool, False where the image name is empty.
    """

    votes: NDArray[np.uint8]
    is_face: NDArray[np.bool_]


def read_votes(path: Path, parts: NDArray[np.uint8]) -> Votes:
    """Read `fer2013new.csv` for the rows of FER2013.

    Args:
        path: The file.
        parts: (N,) uint8, the part of each row of FER2013, to notice a file of other rows.

    Raises:
        DataError: If the file can't be read, or its rows are not those of the data set.
    """
    with read_lines(path) as lines:
        reader = csv.reader(lines)
        header = next(reader, [])
        if header != COLUMNS:
            raise DataError(f"{path}: columns {', '.join(header)[:80]!r}, expected {', '.join(COLUMNS)!r}.")
        rows = list(reader)
    if len(rows) != len(parts):
        raise DataError(f"{path} has {len(rows)} rows, the pictures have {len(parts)}. They must be joined row by row.")
    votes = np.zeros((len(rows), len(FER_PLUS_COLUMNS)), np.uint8)
    for number, row in enumerate(rows):
        where = f"{path}, row {number}"
        if len(row) != len(COLUMNS) or PARTS.get(row[0]) != parts[number]:
            raise DataError(f"{where}: its part {row[0][:20]!r} is not that of the picture's row. Use the matching file.")
        try:
            votes[number] = np.frombuffer(bytes(map(int, row[2:])), np.uint8)
        except ValueError:
            raise DataError(f"{where}: votes {row[2:]}, expected {len(FER_PLUS_COLUMNS)} small whole numbers.") from None
    return Votes(votes, np.array([bool(row[1].strip()) for row in rows]))
