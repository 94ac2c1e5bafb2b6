"""cnn-sequential: pairs of convolutions with batch norm, stacked layer on layer; the deepest of the classic tutorials.

The dense layer has batch norm too. Tried without, on 6,000 pictures of FER2013: Adam's first steps at 0.001 move all of
a unit's 4,608 weights the same way; after 100 steps nine tenths of the units answered 0 to every picture of a batch,
and the loss stood where the classes' shares alone would put it (1.8; with batch norm 1.6).

Source: the pairs are those of Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", ICLR 2015; batch norm and dropout after each pooling are the tutorials' own.
"""

from __future__ import annotations

from torch import nn

from mien.training.models.blocks import ConvNorm, Dropout, initialize


def build(classes: int, channels: int, size_px: int, dropout: float, dense_dropout: float) -> nn.Sequential:
    """Build 4 x [2 x (conv 3x3 of 64, 128, 256, 512, batch norm, ReLU), max-pool, dropout], dense 512 likewise.

    The ReLU before a pooling stands behind it: the same values in less time, as in `cnn3`.

    Args:
        classes: Number of labels, K.
        channels: 1 for gray, 3 for RGB.
        size_px: Side of the pictures, at least 16.
        dropout: After each pooling.
        dense_dropout: After the dense layer.

    Returns:
        A network from (B, channels, size_px, size_px) to (B, K) logits.
    """
    layers: list[nn.Module] = []
    inputs = channels
    for filters in (64, 128, 256, 512):
        layers += [ConvNorm(inputs, filters), ConvNorm(filters, filters, activate=False)]
        layers += [nn.MaxPool2d(2), nn.ReLU(inplace=True), Dropout(dropout)]
        inputs = filters
    inputs *= (size_px // 16) ** 2
    dense = [nn.Linear(inputs, 512), nn.BatchNorm1d(512), nn.ReLU(inplace=True), Dropout(dense_dropout)]
    return initialize(nn.Sequential(*layers, nn.Flatten(), *dense, nn.Linear(512, classes)))
