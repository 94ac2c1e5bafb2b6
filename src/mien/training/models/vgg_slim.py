"""vgg-slim: plain 3x3 convolutions, few where pixels are many: one at full size, two at half, more at a quarter.

Full-size layers cost as much as those behind them, and on a CPU more, for their values leave the cache. One of them
suffices; what it saves goes into depth at a quarter of the size, where a kernel sees an eye or a mouth at once.

Source: after Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015;
batch norm and global pooling as in Pramerdorfer and Kampel, "Facial Expression Recognition using Convolutional
Neural Networks: State of the Art", 2016.
"""

from __future__ import annotations

from torch import nn

from mien.training.models.blocks import ConvNorm, Dropout, initialize


def build(classes: int, channels: int, width: int, depth: int, dropout: float) -> nn.Sequential:
    """Build four stages of `width`, 2, 4 and 8 times `width` filters.

    Args:
        classes: Number of labels, K.
        channels: 1 for gray, 3 for RGB.
        width: Filters of the first stage; cost and size grow with its square.
        depth: Convolutions at a quarter of the size; the other stages have 1, 2 and 2.
        dropout: Before the last layer.

    Returns:
        A network from (B, channels, S, S) to (B, K) logits, for any S of at least 8.
    """
    layers: list[nn.Module] = []
    inputs = channels
    for stage, convolutions in enumerate((1, 2, depth, 2)):
        filters = int(width) * 2**stage
        layers += [nn.MaxPool2d(2)] if stage else []
        for _ in range(int(convolutions)):
            layers.append(ConvNorm(inputs, filters))
            inputs = filters
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), Dropout(dropout), nn.Linear(inputs, classes)]
    return initialize(nn.Sequential(*layers, *head))
