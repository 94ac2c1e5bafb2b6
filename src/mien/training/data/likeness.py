"""Near twins: the same photo, packed, lit or marked a little differently, so that no comparison of bytes finds it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.training.data.marks import CHUNK_BYTES
from mien.training.data.table import SPLITS, Dataset, Images

ALIKE = 0.9
"""Correlation of pixels from which two pictures count as the same photo: on FER2013, of the 32 pairs looked at just
above it, 30 are."""

SIDE_PX = 48
CHUNK = 1024


def find_near_twins(images: Images, rows: NDArray[np.intp], among: NDArray[np.intp]) -> NDArray[np.intp]:
    """Find, for each picture, the one among others that it is most alike, if that is the same photo.

    Alike is a correlation of gray pixels of at least `ALIKE`, so brightness and contrast don't matter; mirrored
    copies, and those shifted or cut by more than about a pixel of 48, are not found. Takes two to nine kilobytes of
    memory a picture; the time grows with the product of both counts.

    Args:
        images: (N, S, S) or (N, S, S, 3) uint8 pictures of a data set; those of 96 pixels and more are
            compared as means of areas, at 48 to 95 pixels.
        rows: (M,) positions of the pictures that are looked for.
        among: (L,) positions of the pictures that they are compared with.

    Returns:
        (M,) position of the most similar picture, or -1 where none is alike.
    """
    searched, known = _reduce(images, rows), _reduce(images, among)
    highest = np.full(len(rows), ALIKE, np.float32)
    found = np.full(len(rows), -1, np.intp)
    for start in range(0, len(among), CHUNK):
        others = among[start : start + CHUNK]
        against = _center(known[start : start + CHUNK]).T
        for first in range(0, len(rows), CHUNK):
            part = slice(first, first + CHUNK)
            likeness = _center(searched[part]) @ against
            best = likeness.argmax(axis=1)
            reached = likeness[np.arange(len(best)), best]
            is_higher = reached >= highest[part]
            found[part][is_higher] = others[best[is_higher]]
            highest[part][is_higher] = reached[is_higher]
    return found


def mark_near_twins(dataset: Dataset, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Mark the given rows that have a near twin in train, and no pixel-identical one.

    Returns:
        (len(rows),) bool.
    """
    train = np.flatnonzero(dataset.table["split"] == SPLITS.index("train"))
    marks = dataset.without_twins(rows)
    marks[marks] = find_near_twins(dataset.images, rows[marks], train) >= 0
    return marks


def _reduce(images: Images, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return (n, P) uint8: pictures in gray, large ones as means of areas, read some megabytes at a time."""
    side = images.shape[1]
    step = max(1, side // SIDE_PX)
    count = side // step
    reduced = np.empty((len(rows), count * count), np.uint8)
    at_once = max(1, CHUNK_BYTES // max(1, images[:1].nbytes))
    for start in range(0, len(rows), at_once):
        pixels = images[rows[start : start + at_once]][:, : count * step, : count * step]
        areas = pixels.reshape(len(pixels), count, step, count, step, -1)
        reduced[start : start + at_once] = areas.mean(axis=(2, 4, 5), dtype=np.float32).reshape(len(pixels), -1)
    return reduced


def _center(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (n, P) float32 with mean 0 and length 1 each; flat ones are 0 and so like nothing."""
    values = pictures.astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    centered: NDArray[np.float32] = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-3)
    return centered
