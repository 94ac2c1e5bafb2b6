"""Near twins: the same photo, cut, packed or marked a little differently, so that no comparison of bytes finds it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.training.data.table import SPLITS, Dataset, Images

ALIKE = 0.9
"""Correlation of pixels from which two pictures count as the same photo: on FER2013 about 19 of 20 such pairs are."""

SIDE_PX = 48
CHUNK = 1024


def find_near_twins(images: Images, rows: NDArray[np.intp], among: NDArray[np.intp]) -> NDArray[np.intp]:
    """Find, for each picture, the one among others that it is most alike, if that is the same photo.

    Alike is a correlation of gray pixels of at least `ALIKE`, so brightness and contrast don't matter; mirrored and
    shifted copies are not found. Memory stays at some ten megabytes; the time grows with the product of both counts.

    Args:
        images: (N, S, S) or (N, S, S, 3) uint8 pictures of a data set; larger ones are compared at about 48 pixels.
        rows: (M,) positions of the pictures that are looked for.
        among: (L,) positions of the pictures that they are compared with.

    Returns:
        (M,) position of the most similar picture, or -1 where none is alike.
    """
    highest = np.full(len(rows), ALIKE, np.float32)
    found = np.full(len(rows), -1, np.intp)
    for start in range(0, len(among), CHUNK):
        others = among[start : start + CHUNK]
        against = _center(images, others).T
        for first in range(0, len(rows), CHUNK):
            part = slice(first, first + CHUNK)
            likeness = _center(images, rows[part]) @ against
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


def _center(images: Images, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return (n, P) float32: pictures in gray, with mean 0 and length 1; flat ones are 0 and so like nothing."""
    step = max(1, images.shape[1] // SIDE_PX)
    pixels = images[rows][:, ::step, ::step].astype(np.float32)
    values = pixels.reshape(len(rows), pixels.shape[1] * pixels.shape[2], -1).mean(axis=2)
    values -= values.mean(axis=1, keepdims=True)
    centered: NDArray[np.float32] = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-3)
    return centered
