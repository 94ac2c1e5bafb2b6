"""FER+: ten people's votes for each row of FER2013, in the same row order.

Source: Barsoum et al., "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label
Distribution", ICMI 2016.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError
from mien.core.labels import FER_PLUS_COLUMNS
from mien.training.data.sources.fer2013 import PARTS
from mien.training.data.sources.records import look_up, read_records

COLUMNS = ("Usage", "Image name", *FER_PLUS_COLUMNS)
VOTES = {str(count): count for count in range(11)}
"""What a column can hold: none to all of the ten people."""


@dataclass(frozen=True)
class Votes:
    """FER+ as read.

    Attributes:
        path: The file it was read from.
        votes: (N, 10) uint8, columns as in `mien.core.labels.FER_PLUS_COLUMNS`.
        is_face: (N,) bool, False where the image name is empty.
        parts: (N,) uint8, the part of FER2013 that each row says it belongs to, positions in `table.SPLITS`.
    """

    path: Path
    votes: NDArray[np.uint8]
    is_face: NDArray[np.bool_]
    parts: NDArray[np.uint8]

    def check_rows(self, parts: NDArray[np.uint8]) -> None:
        """Refuse votes that were given for other rows than those of a data set.

        Args:
            parts: (N,) uint8, the part of each row of the data set.

        Raises:
            DataError: If number or parts of the rows differ.
        """
        if len(self.parts) != len(parts):
            raise DataError(
                f"{self.path} has {len(self.parts)} rows, the pictures have {len(parts)}. "
                "Votes are joined row by row: use the file that belongs to these pictures."
            )
        differing = np.flatnonzero(self.parts != parts)
        if differing.size:
            row, names = int(differing[0]), list(PARTS)
            raise DataError(
                f"{self.path}, row {row} (counted from 0 after the header), column Usage: "
                f"{names[self.parts[row]]}, but the picture's is {names[parts[row]]}. "
                "Votes are joined row by row: use the file that belongs to these pictures."
            )


def read_votes(path: Path) -> Votes:
    """Read `fer2013new.csv`, plain or packed as .gz, .xz or .zip.

    Raises:
        DataError: If the file can't be read, has other columns, or a row has an unknown part or a number of
            votes that is not 0 to 10; names the row, counted from 0 after the header.
    """
    votes: list[int] = []
    is_face: list[bool] = []
    parts: list[int] = []
    for where, (part, image_name, *counts) in read_records(path, COLUMNS):
        parts.append(look_up(part, PARTS, f"{where}, column Usage"))
        is_face.append(bool(image_name.strip()))
        for column, count in zip(FER_PLUS_COLUMNS, counts, strict=True):
            votes.append(look_up(count, VOTES, f"{where}, column {column}"))
    return Votes(
        path,
        np.array(votes, np.uint8).reshape(-1, len(FER_PLUS_COLUMNS)),
        np.array(is_face, np.bool_),
        np.array(parts, np.uint8),
    )
