"""inception: modules that look at the same features with kernels of several sizes at once.

Source: Szegedy et al., "Going Deeper with Convolutions", CVPR 2015; two 3x3 convolutions in place of a 5x5, batch norm
and average pooling in the fourth branch as in Ioffe and Szegedy, "Batch Normalization", ICML 2015, whose module 3a sets
the branches' shares. Three stages of two modules at half, quarter and eighth size suit 48x48 pictures.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mien.training.models.blocks import ConvNorm, Dropout, initialize

MODULES = 2
"""In each stage."""


class Inception(nn.Module):
    """Four branches over the same features, their channels side by side: 1x1, 3x3, double 3x3, and pooled."""

    def __init__(self, inputs: int, unit: int) -> None:
        """Build the branches of 2, 2, 3 and 1 times `unit` channels."""
        super().__init__()
        self.branches = nn.ModuleList(
            [
                ConvNorm(inputs, 2 * unit, 1),
                nn.Sequential(ConvNorm(inputs, 2 * unit, 1), ConvNorm(2 * unit, 2 * unit)),
                nn.Sequential(
                    ConvNorm(inputs, 2 * unit, 1), ConvNorm(2 * unit, 3 * unit), ConvNorm(3 * unit, 3 * unit)
                ),
                nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), ConvNorm(inputs, unit, 1)),
            ]
        )

    def forward(self, features: Tensor) -> Tensor:
        """Turn (B, inputs, H, W) into (B, 8 * unit, H, W)."""
        return torch.cat([branch(features) for branch in self.branches], dim=1)


def build(classes: int, channels: int, width: int, dropout: float) -> nn.Sequential:
    """Build a stem of two convolutions and three stages of 8, 16 and 24 times `width` channels.

    Args:
        classes: Number of labels, K.
        channels: 1 for gray, 3 for RGB.
        width: Channels of the first stage's narrowest branch; cost and size grow with its square.
        dropout: Before the last layer.

    Returns:
        A network from (B, channels, S, S) to (B, K) logits, for any S of at least 8.
    """
    layers: list[nn.Module] = [ConvNorm(channels, 2 * width), ConvNorm(2 * width, 2 * width)]
    inputs = 2 * width
    for unit in (width, 2 * width, 3 * width):
        layers.append(nn.MaxPool2d(3, 2, 1))
        for _ in range(MODULES):
            layers.append(Inception(inputs, unit))
            inputs = 8 * unit
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), Dropout(dropout), nn.Linear(inputs, classes)]
    return initialize(nn.Sequential(*layers, *head))
