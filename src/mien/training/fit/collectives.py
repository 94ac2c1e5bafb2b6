"""What all processes of a training do at once; in a process that trains alone nothing is exchanged."""

from __future__ import annotations

import torch
import torch.distributed as distributed
from torch import Tensor


def sum_over_processes(values: Tensor) -> Tensor:
    """Add up the values of all processes; each of them has to call it.

    Args:
        values: Of this process; any shape, the same in all of them, on the device that the process trains on.

    Returns:
        The sum, of the same shape; `values` themselves in a process that trains alone.
    """
    if distributed.is_available() and distributed.is_initialized():
        values = values.clone()
        distributed.all_reduce(values)
    return values


def wait_for_all() -> None:
    """Wait until every process has come here."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.barrier()


def draw_apart(seed: int, rank: int) -> None:
    """Seed torch so that each process draws augmentation and dropout of its own.

    Args:
        seed: The same in all processes.
        rank: Number of this one; the first, 0, draws as if it were alone.
    """
    torch.manual_seed(seed + 2_147_483_659 * rank)
