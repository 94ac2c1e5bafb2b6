"""Faces drawn onto their picture: a frame, the expression's name, and a bar as long as the confidence."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mien.core.results import Face
from mien.inference.media.pictures import RGB, PictureSource, read_picture

Color: TypeAlias = tuple[int, int, int]

COLORS: Final[dict[str, Color]] = {
    "angry": (213, 94, 0),
    "disgust": (0, 158, 115),
    "fear": (204, 121, 167),
    "happy": (240, 228, 66),
    "sad": (0, 114, 178),
    "surprise": (86, 180, 233),
    "neutral": (221, 221, 221),
}
"""One color an expression, told apart with any kind of color vision; the name always stands beside it.

Source: M. Okabe and K. Ito, Color Universal Design, https://jfly.uni-koeln.de/color/
"""

OTHER_COLOR: Final[Color] = (230, 159, 0)
"""For labels of one's own, which the palette doesn't know."""

MIN_SIDE_PX: Final = 320
"""Pictures whose longer side is shorter are enlarged to this, so that a label is legible on a crop of 48 pixels too."""

_PANEL: Final[Color] = (17, 20, 24)
_TRACK: Final[Color] = (74, 80, 88)
_TEXT: Final[Color] = (255, 255, 255)
_PANEL_OPACITY: Final = 0.86
_SMOOTHING: Final = 3  # drawn this many times as large and shrunk: Pillow's own lines have steps
_MAX_SMOOTHED_PX: Final = 1200  # longer frames are drawn as they are: steps don't show on thick lines


class _Scale(NamedTuple):
    """Sizes in pixels that suit one picture."""

    text: float
    line: int
    pad: int
    bar: int

    @classmethod
    def of(cls, width: int, height: int) -> _Scale:
        text = max(13.0, 0.022 * (width * height) ** 0.5)
        return cls(text, line=max(2, round(text / 7)), pad=max(4, round(text * 0.42)), bar=max(3, round(text * 0.24)))


def annotate(image: PictureSource, faces: Iterable[Face]) -> RGB:
    """Draw faces onto a copy of their picture.

    Each face has a frame in its expression's color and a label with the name, the confidence in percent, and a bar.
    Where the model is not certain, the frame is dashed and the name has a question mark. Lines and letters grow with
    the picture.

    Args:
        image: (H, W, 3) RGB or (H, W) gray uint8, or whatever else `read_picture` takes.
        faces: With boxes in pixels of that picture.

    Returns:
        (H, W, 3) uint8. A picture whose longer side is below `MIN_SIDE_PX` is enlarged by a whole number, smoothly.

    Raises:
        InputError: If the picture can't be read.
    """
    picture = Image.fromarray(read_picture(image))
    factor = max(1, -(-MIN_SIDE_PX // max(picture.size)))
    if factor > 1:
        picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.BICUBIC)
    scale = _Scale.of(*picture.size)
    # All frames first: a label must not be crossed by a neighbor's frame.
    items = [(face, _pixel_box(face, factor, picture.size)) for face in faces]
    for face, box in items:
        _draw_frame(picture, box, color_of(face.expression), scale, is_dashed=not face.is_certain)
    for face, box in items:
        _draw_label(picture, box, face, scale)
    return np.asarray(picture).copy()


def color_of(expression: str) -> Color:
    """Return the color that stands for an expression, as red, green, blue from 0 to 255."""
    return COLORS.get(expression, OTHER_COLOR)


def _pixel_box(face: Face, factor: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom on the canvas; what reaches over the picture's border is cut off."""
    box = face.box
    edges = (box.x, box.y, box.x + box.width, box.y + box.height)
    left, top, right, bottom = (round(edge * factor) for edge in edges)
    left, top = min(max(left, 0), size[0] - 2), min(max(top, 0), size[1] - 2)
    return left, top, max(min(right, size[0]), left + 2), max(min(bottom, size[1]), top + 2)


