"""face-pyramid: one look at a picture of any size, three grids of answers about faces of three sizes.

Plain 3x3 convolutions go down to a 32nd of the picture's size; cross-stage blocks mix their steps with one 1x1
convolution, a pooled context widens the view, and a top-down path brings it back to the fine grids.

Source: Lin et al., "Feature Pyramid Networks for Object Detection", CVPR 2017; Tian et al., "FCOS: Fully Convolutional
One-Stage Object Detection", ICCV 2019; Wang et al., "CSPNet", CVPRW 2020, for the cross-stage blocks.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.training.models.blocks import ConvNorm

STRIDES: Final = (8, 16, 32)
"""Pixels between two cells of each grid."""

ANSWERS: Final = 15
"""What a cell answers: 1 logit, 4 distances to the box's sides, 5 landmarks of 2 coordinates."""

LARGEST_LOG: Final = 6.0
"""Distances answered above e to this many strides are cut: no face is that large, and the exponential stays finite."""

RARE_FACE: Final = 0.01
"""The score of every cell at first: faces are rare, and a network that knows it does not have to unlearn surprise.

Source: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017."""


class Answers(NamedTuple):
    """A network's answers in pixels.

    Attributes:
        logits: (B, N) scores before the sigmoid.
        boxes: (B, N, 4) left, top, right, bottom.
        landmarks: (B, N, 5, 2) x and y.
    """

    logits: Tensor
    boxes: Tensor
    landmarks: Tensor


class CrossStage(nn.Module):
    """Half of the channels go through 3x3 convolutions, and all that they gave on the way is mixed in the end."""

    def __init__(self, channels: int, depth: int) -> None:
        """Build the block.

        Args:
            channels: In and out; even.
            depth: Number of 3x3 convolutions; each adds two pixels of view.
        """
        super().__init__()
        inner = channels // 2
        self.enter = ConvNorm(channels, channels, 1)
        self.steps = nn.ModuleList(ConvNorm(inner, inner) for _ in range(depth))
        self.leave = ConvNorm((2 + depth) * inner, channels, 1)

    def forward(self, values: Tensor) -> Tensor:
        """Return (B, channels, H, W) of the same shape."""
        parts = list(self.enter(values).chunk(2, dim=1))
        for step in self.steps:
            parts.append(parts[-1] + step(parts[-1]))
        mixed: Tensor = self.leave(torch.cat(parts, dim=1))
        return mixed


