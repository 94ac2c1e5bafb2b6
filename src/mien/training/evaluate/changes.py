"""What happens to a face on its way to us: blur, noise, JPEG, dusk, distance, things in front of it, turns.

Strengths in pixels are meant for crops of 48 pixels, FER2013's. All is done with Pillow and numpy on uint8.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from mien.inference.expression.resampling import resize
from mien.inference.faces.frame import FER2013_FRAME
from mien.inference.faces.landmarks import LEFT_EYE, LEFT_MOUTH

Pictures: TypeAlias = NDArray[np.uint8]
"""(N, H, W) gray or (N, H, W, 3) RGB uint8; one picture is the same without N."""

Change: TypeAlias = Callable[[Pictures, np.random.Generator], Pictures]
"""Returns changed copies of pictures. What it draws, it draws picture by picture, so that chunks of a data set are
changed as the whole would be."""

GAMMA: Final = 1.5
"""Of `darken`: above 1, shadows lose more than lights."""

DARK_NOISE: Final = 4.0
"""Of `darken`: standard deviation of what a sensor adds to a dark picture, of 255."""

GRAY: Final = 128
"""What hides a part of a face."""

MOST_SIDES_RATIO: Final = 2.0
"""Of a rectangle that hides something: its longer side is at most so many times the shorter one."""

BAND: Final = 0.2
"""Height of a band over eyes or mouth, in heights of the crop."""


def blur(picture: Pictures, radius_px: float) -> Pictures:
    """Return the picture out of focus.

    Args:
        picture: (H, W) or (H, W, 3) uint8.
        radius_px: Standard deviation of the Gaussian (by Pillow's three passes of a box).
    """
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius_px)))


def compress(picture: Pictures, quality: int) -> Pictures:
    """Return the picture as it comes back from a JPEG file.

    Args:
        picture: (H, W) or (H, W, 3) uint8.
        quality: 1-95; lower keeps less.
    """
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return np.asarray(image)


def coarsen(picture: Pictures, size_px: int) -> Pictures:
    """Return the picture as fewer pixels show it, at its old size: areas averaged, then enlarged bilinearly.

    Args:
        picture: (S, S) or (S, S, 3) uint8.
        size_px: Side in between; a picture that is no larger stays as it is.
    """
    side = picture.shape[0]
    return resize(resize(picture, min(size_px, side)), side)


def turn(picture: Pictures, turn_deg: float) -> Pictures:
    """Return the picture turned about its middle; what comes into view repeats its edge.

    Args:
        picture: (H, W) or (H, W, 3) uint8.
        turn_deg: Clockwise as one sees it.
    """
    height, width = picture.shape[:2]
    margin = int(np.ceil((np.hypot(height, width) - min(height, width)) / 2)) + 1
    around = ((margin, margin), (margin, margin), (0, 0))[: picture.ndim]
    wide = Image.fromarray(np.pad(picture, around, mode="edge"))
    turned = np.asarray(wide.rotate(-turn_deg, Image.Resampling.BICUBIC))  # Pillow counts the other way round
    return turned[margin : margin + height, margin : margin + width]


def add_noise(pictures: Pictures, random: np.random.Generator, sd: float) -> Pictures:
    """Return pictures with Gaussian noise, each value its own.

    Args:
        pictures: (N, H, W) or (N, H, W, 3) uint8.
        random: Source of the draws.
        sd: Standard deviation, of 255, before values are clipped to what uint8 holds.
    """
    return _round(pictures + sd * random.standard_normal(pictures.shape))


def darken(pictures: Pictures, random: np.random.Generator, share: float) -> Pictures:
    """Return pictures in low light: `share` * v ** `GAMMA` for v of 0-1, and the noise of a sensor.

    Args:
        pictures: (N, H, W) or (N, H, W, 3) uint8.
        random: Source of the noise.
        share: What white becomes, 0-1.
    """
    dark = 255 * share * (pictures / 255) ** GAMMA
    return _round(dark + DARK_NOISE * random.standard_normal(pictures.shape))


def hide_part(pictures: Pictures, random: np.random.Generator, area: float) -> Pictures:
    """Return pictures behind a gray rectangle each, at a random place wholly inside.

    Args:
        pictures: (N, H, W) or (N, H, W, 3) uint8.
        random: Source of places and shapes.
        area: Share of the picture that is hidden, above 0 and at most 1 / `MOST_SIDES_RATIO`.
    """
    hidden = pictures.copy()
    height, width = pictures.shape[1:3]
    for picture, (shape, down, across) in zip(hidden, random.random((len(pictures), 3)), strict=True):
        ratio = MOST_SIDES_RATIO ** (2 * shape - 1)  # log-uniform: lying and standing ones are equally frequent
        rows = max(1, round(height * np.sqrt(area * ratio)))
        columns = max(1, round(height * width * area / rows))
        top, left = int(down * (height - rows + 1)), int(across * (width - columns + 1))
        picture[top : top + rows, left : left + columns] = GRAY
    return hidden


def hide_band(pictures: Pictures, middle: float) -> Pictures:
    """Return pictures behind a gray band from the left to the right border.

    Args:
        pictures: (N, H, W) or (N, H, W, 3) uint8.
        middle: Height of the band's middle in heights of the picture, from above.
    """
    height = pictures.shape[1]
    hidden = pictures.copy()
    hidden[:, round(height * (middle - BAND / 2)) : round(height * (middle + BAND / 2))] = GRAY
    return hidden


def _round(values: NDArray[np.float64]) -> Pictures:
    rounded: Pictures = np.rint(values).clip(0, 255).astype(np.uint8)
    return rounded


def _each(change: Callable[[Pictures], Pictures]) -> Change:
    """Apply what changes one picture, and draws nothing, to each of many."""
    return lambda pictures, random: np.stack([change(picture) for picture in pictures])


def _band(landmark: int) -> Change:
    """Hide what is at the height of a landmark in FER2013's frame."""
    middle = FER2013_FRAME.landmarks[landmark][1]
    return lambda pictures, random: hide_band(pictures, middle)


CHANGES: Final[Mapping[str, Change]] = {
    **{f"blur {radius:g} px": _each(partial(blur, radius_px=radius)) for radius in (0.5, 1, 1.5)},
    **{f"noise {sd:g}": partial(add_noise, sd=sd) for sd in (8, 16, 32)},
    **{f"JPEG {quality}": _each(partial(compress, quality=quality)) for quality in (50, 20, 10)},
    **{f"light x {share:g}": partial(darken, share=share) for share in (0.5, 0.25)},
    **{f"resolution {size} px": _each(partial(coarsen, size_px=size)) for size in (36, 24)},
    **{f"hidden {area:.0%}".replace("%", " %"): partial(hide_part, area=area) for area in (0.1, 0.25)},
    "hidden eyes": _band(LEFT_EYE),
    "hidden mouth": _band(LEFT_MOUTH),
    **{f"turned {angle:+} deg": _each(partial(turn, turn_deg=angle)) for angle in (-30, -15, 15, 30)},
}
"""By name, in the order of tables. With generators of the same seed, strengths of a kind draw the same: the noise of
one is that of another times a factor, and rectangles have the same shapes."""
