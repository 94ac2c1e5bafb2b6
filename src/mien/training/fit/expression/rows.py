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


def check_classes(dataset: Dataset, rows: NDArray[np.intp]) -> None:
    """Refuse training rows that lack one of the classes: the network would promise an answer that it can't give.

    Args:
        dataset: Where they lie.
        rows: Their positions, as `choose_rows` gave them.

    Raises:
        DataError: If a class has no picture among them; names it, and says whether the recipe left its pictures out.
    """
    missing = _absent(dataset, rows)
    if not missing:
        return
    left_out = [number for number in missing if number not in _absent(dataset, dataset.rows_of("train"))]
    if left_out:
        raise DataError(
            f"{dataset.path}: the recipe's [rows] leave out all training pictures of {_named(dataset, left_out)}, so "
            "no network could learn it. Leave out fewer."
        )
    raise DataError(
        f"{dataset.path}: train has no picture of {_named(dataset, missing)}, so no network could learn it. Import "
        "the data again with such pictures in train, with another --split, or without that class."
    )


def find_unvalidated(dataset: Dataset) -> tuple[str, ...]:
    """Return the labels of which validation has no picture: no figure will tell how well they are learned.

    Raises:
        DataError: If the data set has no validation rows at all.
    """
    return tuple(dataset.labels[number] for number in _absent(dataset, dataset.rows_of("validation")))


def _absent(dataset: Dataset, rows: NDArray[np.intp]) -> list[int]:
    """Return the numbers of the labels that no row has."""
    return [int(number) for number in np.setdiff1d(np.arange(len(dataset.labels)), dataset.table["label"][rows])]


def _named(dataset: Dataset, numbers: list[int]) -> str:
    return ", ".join(dataset.labels[number] for number in numbers)


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
