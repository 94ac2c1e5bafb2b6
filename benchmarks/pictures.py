"""What detectors are shown: one real photo in any size, and pictures with any number of its face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

FACE = (152, 56, 296, 164)
"""The astronaut's face and some of its surroundings in the photo of 512x512: left, top, right, bottom. Four to three,
as most photos are."""


def show_astronaut(width: int, height: int) -> NDArray[np.uint8]:
    """Return scikit-image's photo of Eileen Collins, filling a picture: its lower part is cut off, no side is padded.

    Args:
        width: Pixels, at least as many as the height: else the face may be cut off too.
        height: Pixels.

    Returns:
        (height, width, 3) uint8 RGB.

    Source:
        NASA, public domain; https://scikit-image.org/docs/stable/api/skimage.data.html#skimage.data.astronaut
    """
    from skimage.data import astronaut  # takes a moment, and only the benchmarks' extra has it

    photo = Image.fromarray(astronaut())
    return np.asarray(ImageOps.fit(photo, (width, height), Image.Resampling.BICUBIC, centering=(0.5, 0.0)))


def tile_faces(width: int, height: int, across: int) -> NDArray[np.uint8]:
    """Return a picture that is full of the astronaut's face, `across` times `across`.

    Args:
        width: Pixels, at least `across`.
        height: Likewise.
        across: Faces in a row, and rows.

    Returns:
        (height, width, 3) uint8 RGB. Where the sides are no multiples of `across`, the tiles overlap by a pixel.
    """
    from skimage.data import astronaut

    size = (-(-width // across), -(-height // across))
    tile = ImageOps.fit(Image.fromarray(astronaut()).crop(FACE), size, Image.Resampling.BICUBIC)
    picture = Image.new("RGB", (width, height))
    for row in range(across):
        for column in range(across):
            picture.paste(tile, (column * width // across, row * height // across))
    return np.asarray(picture)
