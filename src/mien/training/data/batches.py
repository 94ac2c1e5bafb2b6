"""Batches from memory: the whole split as one tensor, shuffled anew each epoch, no loop over pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.core.errors import DataError, InputError
from mien.core.labels import fer_plus_order
from mien.training.data.table import Dataset


class Batch(NamedTuple):
    """Pictures with what they shall be read as.

    Attributes:
        images: (B, H, W) or (B, H, W, 3) uint8.
        targets: (B, K) float32, rows sum to 1; with a second head (B, 2 K), and its half of a row sums to 1, or to 0
            where nobody voted.
        labels: (B,) int64.
    """

    images: Tensor
    targets: Tensor
    labels: Tensor


class Batches:
    """A split's batches, one epoch an iteration.

    The order of an epoch depends on the seed and the epoch's number alone, so that a resumed run sees the same one.
    Of several processes that train together, each gets its share of every batch.
    """

    def __init__(
        self,
        pictures: Batch,
        batch_size: int,
        *,
        seed: int | None = None,
        weights: Tensor | None = None,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        """Prepare the batches.

        Args:
            pictures: The whole split.
            batch_size: Pictures a batch, those of all processes together; while shuffling, a last batch that has not
                two pictures for each of them is left out, since batch norm can't learn from one.
            seed: Seed of the order; None keeps the split's own order.
            weights: (N,) on the CPU: draw rows with these weights and with replacement, rather than each once; only
                while shuffling.
            rank: Which of the processes this is, from 0.
            processes: How many share each batch. While shuffling all get equally many pictures of it.

        Raises:
            InputError: If there are weights, but no seed to draw with.
        """
        if weights is not None and seed is None:
            raise InputError("weights are for drawing rows at random, which needs a seed, got none")
        self.pictures = pictures
        self.batch_size = batch_size
        self.seed = seed
        self.weights = weights
        self.rank = rank
        self.processes = processes
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next iteration is."""
        self.epoch = epoch

    def __len__(self) -> int:
        count = len(self.pictures.labels)
        whole, rest = divmod(count, self.batch_size)
        is_dropped = rest == 0 or (rest < 2 * self.processes and self.seed is not None and whole > 0)
        return whole + (0 if is_dropped else 1)

    def __iter__(self) -> Iterator[Batch]:
        order = self._order()
        for number in range(len(self)):
            rows = order[number * self.batch_size : (number + 1) * self.batch_size]
            if self.seed is not None:
                rows = rows[: len(rows) // self.processes * self.processes]
            mine = rows[self.rank :: self.processes]
            yield Batch(*(part.index_select(0, mine) for part in self.pictures))

    def _order(self) -> Tensor:
        """Return the rows of this epoch in their order."""
        count = len(self.pictures.labels)
        device = self.pictures.labels.device
        if self.seed is None:
            return torch.arange(count, device=device)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        if self.weights is None:
            return torch.randperm(count, generator=generator).to(device)
        return torch.multinomial(self.weights, count, replacement=True, generator=generator).to(device)


def load_pictures(
    dataset: Dataset,
    rows: NDArray[np.intp],
    *,
    votes_share: float = 0.0,
    votes_head: bool = False,
    device: str | torch.device = "cpu",
) -> Batch:
    """Copy rows of a data set into memory.

    Args:
        dataset: Where they lie.
        rows: Their positions.
        votes_share: Share of FER+'s votes in the targets, from 0 to 1; rows without a vote for one of the labels keep
            their label alone.
        votes_head: Put the votes' distribution behind the targets, for a head of its own.
        device: Where the tensors shall lie.

    Raises:
        DataError: If votes are asked for and the data set has none, or has labels that FER+ lacks.
    """
    labels = torch.from_numpy(dataset.table["label"][rows].astype(np.int64))
    targets = torch.nn.functional.one_hot(labels, len(dataset.labels)).float()
    if votes_share:
        targets = _mix(targets, _votes(dataset, rows), votes_share)
    if votes_head:
        votes = _votes(dataset, rows)
        targets = torch.cat([targets, votes / votes.sum(dim=1, keepdim=True).clamp_min(1)], dim=1)
    images = torch.from_numpy(np.ascontiguousarray(dataset.images[rows]))
    return Batch(images.to(device), targets.to(device), labels.to(device))


def _votes(dataset: Dataset, rows: NDArray[np.intp]) -> Tensor:
    """Return (N, K) float32 votes in the order of the data set's labels."""
    if not dataset.manifest.has_votes:
        raise DataError(f"{dataset.path} has no FER+ votes. Import it with --votes fer2013new.csv.")
    try:
        columns = fer_plus_order(dataset.labels)
    except KeyError as error:
        raise DataError(f"{dataset.path}: FER+ has no votes for the label {error}.") from None
    return torch.from_numpy(dataset.table["votes"][rows][:, columns].astype(np.float32))


def _mix(targets: Tensor, votes: Tensor, share: float) -> Tensor:
    """Mix one-hot targets with the votes' distribution."""
    total = votes.sum(dim=1, keepdim=True)
    distribution = torch.where(total > 0, votes / total.clamp_min(1), targets)
    return torch.lerp(targets, distribution, share)
