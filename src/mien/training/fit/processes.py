"""One training in several processes, as `torchrun` starts them: which of them this is, and whether they are too many.

Each process trains on its share of every batch, and the gradients are averaged, so that a recipe means the same
however many processes there are; only batch norm sees smaller batches. The first process alone writes. No torch here,
so that whoever only wants to know which process this is need not wait for it.

Source: Li et al., "PyTorch Distributed: Experiences on Accelerating Data Parallel Training", VLDB 2020.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from mien.core.errors import DataError, RecipeError

MIN_SHARE = 2
"""Pictures a process needs in a batch: batch norm can't learn from one."""

_MARK = "TORCHELASTIC_RUN_ID"
"""By this variable of the environment torch itself knows that `torchrun` started it."""


@dataclass(frozen=True)
class Processes:
    """Which of the training's processes this is.

    Attributes:
        rank: Its number, from 0, over all hosts.
        count: How many there are.
        local_rank: Its number on this host; on a host with GPUs, the GPU it uses.
        local_count: How many are on this host.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and talks."""
        return self.rank == 0

    @property
    def hosts(self) -> int:
        """How many hosts take part."""
        return self.count // self.local_count

    def check_batch_size(self, batch_size: int) -> None:
        """Refuse a batch that can't be shared.

        Args:
            batch_size: Pictures a step, of all processes together.

        Raises:
            RecipeError: If a process would get fewer than `MIN_SHARE` pictures of it.
        """
        if batch_size < MIN_SHARE * self.count:
            raise RecipeError(
                f"batch_size {batch_size} is too small for {self.count} processes: each needs {MIN_SHARE} pictures of "
                f"every batch. Use --batch-size {MIN_SHARE * self.count} or more."
            )

    def check_validation(self, pictures: int) -> None:
        """Refuse a validation part that can't be shared.

        Args:
            pictures: How many it has.

        Raises:
            DataError: If it has fewer pictures than there are processes.
        """
        if pictures < self.count:
            raise DataError(
                f"{pictures} validation pictures are too few for {self.count} processes. Use fewer of them."
            )


def find_processes() -> Processes:
    """Find out which process of how many this is.

    Returns:
        What `torchrun` says in the environment; alone unless it started this process.
    """
    if _MARK not in os.environ:
        return Processes()
    numbers = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"))
    return Processes(*numbers)
