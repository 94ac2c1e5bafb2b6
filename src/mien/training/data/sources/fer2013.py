"""FER2013 as Kaggle's `fer2013.csv`: columns emotion, pixels, Usage; 48x48 gray.

Source: Goodfellow et al., "Challenges in Representation Learning: A report on three machine learning contests", 2013.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mien.core.errors import DataError
from mien.core.labels import EXPRESSIONS
from mien.training.data.sources.packed import OnProgress, read_lines
from mien.training.data.sources.rows import Rows

COLUMNS = ["emotion", "pixels", "Usage"]
PARTS = {"Training": 0, "PublicTest": 1, "PrivateTest": 2}
"""FER2013's parts as positions in `mien.training.data.table.SPLITS`."""

SIZE_PX = 48
LICENSE = (
    "FER2013: images collected by web search for the ICML 2013 challenge, their rights unresolved; "
    "the Kaggle copy is offered under DbCL."
)


def read_fer2013(path: Path, on_progress: OnProgress | None = None) -> Rows:
    """Read `fer2013.csv`, plain or packed as .gz, .xz or .zip.

    Raises:
        DataError: If the file can't be read, has other columns, or a row has the wrong number of pixels, a pixel
            or label out of range, or an unknown part; names the row, counted from 0 after the header.
    """
    pixels = bytearray()
    labels: list[int] = []
    parts: list[int] = []
    with read_lines(path, on_progress) as lines:
        for number, row in enumerate(_rows(lines, path)):
            where = f"{path}, row {number}"
            if len(row) != len(COLUMNS):
                raise DataError(f"{where}: {len(row)} columns, expected {len(COLUMNS)} ({', '.join(COLUMNS)}).")
            labels.append(_label(row[0], where))
            pixels += _pixels(row[1], where)
            parts.append(_part(row[2], where))
    if not labels:
        raise DataError(f"{path} has a header but no rows. Fetch the file again.")
    return Rows(
        images=np.frombuffer(bytes(pixels), np.uint8).reshape(-1, SIZE_PX, SIZE_PX),
        labels=np.array(labels, np.int16),
        parts=np.array(parts, np.uint8),
        name="FER2013",
        license=LICENSE,
        label_names=EXPRESSIONS,
        source=path.name,
    )


def _rows(lines: Iterator[str], path: Path) -> Iterator[list[str]]:
    """Check the header and pass the rows on."""
    reader = csv.reader(lines)
    try:
        header = next(reader, [])
        if header != COLUMNS:
            raise DataError(f"{path}: columns {', '.join(header)[:80]!r}, expected {', '.join(COLUMNS)!r}.")
        yield from reader
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: no CSV: {error}.") from None


def _label(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < len(EXPRESSIONS)):
        raise DataError(f"{where}, column emotion: {text[:20]!r}, expected 0 to {len(EXPRESSIONS) - 1}.")
    return int(text)


def _pixels(text: str, where: str) -> bytes:
    try:
        pixels = bytes(map(int, text.split()))
    except ValueError:
        raise DataError(f"{where}, column pixels: a value that is no whole number from 0 to 255.") from None
    if len(pixels) != SIZE_PX * SIZE_PX:
        raise DataError(f"{where}, column pixels: {len(pixels)} values, expected {SIZE_PX * SIZE_PX}.")
    return pixels


def _part(text: str, where: str) -> int:
    if text not in PARTS:
        raise DataError(f"{where}, column Usage: {text[:20]!r}, expected {', '.join(PARTS)}.")
    return PARTS[text]
