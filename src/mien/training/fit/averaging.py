"""An exponential moving average of the weights: what is scored and kept instead of the last step's weights.

Source: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992; the warm-up of the decay
is the customary one, (1 + n) / (10 + n).
"""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors: TypeAlias = list[Tensor] | tuple[Tensor, ...]


def build_average(network: nn.Module, decay: float) -> AveragedModel:
    """Build an average of a network's weights and of its batch norm statistics.

    Args:
        network: Whose weights are averaged; the average starts as a copy.
        decay: Share of the average that is kept at each step, near 1; the nearer, the longer it remembers.
    """

    @torch.no_grad()
    def update(averages: Tensors, currents: Tensors, steps: Tensor | int) -> None:
        if not averages[0].is_floating_point():  # batch norm's step counter
            torch._foreach_copy_(averages, currents)
            return
        now = min(decay, (1 + float(steps)) / (10 + float(steps)))
        torch._foreach_lerp_(averages, currents, 1 - now)

    return AveragedModel(network, multi_avg_fn=update, use_buffers=True)
