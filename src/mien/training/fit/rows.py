"""Which training rows a recipe shows, and how much each class counts."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.core.errors import DataError
from mien.training.data.marks import mark_contradicting, mark_single_value
from mien.training.data.table import Dataset
from mien.training.fit.sections import RowChoice


def choose_rows(dataset: Dataset, settings: RowChoice) -> NDArray[np.intp]:
    """Return the positions of the training rows that the recipe keeps.

    Raises:
        DataError: If the data set has no training rows, or fewer than two are left.
    """
    rows = dataset.rows_of("train")
    keep = np.ones(len(rows), np.bool_)
    if settings.drop_not_a_face:
        keep &= dataset.table["is_face"][rows] & ~mark_single_value(dataset.images)[rows]
    if settings.drop_contradicting:
        keep &= ~mark_contradicting(dataset.table[rows])  # labels of other parts stay unseen
    if keep.sum() < 2:
        raise DataError(
            f"{dataset.path}: {keep.sum()} of {len(rows)} training rows are left by the recipe's [rows]. Drop fewer."
        )
    kept: NDArray[np.intp] = rows[keep]
    return kept


def weigh_classes(labels: Tensor, classes: int) -> Tensor:
    """Weigh classes by the inverse of how often they occur.

    Args:
        labels: (N,) int64.
        classes: Number of classes, K.

    Returns:
        (K,) float32 with a mean over the rows of 1; 0 for a class that does not occur.
    """
    counts = torch.bincount(labels, minlength=classes).float()
    present = counts > 0
    weights = torch.where(present, 1.0 / counts.clamp_min(1), torch.zeros(()))
    return weights * counts.sum() / present.sum()
