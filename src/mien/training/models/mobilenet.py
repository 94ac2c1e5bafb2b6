"""mobilenet: depthwise convolutions between a wide and a narrow 1x1, with shortcuts between the narrow ends.

The paper's network for 224 pixels, cut down to 48x48: of its seven stages those of 16, 32, 64 and 160 channels, with
one, two, three and three blocks, and half the features before the last layer. ReLU stands in place of ReLU6, whose
bound serves 8-bit arithmetic. Pooling stands in place of strides: in bfloat16 on a CPU the gradient of a depthwise
convolution with a stride took four to ten times as long as in float32 (torch 2.13).

Source: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018.
"""

from __future__ import annotations

from torch import Tensor, nn

from mien.training.models.blocks import ConvNorm, Dropout, initialize

STAGES = ((1, 1, 1), (6, 2, 2), (6, 4, 3), (6, 10, 3))
"""(expansion, channels in widths, blocks) of each; the size is halved between them."""

FEATURES = 40
"""Channels before the last layer, in widths."""


class InvertedResidual(nn.Module):
    """Widen, convolve each channel alone, narrow without ReLU; added to the input where that has the same shape."""

    def __init__(self, inputs: int, outputs: int, expansion: int) -> None:
        """Build the block.

        Args:
            inputs: Channels in.
            outputs: Channels out.
            expansion: How many times wider than the input the middle is; 1 leaves out the widening.
        """
        super().__init__()
        middle = inputs * expansion
        self.body = nn.Sequential(
            *([ConvNorm(inputs, middle, 1)] if expansion > 1 else []),
            ConvNorm(middle, middle, groups=middle),
            ConvNorm(middle, outputs, 1, activate=False),
        )
        self.has_shortcut = inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        """Turn (B, inputs, H, W) into (B, outputs, H, W)."""
        changed: Tensor = self.body(features)
        return features + changed if self.has_shortcut else changed


def build(classes: int, channels: int, width: int, dropout: float) -> nn.Sequential:
    """Build a stem, four stages of `width`, 2, 4 and 10 times `width` channels, and a 1x1 of 40 times `width`.

    Args:
        classes: Number of labels, K.
        channels: 1 for gray, 3 for RGB.
        width: Channels of the first stage, 16 in the paper; cost and size grow with its square.
        dropout: Before the last layer.

    Returns:
        A network from (B, channels, S, S) to (B, K) logits, for any S of at least 8.
    """
    layers: list[nn.Module] = [ConvNorm(channels, 2 * width)]
    inputs = 2 * width
    for stage, (expansion, widths, blocks) in enumerate(STAGES):
        layers += [nn.MaxPool2d(2)] if stage else []
        for _ in range(blocks):
            layers.append(InvertedResidual(inputs, widths * width, expansion))
            inputs = widths * width
    layers.append(ConvNorm(inputs, FEATURES * width, 1))
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), Dropout(dropout), nn.Linear(FEATURES * width, classes)]
    return initialize(nn.Sequential(*layers, *head))
