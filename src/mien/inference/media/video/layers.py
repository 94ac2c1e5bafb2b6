"""Small drawings that are kept and laid over many frames: drawing letters anew on each frame would take too long."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.inference.media.pictures import RGB

OPAQUE_ABOVE = 256
"""What a layer keeps of the pixels below where it draws nothing: all 256 parts."""


class Layer(NamedTuple):
    """What a drawing leaves of the pixels below it, and what it adds.

    Attributes:
        keep: (H, W, 3) uint16, from 0 to 256: so many 256th parts of the pixels below stay.
        add: (H, W, 3) uint16, from 0 to 255. Both together never reach above 255.
    """

    keep: NDArray[np.uint16]
    add: NDArray[np.uint16]

    @classmethod
    def record(cls, width: int, height: int, draw: Callable[[Image.Image], None]) -> Layer:
        """Draw once on black and once on white, which tells what shows through.

        Args:
            width: Of the layer, pixels.
            height: Likewise.
            draw: Paints over a picture of this size, each pixel by a share that doesn't depend on what was there.
        """
        black, white = Image.new("RGB", (width, height)), Image.new("RGB", (width, height), (255, 255, 255))
        draw(black)
        draw(white)
        add = np.asarray(black, np.uint16)
        shown = np.clip(np.asarray(white, np.int32) - add, 0, 255)
        return cls(((shown * 256 + 127) // 255).astype(np.uint16), add)

    def blend(self, pixels: RGB, left: int, top: int) -> None:
        """Lay the layer over pixels, in place; what reaches over their border is left out.

        Args:
            pixels: (H, W, 3) uint8.
            left: Where the layer begins.
            top: Likewise.
        """
        height, width = self.add.shape[:2]
        rows = slice(max(0, top), max(0, min(top + height, pixels.shape[0])))
        columns = slice(max(0, left), max(0, min(left + width, pixels.shape[1])))
        below = pixels[rows, columns]
        part = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        if below.size:
            mix(below, self.keep[part], self.add[part])


def mix(below: RGB, keep: NDArray[np.uint16], add: NDArray[np.uint16]) -> None:
    """Keep some parts of the pixels and add others, in place.

    Args:
        below: (H, W, 3) uint8.
        keep: 256th parts, uint16, of a shape that broadcasts to that of `below`.
        add: uint16, likewise.
    """
    mixed = np.multiply(below, keep, dtype=np.uint16)  # at most 255 * 256, which just fits
    mixed >>= 8
    mixed += add
    below[...] = mixed
