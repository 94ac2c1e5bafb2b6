"""The frame around a face: where it goes on the canvas, and its line with a dark edge, whole or dashed."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from PIL import Image, ImageDraw

from mien.core.geometry import Box
from mien.inference.media.captions import PANEL, SMOOTHING, Color
from mien.inference.media.places import Rectangle

_MAX_SMOOTHED_PX: Final = 1200  # longer frames are drawn as they are: steps don't show on thick lines
_EDGE_OPACITY: Final = 0.7


def is_on_picture(box: Box, width: int, height: int) -> bool:
    """Whether any of a box lies on a picture of this width and height."""
    return box.x < width and box.y < height and box.x + box.width > 0 and box.y + box.height > 0


def pixel_box(box: Box, factor: int, size: tuple[int, int]) -> Rectangle:
    """Return left, top, right, bottom on the canvas; what reaches over the picture's border is cut off."""
    edges = (box.x, box.y, box.x + box.width, box.y + box.height)
    left, top, right, bottom = (round(edge * factor) for edge in edges)
    left, top = max(0, min(left, size[0] - 2)), max(0, min(top, size[1] - 2))
    return left, top, max(min(right, size[0]), left + 2), max(min(bottom, size[1]), top + 2)


def fit_frame(box: Rectangle, line: int, room: int, size: tuple[int, int]) -> tuple[Rectangle, int]:
    """Return a frame and the thickness of its line, so that it covers little of its face and none of a neighbor.

    Args:
        box: The face.
        line: The thickness one would like, pixels.
        room: To the nearest other face, pixels; half of it may be used.
        size: Width and height of the picture.
    """
    inside = min(box[2] - box[0], box[3] - box[1]) // 12
    line = max(1, min(line, (inside + room // 2) // 2))
    outside = max(0, min(line + 2 * edge_of(line) - inside, room // 2))
    left, top = max(0, box[0] - outside), max(0, box[1] - outside)
    return (left, top, min(max(size[0], box[2]), box[2] + outside), min(max(size[1], box[3]), box[3] + outside)), line


def edge_of(line: int) -> int:
    """Return the thickness of the dark edge on either side of a line."""
    return max(1, line // 2)


def draw_frame(picture: Image.Image, box: Rectangle, color: Color, line: int, *, is_dashed: bool) -> None:
    """Draw a rounded frame inside the box, with a thin dark edge that sets it off from bright pictures."""
    edge, middle = frame_masks(box[2] - box[0], box[3] - box[1], line, is_dashed=is_dashed)
    picture.paste(PANEL, box[:2], edge)
    picture.paste(color, box[:2], middle)


def frame_masks(width: int, height: int, line: int, *, is_dashed: bool) -> tuple[Image.Image, Image.Image]:
    """Return two masks of this size: the frame's line with its dark edge, half transparent, and the line alone.

    The corners' radius is `frame_radius`.

    Args:
        width: Of the frame, pixels.
        height: Likewise.
        line: The thickness of the line without its edge, pixels.
        is_dashed: Whether pieces are taken out of its sides.
    """
    times = SMOOTHING if max(width, height) <= _MAX_SMOOTHED_PX else 1
    edge = edge_of(line)
    radius = frame_radius(width, height, line)

    def outline(inset: int, thickness: int) -> Image.Image:
        mask = Image.new("L", (width * times, height * times))
        corners = (inset * times, inset * times, (width - inset) * times - 1, (height - inset) * times - 1)
        if corners[0] < corners[2] and corners[1] < corners[3]:
            ImageDraw.Draw(mask).rounded_rectangle(
                corners, max(0, radius - inset) * times, outline=255, width=thickness * times
            )
        if is_dashed:
            _cut_gaps(mask, step=dash_of(line) * times)
        return mask.resize((width, height), Image.Resampling.BOX)

    return outline(0, line + 2 * edge).point(lambda value: value * _EDGE_OPACITY), outline(edge, line)


def frame_radius(width: int, height: int, line: int) -> int:
    """Return the radius of a frame's corners, pixels."""
    return min(line * 5, min(width, height) // 4)


def dash_of(line: int) -> int:
    """Return the length of a dash, and of a gap, that suits the thickness of a line, pixels."""
    return max(8, line * 6)


def _cut_gaps(mask: Image.Image, step: int) -> None:
    """Take every second piece out of the sides of a frame; its corners stay."""
    draw = ImageDraw.Draw(mask)
    width, height = mask.size
    corner = step
    for start, stop in _gaps(width, step):
        for top in (0, height - corner):
            draw.rectangle((start, top, stop, top + corner), fill=0)
    for start, stop in _gaps(height, step):
        for left in (0, width - corner):
            draw.rectangle((left, start, left + corner, stop), fill=0)


def _gaps(length: int, step: int) -> list[tuple[int, int]]:
    """Return where a side of this length is interrupted: an odd number of equal pieces, every second of them."""
    pieces = max(3, length // step // 2 * 2 + 1)
    edges = [round(number * length / pieces) for number in range(pieces + 1)]
    return list(pairwise(edges))[1::2]