class Context(nn.Module):
    """Max pooling over 5, 9 and 13 cells beside the values themselves: a cell sees most of the picture.

    Source: He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks", ECCV 2014.
    """

    def __init__(self, channels: int) -> None:
        """Build the block.

        Args:
            channels: In and out; even.
        """
        super().__init__()
        self.enter = ConvNorm(channels, channels // 2, 1)
        self.leave = ConvNorm(channels * 2, channels, 1)

    def forward(self, values: Tensor) -> Tensor:
        """Return (B, channels, H, W) of the same shape."""
        parts = [self.enter(values)]
        for _ in range(3):
            parts.append(F.max_pool2d(parts[-1], 5, 1, 2))
        mixed: Tensor = self.leave(torch.cat(parts, dim=1))
        return mixed


class Separable(nn.Sequential):
    """A depthwise 3x3 convolution and a 1x1 one: a ninth of the cost on the fine grids."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Build the block.

        Args:
            inputs: Channels in.
            outputs: Channels out.
        """
        super().__init__(ConvNorm(inputs, inputs, groups=inputs, activate=False), ConvNorm(inputs, outputs, 1))


class FacePyramid(nn.Module):
    """The network: (B, 3, H, W) standardized planes to the raw answers of all cells."""

    def __init__(self, width: int = 32, depth: int = 2) -> None:
        """Build it.

        Args:
            width: Channels of the fine grid; the stem begins with half of it, the middle grid has twice as many,
                the coarse one 4 times, the head twice as many. Multiples of 32 are quickest to run.
            depth: Convolutions in the cross-stage blocks of the fine and the coarse grid; the middle one has twice as
                many.
        """
        super().__init__()
        fine, middle, coarse, head = width, 2 * width, 4 * width, 2 * width
        self.stem = nn.Sequential(ConvNorm(3, width // 2, stride=2), ConvNorm(width // 2, width, stride=2))
        self.fine = nn.Sequential(ConvNorm(width, fine, stride=2), CrossStage(fine, depth))
        self.middle = nn.Sequential(ConvNorm(fine, middle, stride=2), CrossStage(middle, 2 * depth))
        self.coarse = nn.Sequential(ConvNorm(middle, coarse, stride=2), CrossStage(coarse, depth), Context(coarse))
        self.laterals = nn.ModuleList(ConvNorm(channels, head, 1) for channels in (fine, middle, coarse))
        self.smooth = nn.ModuleList(Separable(head, head) for _ in STRIDES[:-1])
        self.heads = nn.ModuleList(
            nn.Sequential(Separable(head, head), Separable(head, head), nn.Conv2d(head, ANSWERS, 1)) for _ in STRIDES
        )
        self._begin()

    def _begin(self) -> None:
        """Let every cell begin with a low score, a box of some cells and landmarks in its middle."""
        for head in self.heads:
            last = head[-1]  # type: ignore[index]
            nn.init.normal_(last.weight, std=0.01)
            nn.init.zeros_(last.bias)
            with torch.no_grad():
                last.bias[0] = -math.log((1 - RARE_FACE) / RARE_FACE)
                last.bias[1:5] = 1.0

    def forward(self, planes: Tensor) -> Tensor:
        """Return what all cells answer.

        Args:
            planes: (B, 3, H, W) float; H and W multiples of 32.

        Returns:
            (B, N, 15): logit, log of the distances from the cell's middle to left, top, right and bottom in strides,
            and x, y of five landmarks from the cell's middle in strides. Cells of stride 8 come first, row by row.
        """
        fine = self.fine(self.stem(planes))
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        lateral = [layer(grid) for layer, grid in zip(self.laterals, (fine, middle, coarse), strict=True)]
        middle = self.smooth[1](lateral[1] + F.interpolate(lateral[2], scale_factor=2.0))
        fine = self.smooth[0](lateral[0] + F.interpolate(middle, scale_factor=2.0))
        grids = [head(grid) for head, grid in zip(self.heads, (fine, middle, lateral[2]), strict=True)]
        return torch.cat([grid.flatten(2) for grid in grids], dim=2).transpose(1, 2)


def build(width: int, depth: int) -> FacePyramid:
    """Build the network with fresh weights. See `FacePyramid`."""
    return FacePyramid(width, depth)


def cell_middles(height: int, width: int, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Return where the cells of a picture stand.

    Args:
        height: Pixels, a multiple of 32.
        width: Likewise.
        device: Where the tensors shall lie.

    Returns:
        (N, 2) x and y of the middles in pixels, and (N,) their strides, in the order of the network's answers.
    """
    middles, strides = [], []
    for stride in STRIDES:
        rows, columns = height // stride, width // stride
        y = (torch.arange(rows, device=device) + 0.5) * stride
        x = (torch.arange(columns, device=device) + 0.5) * stride
        grid = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1).reshape(-1, 2)
        middles.append(grid)
        strides.append(torch.full_like(grid[:, 0], stride))
    return torch.cat(middles), torch.cat(strides)


def decode(raw: Tensor, middles: Tensor, strides: Tensor) -> Answers:
    """Turn raw answers into pixels.

    Args:
        raw: (B, N, 15) as `FacePyramid` gives them.
        middles: (N, 2) as `cell_middles` gives them.
        strides: (N,) likewise.
    """
    reach = raw[..., 1:5].clamp(max=LARGEST_LOG).exp() * strides[:, None]
    boxes = torch.cat([middles - reach[..., :2], middles + reach[..., 2:]], dim=-1)
    points = middles.repeat(1, 5) + raw[..., 5:] * strides[:, None]  # ten numbers in a row: quick in ONNX Runtime
    return Answers(raw[..., 0], boxes, torch.unflatten(points, -1, (5, 2)))
