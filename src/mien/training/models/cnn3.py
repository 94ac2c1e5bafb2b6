"""cnn3: three convolutions and two dense layers, the network of many first tutorials on FER2013."""

from __future__ import annotations

from torch import nn

from mien.training.models.blocks import Dropout


def build(
    classes: int, channels: int, size_px: int, dropout: float, dense_dropout: float, batch_norm: int
) -> nn.Sequential:
    """Build 3 x [conv 3x3 'same' of 32, 64, 128 filters, ReLU, max-pool, dropout], dense 256 and 128.

    The ReLU stands behind the pooling: the highest of four values is the same either way, in a quarter of the time.

    Args:
        classes: Number of labels, K.
        channels: 1 for gray, 3 for RGB.
        size_px: Side of the pictures, at least 8.
        dropout: After each pooling.
        dense_dropout: After each dense layer.
        batch_norm: 1 puts a batch norm behind each convolution and dense layer, which the tutorials' network lacks.

    Returns:
        A network from (B, channels, size_px, size_px) to (B, K) logits.
    """
    layers: list[nn.Module] = []
    inputs = channels
    for filters in (32, 64, 128):
        layers += [nn.Conv2d(inputs, filters, 3, padding=1), *([nn.BatchNorm2d(filters)] if batch_norm else [])]
        layers += [nn.MaxPool2d(2), nn.ReLU(inplace=True), Dropout(dropout)]
        inputs = filters
    layers.append(nn.Flatten())
    inputs *= (size_px // 8) ** 2
    for units in (256, 128):
        layers += [nn.Linear(inputs, units), *([nn.BatchNorm1d(units)] if batch_norm else [])]
        layers += [nn.ReLU(inplace=True), Dropout(dense_dropout)]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, classes))
