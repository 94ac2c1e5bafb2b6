"""resnet-se: a small residual network whose blocks weigh their channels by what the whole picture shows.

Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; Hu et al., "Squeeze-and-Excitation
Networks", CVPR 2018. Stages of 1, 2, 2, 2 blocks at full, half, quarter and eighth size suit 48x48 pictures.
"""

from __future__ import annotations

from torch import Tensor, nn

from mien.training.models.resnet import Block, build_stages

STAGES = (1, 2, 2, 2)
REDUCTION = 8


class SqueezeExcite(nn.Module):
    """Scale each channel by a value between 0 and 1 that depends on all channels' means."""

    def __init__(self, channels: int) -> None:
        """Build the two small layers, with `channels // REDUCTION` values between them."""
        super().__init__()
        hidden = max(4, channels // REDUCTION)
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, hidden, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Scale the channels of (B, C, H, W)."""
        weighed: Tensor = features * self.weigh(features)
        return weighed


def build(classes: int, channels: int, width: int, dropout: float) -> nn.Sequential:
    """Build a stem and four stages of `width`, 2, 4 and 8 times `width` channels.

    Args:
        classes: Number of labels, K.
        channels: 1 for gray, 3 for RGB.
        width: Channels of the first stage; cost and size grow with its square.
        dropout: Before the last layer.

    Returns:
        A network from (B, channels, S, S) to (B, K) logits, for any S of at least 8.
    """
    return build_stages(STAGES, _build_block, classes, channels, int(width), dropout)


def _build_block(inputs: int, outputs: int, stride: int) -> Block:
    return Block(inputs, outputs, stride, SqueezeExcite(outputs))
