"""Pillow's color modes to 8-bit RGB, each the way it is meant."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

from mien.core.errors import UnreadableMediaError

BACKGROUND: Final = (255, 255, 255)
"""What stands behind transparent pixels: white, as on paper; their own color is often garbage."""

_GRAY_16_MODES: Final = frozenset({"I;16", "I;16B", "I;16L", "I;16N", "I"})


def to_rgb(image: Image.Image, name: str) -> Image.Image:
    """Convert a loaded picture of any mode to mode "RGB"; `name` is how errors call it.

    16-bit gray keeps its whole range: 0-65535 becomes 0-255, rounded. Transparent pixels stand on `BACKGROUND`.

    Raises:
        UnreadableMediaError: If the picture has more than 16 bits of gray or floating point gray, for which no range is
            agreed.
    """
    if image.mode in _GRAY_16_MODES:
        return _scale_16_bits(image, name).convert("RGB")
    if image.mode == "F":
        raise UnreadableMediaError(
            f"{name} has floating point gray, for which no range is agreed. Save it with 8 or 16 bits a channel."
        )
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        canvas = Image.new("RGBA", rgba.size, (*BACKGROUND, 255))
        return Image.alpha_composite(canvas, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _scale_16_bits(image: Image.Image, name: str) -> Image.Image:
    """Return mode "L"; Pillow's own conversion would clip everything above 255 to white."""
    values = np.asarray(image).astype(np.int32)
    if values.min() < 0 or values.max() > 65535:
        raise UnreadableMediaError(
            f"{name} has 32-bit gray (here {values.min()} to {values.max()}), for which no range is agreed. "
            "Save it with 8 or 16 bits a channel."
        )
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))
