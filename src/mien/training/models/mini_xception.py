"""mini-xception: separable convolutions with residual shortcuts, and a map a class in place of a dense head.

With width 8, gray pictures and 7 classes it has the 56,951 weights of the authors' own; its cost goes by the picture's
area, and theirs are 64x64.

Source: Arriaga, Valdenegro-Toro and Plöger, "Real-time Convolutional Neural Networks for Emotion and Gender
Classification", 2017, and the code published with it; after Chollet, "Xception", CVPR 2017.
"""

from __future__ import annotations

from torch import Tensor, nn

from mien.training.models.blocks import ConvNorm, initialize


class Separable(nn.Sequential):
    """A 3x3 convolution of each channel alone and a 1x1 across channels, with nothing between, then batch norm."""

    def __init__(self, inputs: int, outputs: int, activate: bool = True) -> None:
        """Build the block, with a ReLU at its end unless told otherwise."""
        super().__init__(
            nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
            *ConvNorm(inputs, outputs, 1, activate=activate),
        )


class Block(nn.Module):
    """Two separable convolutions and pooling, added to a 1x1 shortcut; halves the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Build the block."""
        super().__init__()
        self.body = nn.Sequential(
            Separable(inputs, outputs),
            Separable(outputs, outputs, activate=False),
            nn.MaxPool2d(3, 2, 1),
        )
        self.shortcut = ConvNorm(inputs, outputs, 1, 2, activate=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return the (B, C, H, W) features at half the size, rounded up."""
        added: Tensor = self.body(features) + self.shortcut(features)
        return added


def build(classes: int, channels: int, width: int) -> nn.Sequential:
    """Build a stem of two convolutions, four blocks of 2, 4, 8 and 16 times `width` channels, and the class maps.

    Args:
        classes: Number of labels, K.
        channels: 1 for gray, 3 for RGB.
        width: Filters of the stem, 8 in the paper; cost and size grow with its square.

    Returns:
        A network from (B, channels, S, S) to (B, K) logits, for any S of at least 8.
    """
    layers: list[nn.Module] = [ConvNorm(channels, width, padding=0), ConvNorm(width, width, padding=0)]
    layers += [Block(width * 2**stage, width * 2 ** (stage + 1)) for stage in range(4)]
    body = initialize(nn.Sequential(*layers))
    # The class maps keep torch's own small weights: no batch norm follows that would scale He's down.
    return nn.Sequential(*body, nn.Conv2d(width * 16, classes, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
