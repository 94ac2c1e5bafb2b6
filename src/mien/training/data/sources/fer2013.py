"""FER2013 as Kaggle's `fer2013.csv`: columns emotion, pixels, Usage; 48x48 gray.

Source: Goodfellow et al., "Challenges in Representation Learning: A report on three machine learning contests", 2013.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mien.core.errors import DataError
from mien.core.labels import EXPRESSIONS
from mien.training.data.sources.packed import OnProgress
from mien.training.data.sources.records import look_up, read_records
from mien.training.data.sources.rows import Rows

COLUMNS = ("emotion", "pixels", "Usage")
LABELS = {str(number): number for number in range(len(EXPRESSIONS))}
PARTS = {"Training": 0, "PublicTest": 1, "PrivateTest": 2}
"""FER2013's parts as positions in `mien.training.data.table.SPLITS`."""

SIZE_PX = 48
SHADES = {str(shade): shade for shade in range(256)}
LICENSE = (
    "FER2013: images collected by web search for the ICML 2013 challenge, their rights unresolved; "
    "the Kaggle copy is offered under DbCL."
)


def read_fer2013(path: Path, on_progress: OnProgress | None = None) -> Rows:
    """Read `fer2013.csv`, plain or packed as .gz, .xz or .zip.

    Args:
        path: The file; what it is packed as is told by its content.
        on_progress: Told how much of the file is read, and how much there is.

    Raises:
        DataError: If the file can't be read, has other columns, or a row has the wrong number of pixels, a pixel
            or label out of range, or an unknown part; names the row, counted from 0 after the header.
    """
    records = read_records(path, COLUMNS, on_progress)
    return collect_rows(path, ((where, label, picture, part) for where, (label, picture, part) in records))


def collect_rows(path: Path, records: Iterable[tuple[str, str, str, str]]) -> Rows:
    """Make FER2013 of its rows, whatever table they stand in.

    Args:
        path: The file they come from.
        records: For each row where it stands, for messages, and its fields emotion, pixels and Usage.

    Raises:
        DataError: If there are no rows, or one is wrong; see `read_fer2013`.
    """
    pixels = bytearray()
    labels: list[int] = []
    parts: list[int] = []
    for where, label, picture, part in records:
        labels.append(look_up(label, LABELS, f"{where}, column emotion"))
        pixels += _read_pixels(picture, f"{where}, column pixels")
        parts.append(look_up(part, PARTS, f"{where}, column Usage"))
    if not labels:
        raise DataError(f"{path} has a header but no rows. Fetch the file again.")
    return Rows(
        images=np.frombuffer(pixels, np.uint8).reshape(-1, SIZE_PX, SIZE_PX),
        labels=np.array(labels, np.int16),
        parts=np.array(parts, np.uint8),
        name="FER2013",
        license=LICENSE,
        label_names=EXPRESSIONS,
        source=os.fsencode(path.name).decode(errors="replace"),  # it goes into a JSON file, which must be text
    )


def _read_pixels(text: str, where: str) -> bytes:
    """Return the pixels of one picture, row by row from the top left."""
    values = text.split()
    if len(values) != SIZE_PX * SIZE_PX:
        raise DataError(f"{where}: {len(values)} values, expected {SIZE_PX * SIZE_PX}.")
    try:
        return bytes(map(SHADES.__getitem__, values))
    except KeyError as error:
        (wrong,) = error.args
        raise DataError(
            f"{where}, value {values.index(wrong)}: {wrong[:20]!r}, expected a whole number from 0 to 255."
        ) from None
