"""How large a network is and what one picture costs it."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(network: nn.Module) -> int:
    """Return the number of trained values."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def count_multiply_adds(network: nn.Module, channels: int, size_px: int) -> int:
    """Return the multiply-adds of convolutions and dense layers for one picture.

    Args:
        network: Takes (1, channels, size_px, size_px) float32.
        channels: 1 for gray, 3 for RGB.
        size_px: Side of the picture.
    """
    was_training = network.training
    network.eval()
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        network(torch.zeros(1, channels, size_px, size_px))
    network.train(was_training)
    return counter.get_total_flops() // 2
