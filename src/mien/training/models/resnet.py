"""resnet18, resnet34: residual networks of 18 and 34 layers, proportioned for 48x48 pictures.

The paper's stem shrinks a picture to a quarter before the first block; here, as in the paper's networks for CIFAR, one
3x3 convolution keeps its size. That costs 16 times as much, so the stages are half as wide as the paper's.

Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from mien.training.models.blocks import ConvNorm, Dropout, initialize


class Block(nn.Module):
    """Two convolutions, added to their input."""

    def __init__(self, inputs: int, outputs: int, stride: int, *after: nn.Module) -> None:
        """Build the block.

        Args:
            inputs: Channels in.
            outputs: Channels out.
            stride: 2 halves the size.
            after: What follows the convolutions before they are added.
        """
        super().__init__()
        self.body = nn.Sequential(
            ConvNorm(inputs, outputs, stride=stride),
            ConvNorm(outputs, outputs, activate=False),
            *after,
        )
        is_same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if is_same else ConvNorm(inputs, outputs, 1, stride, activate=False)
        self.activate = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        """Return the features of (B, C, H, W) with what the block adds to them."""
        added: Tensor = self.activate(self.body(features) + self.shortcut(features))
        return added


def build_18(classes: int, channels: int, width: int, dropout: float) -> nn.Sequential:
    """Build stages of 2, 2, 2 and 2 blocks; see `build_stages`."""
    return build_stages((2, 2, 2, 2), Block, classes, channels, width, dropout)


def build_34(classes: int, channels: int, width: int, dropout: float) -> nn.Sequential:
    """Build stages of 3, 4, 6 and 3 blocks; see `build_stages`."""
    return build_stages((3, 4, 6, 3), Block, classes, channels, width, dropout)


def build_stages(
    blocks: tuple[int, ...],
    build_block: Callable[[int, int, int], nn.Module],
    classes: int,
    channels: int,
    width: int,
    dropout: float,
) -> nn.Sequential:
    """Build a stem and stages of `width`, 2, 4 and 8 times `width` channels.

    Args:
        blocks: Number of blocks of each stage.
        build_block: Takes channels in, channels out and stride.
        classes: Number of labels, K.
        channels: 1 for gray, 3 for RGB.
        width: Channels of the first stage; cost and size grow with its square.
        dropout: Before the last layer.

    Returns:
        A network from (B, channels, S, S) to (B, K) logits, for any S of at least 8.
    """
    layers: list[nn.Module] = [ConvNorm(channels, width)]
    inputs = width
    for stage, count in enumerate(blocks):
        outputs = width * 2**stage
        for block in range(count):
            layers.append(build_block(inputs, outputs, 2 if stage and not block else 1))
            inputs = outputs
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), Dropout(dropout), nn.Linear(inputs, classes)]
    return initialize(nn.Sequential(*layers, *head))
