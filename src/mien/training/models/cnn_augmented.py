"""cnn-augmented: pairs of plain convolutions and a dense layer, the network that tutorials train with augmentation.

Source: the pairs are those of Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", ICLR 2015; without batch norm, so that what augmentation gains can be told from what batch norm does.
"""

from __future__ import annotations

from torch import nn

from mien.training.models.blocks import Dropout, initialize


def build(classes: int, channels: int, size_px: int, dropout: float, dense_dropout: float) -> nn.Sequential:
    """Build 3 x [2 x (conv 3x3 of 32, 64, 128, ReLU), max-pool, dropout], dense 256, dropout.

    The ReLU before a pooling stands behind it: the same values in less time, as in `cnn3`.

    Args:
        classes: Number of labels, K.
        channels: 1 for gray, 3 for RGB.
        size_px: Side of the pictures, at least 8.
        dropout: After each pooling.
        dense_dropout: After the dense layer.

    Returns:
        A network from (B, channels, size_px, size_px) to (B, K) logits.
    """
    layers: list[nn.Module] = []
    inputs = channels
    for filters in (32, 64, 128):
        layers += [nn.Conv2d(inputs, filters, 3, padding=1), nn.ReLU(inplace=True)]
        layers += [nn.Conv2d(filters, filters, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(inplace=True), Dropout(dropout)]
        inputs = filters
    inputs *= (size_px // 8) ** 2
    dense = [nn.Flatten(), nn.Linear(inputs, 256), nn.ReLU(inplace=True), Dropout(dense_dropout)]
    return initialize(nn.Sequential(*layers, *dense, nn.Linear(256, classes)))