def _draw_frame(
    picture: Image.Image, box: tuple[int, int, int, int], color: Color, scale: _Scale, *, is_dashed: bool
) -> None:
    """Draw a rounded frame inside the box, with a thin dark edge that sets it off from bright pictures."""
    width, height = box[2] - box[0], box[3] - box[1]
    times = _SMOOTHING if max(width, height) <= _MAX_SMOOTHED_PX else 1
    edge = max(1, scale.line // 2)
    radius = min(scale.pad * 2, min(width, height) // 4)

    def outline(inset: int, line: int) -> Image.Image:
        mask = Image.new("L", (width * times, height * times))
        corners = (inset * times, inset * times, (width - inset) * times - 1, (height - inset) * times - 1)
        if corners[0] < corners[2] and corners[1] < corners[3]:
            ImageDraw.Draw(mask).rounded_rectangle(
                corners, max(0, radius - inset) * times, outline=255, width=line * times
            )
        if is_dashed:
            _cut_gaps(mask, step=max(8, scale.pad * 2) * times)
        return mask.resize((width, height), Image.Resampling.BOX)

    picture.paste(_PANEL, box[:2], outline(0, scale.line + 2 * edge).point(lambda value: value * 0.7))
    picture.paste(color, box[:2], outline(edge, scale.line))


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


def _draw_label(picture: Image.Image, box: tuple[int, int, int, int], face: Face, scale: _Scale) -> None:
    """Draw a panel with name, percent and bar, all in one width."""
    font = ImageFont.load_default(scale.text)
    name = face.expression if face.is_certain else f"{face.expression}?"
    percent = f"{face.confidence:.0%}"
    ascent, descent = font.getmetrics() if isinstance(font, ImageFont.FreeTypeFont) else (round(scale.text), 0)
    gap = round(scale.text * 0.9)
    inner = max(round(font.getlength(name) + gap + font.getlength(percent)), round(scale.text * 6))
    width = min(inner + 2 * scale.pad, picture.width)
    height = ascent + descent + scale.bar + 2 * scale.pad + scale.pad // 2
    left, top = _place_label(picture.size, box, width, height, scale)
    rounded = partial(_paste_rounded, picture)
    rounded(_PANEL, (left, top, left + width, top + height), scale.pad, _PANEL_OPACITY)
    draw = ImageDraw.Draw(picture)
    baseline = top + scale.pad + ascent
    draw.text((left + scale.pad, baseline), name, _TEXT, font, anchor="ls")
    draw.text((left + width - scale.pad, baseline), percent, _TEXT, font, anchor="rs")
    bar_top = top + height - scale.pad - scale.bar
    start, stop = left + scale.pad, left + width - scale.pad
    rounded(_TRACK, (start, bar_top, stop, bar_top + scale.bar), scale.bar // 2, 1.0)
    filled = max(scale.bar, round((stop - start) * face.confidence))
    rounded(color_of(face.expression), (start, bar_top, start + filled, bar_top + scale.bar), scale.bar // 2, 1.0)


def _place_label(
    size: tuple[int, int], box: tuple[int, int, int, int], width: int, height: int, scale: _Scale
) -> tuple[int, int]:
    """Return left and top of a label: above its face if there is room, else below it, else at the foot inside."""
    left = box[0] if width <= box[2] - box[0] else (box[0] + box[2] - width) // 2
    if box[1] - scale.line - height >= 0:
        top = box[1] - scale.line - height
    elif box[3] + scale.line + height <= size[1]:
        top = box[3] + scale.line
    else:
        left, top = left + 3 * scale.line, box[3] - height - 3 * scale.line
    return max(0, min(left, size[0] - width)), max(0, top)


def _paste_rounded(
    picture: Image.Image, color: Color, box: tuple[int, int, int, int], radius: int, opacity: float
) -> None:
    width, height = max(1, box[2] - box[0]), max(1, box[3] - box[1])
    mask = Image.new("L", (width * _SMOOTHING, height * _SMOOTHING))
    corners = (0, 0, width * _SMOOTHING - 1, height * _SMOOTHING - 1)
    ImageDraw.Draw(mask).rounded_rectangle(corners, radius * _SMOOTHING, fill=round(255 * opacity))
    picture.paste(color, box[:2], mask.resize((width, height), Image.Resampling.BOX))
