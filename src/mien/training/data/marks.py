"""Rows with something wrong, marked: what the doctor counts and a recipe may leave out."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.training.data.table import Images, Table

Marks: TypeAlias = NDArray[np.bool_]
"""(N,) bool, one for each row."""

CHUNK_BYTES = 8 << 20


def mark_equal(table: Table, among: Marks) -> Marks:
    """Mark the rows whose picture *and* label are found among the given rows."""
    both = table["twins"].astype(np.int64) << 16 | table["label"]
    return np.isin(both, both[among])


def mark_repeats(twins: NDArray[np.int32]) -> Marks:
    """Mark every row but the first of each group of twins."""
    _, first = np.unique(twins, return_index=True)
    marks = np.ones(len(twins), np.bool_)
    marks[first] = False
    return marks


def mark_contradicting(table: Table) -> Marks:
    """Mark the rows of the groups of twins in which labels differ."""
    groups, group = np.unique(table["twins"], return_inverse=True)
    highest, lowest = np.full(len(groups), -1), np.full(len(groups), np.iinfo(np.int16).max)
    np.maximum.at(highest, group, table["label"])
    np.minimum.at(lowest, group, table["label"])
    marks: Marks = (highest != lowest)[group]
    return marks


def mark_single_value(images: Images) -> Marks:
    """Mark the pictures in which all pixels are equal, reading some megabytes at a time."""
    marks = np.zeros(len(images), np.bool_)
    step = max(1, CHUNK_BYTES // max(1, images[:1].nbytes))
    for start in range(0, len(images), step):
        chunk = images[start : start + step]
        pixels = chunk.reshape(len(chunk), chunk.shape[1] * chunk.shape[2], -1)  # (n, size * size, channels)
        marks[start : start + step] = (pixels == pixels[:, :1]).all(axis=(1, 2))
    return marks
