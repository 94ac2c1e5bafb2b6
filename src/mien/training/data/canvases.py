"""Crops of faces laid into larger pictures, so that a detector has to find them as it would in a photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from mien.core.errors import InputError
from mien.core.geometry import Box

FEATHER: Final = 0.06
"""Width of the seam in which a crop fades into its surroundings, in sides of the crop."""

_BLUR: Final = 0.15  # of the surroundings, in sides of the crop: nothing in them may look like a second face


@dataclass(frozen=True)
class Canvas:
    """A picture that shows one crop somewhere.

    Attributes:
        picture: (H, W, 3) uint8 RGB.
        center: Where the middle of the crop lies, x and y in pixels.
        side_px: Side of the crop.
        turn_deg: How far it is turned, clockwise as one sees it.
    """

    picture: NDArray[np.uint8]
    center: tuple[float, float]
    side_px: float
    turn_deg: float

    def shows(self, box: Box) -> bool:
        """Tell whether a box is of the crop's face: its middle is the crop's, give or take a quarter of a side."""
        x, y = box.x + box.width / 2 - self.center[0], box.y + box.height / 2 - self.center[1]
        return max(abs(x), abs(y)) <= self.side_px / 4

    def place(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return where points of the crop lie in the picture: the inverse of `locate`.

        Args:
            points: (..., 2) of the crop as the unit square, (0, 0) its top left corner.

        Returns:
            (..., 2) float64 pixels of the picture.
        """
        away = (np.asarray(points, np.float64) - 0.5) @ np.array([1, 1j]) * self.side_px
        turned = away * np.exp(1j * np.deg2rad(self.turn_deg))
        return np.stack([turned.real, turned.imag], axis=-1) + self.center

    def locate(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return points of the picture in the crop's own system.

        Args:
            points: (..., 2) pixels of the picture.

        Returns:
            (..., 2) float64; the crop is the unit square, (0, 0) its top left corner.
        """
        away = (np.asarray(points, np.float64) - self.center) @ np.array([1, 1j])
        upright = away * np.exp(-1j * np.deg2rad(self.turn_deg)) / self.side_px
        return np.stack([upright.real, upright.imag], axis=-1) + 0.5


def lay_out(
    crop: NDArray[np.uint8],
    side_px: int,
    *,
    size_px: tuple[int, int] | None = None,
    center: tuple[float, float] | None = None,
    turn_deg: float = 0.0,
) -> Canvas:
    """Enlarge a crop and lay it into a picture of its own blurred colors.

    Args:
        crop: (S, S) gray or (S, S, 3) RGB uint8.
        side_px: Side that it is enlarged (or shrunk) to.
        size_px: Width and height of the picture; twice the side unless given.
        center: Where the middle of the crop goes, in pixels; the middle of the picture unless given.
        turn_deg: How far it is turned, clockwise as one sees it.

    Returns:
        The picture, and where the crop is in it.

    Raises:
        InputError: If a side is below 2 pixels.
    """
    width, height = size_px or (2 * side_px, 2 * side_px)
    _check_sides(side_px, width, height)
    middle = center or (width / 2, height / 2)
    face = Image.fromarray(crop).convert("RGB")
    blur = ImageFilter.GaussianBlur(_BLUR * max(width, height))
    ground = face.resize((width, height), Image.Resampling.BILINEAR).filter(blur)
    return paste(crop, np.asarray(ground), side_px, middle, turn_deg)


def paste(
    crop: NDArray[np.uint8], ground: NDArray[np.uint8], side_px: int, center: tuple[float, float], turn_deg: float
) -> Canvas:
    """Enlarge a crop and lay it onto a picture, into which it fades at its border.

    Args:
        crop: (S, S) gray or (S, S, 3) RGB uint8.
        ground: (H, W, 3) uint8 RGB; stays as it is.
        side_px: Side that the crop is enlarged (or shrunk) to.
        center: Where its middle goes, x and y in pixels; what reaches over the picture's border is cut off.
        turn_deg: How far it is turned, clockwise as one sees it.

    Returns:
        A copy of the picture with the crop on it.

    Raises:
        InputError: If a side is below 2 pixels.
    """
    height, width = ground.shape[:2]
    _check_sides(side_px, width, height)
    face, picture = Image.fromarray(crop).convert("RGB"), Image.fromarray(ground)
    angle = np.deg2rad(turn_deg)
    # Of a point of the picture the affine map tells the point of the enlarged crop that is shown there.
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    half = side_px / 2
    matrix = (
        cos, sin, half - cos * center[0] - sin * center[1],
        -sin, cos, half + sin * center[0] - cos * center[1],
    )  # fmt: skip
    enlarged = face.resize((side_px, side_px), Image.Resampling.BICUBIC)
    shown, seam = (
        layer.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
        for layer in (enlarged, _draw_seam(side_px))
    )
    picture.paste(shown, (0, 0), seam)
    return Canvas(np.asarray(picture).copy(), center, float(side_px), float(turn_deg))


def draw_canvas(
    crop: NDArray[np.uint8],
    random: np.random.Generator,
    *,
    side_px: tuple[int, int] = (64, 160),
    most_turn_deg: float = 20.0,
    size_px: tuple[int, int] = (320, 240),
) -> Canvas:
    """Lay a crop into a picture at a random size, turn and place, wholly inside.

    Args:
        crop: (S, S) gray or (S, S, 3) RGB uint8.
        random: Source of the draws.
        side_px: Smallest and largest side of the crop; drawn log-uniformly.
        most_turn_deg: It is turned up to this far to either side.
        size_px: Width and height of the picture.

    Raises:
        InputError: If the turned crop can be larger than the picture.
    """
    if 2 * _reach(side_px[1], min(most_turn_deg, 45.0)) > min(size_px):
        raise InputError(f"a crop of {side_px[1]} px, turned, has no room in a picture of {size_px[0]} x {size_px[1]}")
    side = round(float(np.exp(random.uniform(*np.log(side_px)))))
    turn = float(random.uniform(-most_turn_deg, most_turn_deg))
    reach = _reach(side, turn)
    center = tuple(float(random.uniform(reach, length - reach)) for length in size_px)
    return lay_out(crop, side, size_px=size_px, center=(center[0], center[1]), turn_deg=turn)


def _check_sides(side_px: int, width: int, height: int) -> None:
    if min(side_px, width, height) < 2:
        raise InputError(f"a canvas and its crop need sides of 2 pixels, got {side_px} in {width} x {height}")


def _reach(side_px: float, turn_deg: float) -> float:
    """Return how far a turned square reaches from its middle, to the right and downward."""
    angle = np.deg2rad(turn_deg)
    return side_px / 2 * float(abs(np.cos(angle)) + abs(np.sin(angle)))


def _draw_seam(side_px: int) -> Image.Image:
    """Return how much of each pixel of the crop is shown: all within, nothing at its border."""
    width = max(1.0, FEATHER * side_px)
    mask = Image.new("L", (side_px, side_px))
    ImageDraw.Draw(mask).rectangle((width, width, side_px - 1 - width, side_px - 1 - width), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(width / 2))
