"""What stands before every network, in training and in the exported graph: uint8 becomes standardized float32."""

from __future__ import annotations

import torch
from torch import Tensor

MEAN = 0.5
SPREAD = 0.25
"""Fixed rather than taken from the data, so that a model does not carry its data set's lighting with it."""

BRIGHTEST = 255.0
"""What a uint8 pixel is at most."""


def to_planes(images: Tensor) -> Tensor:
    """Turn (B, H, W) gray or (B, H, W, 3) RGB uint8 into (B, C, H, W) float32 in 0-1."""
    return _to_channels(images).to(torch.float32) / BRIGHTEST


def standardize(planes: Tensor) -> Tensor:
    """Shift and scale values in 0-1 so that typical pictures lie around 0 with a spread of about 1."""
    return (planes - MEAN) / SPREAD


def standardize_pixels(images: Tensor) -> Tensor:
    """Do both in one step: (B, H, W) gray or (B, H, W, 3) RGB uint8 to (B, C, H, W) float32 around 0.

    One product and one difference a pixel: on a large picture each pass over it is time that shows.
    """
    return _to_channels(images).to(torch.float32) * (1 / (BRIGHTEST * SPREAD)) - MEAN / SPREAD


def _to_channels(images: Tensor) -> Tensor:
    return images.unsqueeze(1) if images.dim() == 3 else images.permute(0, 3, 1, 2)
