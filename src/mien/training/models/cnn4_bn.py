"""cnn4-bn: four convolutions with batch norm and a large dense head, the usual second step after cnn3."""

from __future__ import annotations

from torch import nn

from mien.training.models.blocks import Dropout


def build(classes: int, channels: int, size_px: int, dropout: float, dense_dropout: float) -> nn.Sequential:
    """Build 4 x [conv 3x3 of 64, 128, 256, 512, batch norm, ReLU, dropout, max-pool], dense 512 and 256.

    Args:
        classes: Number of labels, K.
        channels: 1 for gray, 3 for RGB.
        size_px: Side of the pictures, at least 16.
        dropout: Before each pooling.
        dense_dropout: After each dense layer.

    Returns:
        A network from (B, channels, size_px, size_px) to (B, K) logits.
    """
    layers: list[nn.Module] = []
    inputs = channels
    for filters in (64, 128, 256, 512):
        layers += [nn.Conv2d(inputs, filters, 3, padding=1), nn.BatchNorm2d(filters), nn.ReLU(inplace=True)]
        layers += [Dropout(dropout), nn.MaxPool2d(2)]
        inputs = filters
    layers.append(nn.Flatten())
    inputs *= (size_px // 16) ** 2
    for units in (512, 256):
        layers += [nn.Linear(inputs, units), nn.BatchNorm1d(units), nn.ReLU(inplace=True), Dropout(dense_dropout)]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, classes))
