"""The pieces that several networks are built from."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SparsePointwise(nn.Conv2d):
    """A 1x1 convolution with a stride, as a plain one of the pixels that it looks at.

    The answers are the same. oneDNN's own, behind torch on a CPU, writes past its memory where fewer than 16 channels
    come in with the channels last: gradients are wrong then, or the process dies
    (https://github.com/uxlfoundation/oneDNN/issues/6035, torch 2.13).
    """

    def forward(self, input: Tensor) -> Tensor:
        """Turn (B, C, H, W) features into those of every `stride`-th row and column."""
        down, across = self.stride
        return F.conv2d(input[..., ::down, ::across], self.weight, self.bias, groups=self.groups)


class ConvNorm(nn.Sequential):
    """A convolution with batch norm, and a ReLU unless told otherwise."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        activate: bool = True,
        groups: int = 1,
        padding: int | None = None,
    ) -> None:
        """Build the block.

        Args:
            inputs: Channels in.
            outputs: Channels out.
            kernel: Side of the kernel.
            stride: 2 halves the size.
            activate: Whether a ReLU follows.
            groups: `inputs` for a depthwise convolution, which looks at each channel alone.
            padding: Zeros on each side; None keeps the size at stride 1.
        """
        padding = kernel // 2 if padding is None else padding
        convolution = SparsePointwise if kernel == 1 and stride > 1 and not padding else nn.Conv2d
        super().__init__(
            convolution(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
            *([nn.ReLU(inplace=True)] if activate else []),
        )


class Dropout(nn.Module):
    """Dropout with its mask drawn from bytes of one wide random number: four times as quick on a CPU as torch's own.

    The probability is rounded to the nearest 1/256 (0.25 and 0.5 are exact), and the kept values are scaled by
    the rounded one, so that the expected output stays the input.

    Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 2014.
    """

    def __init__(self, probability: float) -> None:
        """Build the layer.

        Args:
            probability: Share of values set to 0 while training, from 0 to below 1. More regularizes more and
                learns slower.
        """
        super().__init__()
        self.threshold = round(probability * 256)
        if not 0 <= self.threshold < 256:
            raise ValueError(f"dropout of {probability} is not in 0 to below 1")

    def forward(self, values: Tensor) -> Tensor:
        """Set some values to 0 while training; pass them on else."""
        if not self.training or not self.threshold:
            return values
        count = values.numel()
        numbers = torch.empty((count + 7) // 8, dtype=torch.int64, device=values.device).random_(-(2**63), None)
        keep = (numbers.view(torch.uint8)[:count] >= self.threshold).to(values.dtype)
        keep = keep.mul_(256 / (256 - self.threshold))
        if values.dim() == 4 and values.is_contiguous(memory_format=torch.channels_last):
            batch, channels, height, width = values.shape
            return values * keep.view(batch, height, width, channels).permute(0, 3, 1, 2)
        return values * keep.view(values.shape)

    def extra_repr(self) -> str:
        """Show the probability when printed."""
        return f"probability={self.threshold / 256:g}"


def initialize(network: nn.Sequential) -> nn.Sequential:
    """Draw convolutions from He's normal distribution, as suits ReLU.

    Source: He et al., "Delving Deep into Rectifiers", ICCV 2015.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            # torch's fan_out counts the outputs of all groups, of which each input reaches those of its own alone
            fan: Literal["fan_in", "fan_out"] = "fan_out" if module.groups == 1 else "fan_in"
            nn.init.kaiming_normal_(module.weight, mode=fan, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network
