"""Averages of the weights, which are scored and kept instead of the last step's weights.

Both average batch norm's statistics with the weights, which spares a pass over the pictures at the end.

Source: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992, for the moving one; the
warm-up of its decay is the customary one, (1 + n) / (10 + n). Izmailov et al., "Averaging Weights Leads to Wider
Optima and Better Generalization", UAI 2018, for the equal one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors: TypeAlias = list[Tensor] | tuple[Tensor, ...]


def build_moving_average(network: nn.Module, decay: float) -> AveragedModel:
    """Build an exponential moving average, to be updated after each step.

    Args:
        network: Whose weights are averaged; the average starts as a copy.
        decay: Share of the average that is kept at each step, near 1; the nearer, the longer it remembers.
    """
    return _build(network, lambda count: min(decay, (1 + count) / (10 + count)))


def build_equal_average(network: nn.Module) -> AveragedModel:
    """Build an average in which all updates count alike; it is a copy of the network until the first one."""
    return _build(network, lambda count: count / (1 + count))


def _build(network: nn.Module, decay_after: Callable[[float], float]) -> AveragedModel:
    """Build an average that keeps the share of itself that `decay_after` tells for the number of updates so far."""

    @torch.no_grad()
    def update(averages: Tensors, currents: Tensors, updates: Tensor | int) -> None:
        if not averages[0].is_floating_point():  # batch norm's step counter
            torch._foreach_copy_(averages, currents)
            return
        torch._foreach_lerp_(averages, currents, 1 - decay_after(float(updates)))

    average = AveragedModel(network, multi_avg_fn=update, use_buffers=True)
    average.requires_grad_(False)
    return average
