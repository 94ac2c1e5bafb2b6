"""Crops to the size and color a network takes: exact area averages when shrinking, bilinear when enlarging."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_ROUND_UP: Final = 0.5 + 2**-10
"""Averages of whole numbers often end in one half; the little more rounds all of these up on every processor."""


def to_gray(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the luma of an RGB picture as Pillow's mode "L" has it; equal red, green and blue give just that gray.

    Args:
        crop: (H, W, 3) uint8.

    Returns:
        (H, W) uint8.

    Source: ITU-R BT.601
    """
    return np.asarray(Image.fromarray(crop).convert("L"))


def resize(crop: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """Return the crop as a square; one that has the size already passes untouched.

    Each axis is averaged over areas if it shrinks, so that nothing aliases, and interpolated linearly if it grows.

    Args:
        crop: (H, W) or (H, W, C) uint8; need not be square.
        size_px: Side of the square.

    Returns:
        (size_px, size_px) or (size_px, size_px, C) uint8.
    """
    height, width = crop.shape[:2]
    if (height, width) == (size_px, size_px):
        return crop
    down, across = _weights(height, size_px), _weights(width, size_px)
    columns = np.tensordot(down, crop.astype(np.float32), axes=(1, 0))  # (size, W[, C])
    square = np.tensordot(across, columns, axes=(1, 1)).swapaxes(0, 1)  # (size, size[, C])
    result: NDArray[np.uint8] = np.floor(square + _ROUND_UP).clip(0, 255).astype(np.uint8)
    return result


def _weights(before: int, after: int) -> NDArray[np.float32]:
    """Return (after, before): the share of every old pixel in each new one; rows sum to 1."""
    pixels = np.arange(before)
    if after < before:
        edges = np.linspace(0, before, after + 1)
        weights = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    else:
        centers = ((np.arange(after) + 0.5) * before / after - 0.5).clip(0, before - 1)
        weights = 1 - np.abs(centers[:, None] - pixels)
    weights = weights.clip(0)
    shares: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares
