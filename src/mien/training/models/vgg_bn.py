"""vgg-bn: eight plain 3x3 convolutions in four stages, with global pooling in place of the large dense head.

Plain stacks run quicker per multiply-add than residual, attention or depthwise ones on a CPU.

Source: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015;
batch norm and global pooling as in Pramerdorfer and Kampel, "Facial Expression Recognition using Convolutional
Neural Networks: State of the Art", 2016.
"""

from __future__ import annotations

from torch import nn

from mien.training.models.blocks import ConvNorm, Dropout, initialize


def build(classes: int, channels: int, width: int, dropout: float) -> nn.Sequential:
    """Build four stages of two convolutions of `width`, 2, 4 and 8 times `width` filters.

    Args:
        classes: Number of labels, K.
        channels: 1 for gray, 3 for RGB.
        width: Filters of the first stage; cost and size grow with its square.
        dropout: Before the last layer.

    Returns:
        A network from (B, channels, S, S) to (B, K) logits, for any S of at least 8.
    """
    layers: list[nn.Module] = []
    inputs = channels
    for stage in range(4):
        filters = int(width) * 2**stage
        layers += [nn.MaxPool2d(2)] if stage else []
        layers += [ConvNorm(inputs, filters), ConvNorm(filters, filters)]
        inputs = filters
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), Dropout(dropout), nn.Linear(inputs, classes)]
    return initialize(nn.Sequential(*layers, *head))
