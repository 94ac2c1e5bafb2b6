"""How large a network is and what one picture costs it."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(network: nn.Module) -> int:
    """Return the number of trained values."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def count_multiply_adds(network: nn.Module, shape: tuple[int, int, int]) -> int:
    """Return the multiply-adds of convolutions and dense layers for one picture.

    Args:
        network: Takes (1, *shape) float32.
        shape: Of the picture: channels, height, width.
    """
    was_training = network.training
    network.eval()
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        network(torch.zeros(1, *shape))
    network.train(was_training)
    return counter.get_total_flops() // 2
