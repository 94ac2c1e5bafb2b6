"""Faces drawn onto their picture: a frame, the expression's name, and a bar as long as the confidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from mien.core.results import Face
from mien.inference.media.captions import PANEL, SMOOTHING, Caption, Color, Content, Form, Scale
from mien.inference.media.pictures import RGB, PictureSource, read_picture
from mien.inference.media.places import MOST_COVERED, Places, Rectangle

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

MIN_TEXT_PX: Final = 11
"""No letters are smaller; a face whose label has no room even so has its frame alone, whose color tells enough."""

_MAX_SMOOTHED_PX: Final = 1200  # longer frames are drawn as they are: steps don't show on thick lines
_NARROWEST: Final = (128, 56)  # a strip of a picture gets paper beside it, so that a label has somewhere to stand
_PAPER: Final[Color] = (128, 128, 128)
_LABEL_AREA: Final = 22.0  # of a whole label, in squares of its letters' size
_CROWDED: Final = 0.12  # the share of the picture that whole labels would take, from which on they are smaller
_EASILY_COVERED: Final = 0.12  # of a large face: its label may rather stand on its foot than be made small


class _TextRange(NamedTuple):
    """The sizes of letters that suit one picture, in pixels.

    Attributes:
        small: For crowds; to be read when one looks closer.
        least: Can be read when the whole picture is shown on a screen.
        large: Suits a picture with one large face.
    """

    small: float
    least: float
    large: float

    @classmethod
    def of(cls, width: int, height: int) -> _TextRange:
        large = max(13.0, 0.022 * (width * height) ** 0.5)
        least = min(max(float(MIN_TEXT_PX), max(width, height) / 110), large)
        return cls(max(float(MIN_TEXT_PX), least / 2), least, large)

    def choose(self, box: Rectangle) -> float:
        """Return the size that suits a face: letters grow with it."""
        return min(max(0.14 * min(box[2] - box[0], box[3] - box[1]), self.least), self.large)


def annotate(image: PictureSource, faces: Iterable[Face]) -> RGB:
    """Draw faces onto a copy of their picture.

    Each face has a frame in its expression's color and a label with the name, the confidence in percent, and a bar.
    Where the model is not certain, the frame is dashed and the name has a question mark. Lines and letters grow with
    the picture and the face. A label stands beside its face, clear of other faces and labels; where there is little
    room it becomes smaller and loses its bar, then its percent; a large face without room beside it has it on its
    foot; and where there is no room at all, the frame stands alone.

    Args:
        image: (H, W, 3) RGB or (H, W) gray uint8, or whatever else `read_picture` takes.
        faces: With boxes in pixels of that picture. One whose box lies wholly outside is not drawn: its pixels are
            another picture's, or the picture's in another size, and a frame at the border would show a face there.

    Returns:
        (H, W, 3) uint8. A picture whose longer side is below `MIN_SIDE_PX` is enlarged by a whole number, smoothly; one
        with faces that is too narrow for any label has gray paper added to its right or below it.

    Raises:
        InputError: If the picture can't be read.
    """
    picture = Image.fromarray(read_picture(image))
    faces = [face for face in faces if _meets(face, *picture.size)]
    factor = max(1, -(-MIN_SIDE_PX // max(picture.size)))
    if factor > 1:
        picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.BICUBIC)
    sizes = _TextRange.of(*picture.size)
    # Large faces first: they are what a person looks at, and small ones find room more easily.
    items = sorted(((face, _pixel_box(face, factor, picture.size)) for face in faces), key=_area, reverse=True)
    if items:
        picture = _add_paper(picture)
    boxes = Places(picture.size, [box for _, box in items])
    frames = [
        _fit_frame(box, Scale.of(sizes.choose(box)).line, boxes.room_around(number), picture.size)
        for number, (_, box) in enumerate(items)
    ]
    # All frames before the labels: a label must not be crossed by a neighbor's frame.
    for (face, _), (frame, line) in zip(items, frames, strict=True):
        _draw_frame(picture, frame, color_of(face.expression), line, is_dashed=not face.is_certain)
    places = Places(picture.size, [frame for frame, _ in frames])
    is_crowded = len(items) * _LABEL_AREA * sizes.least**2 > _CROWDED * picture.width * picture.height
    for number, (face, box) in enumerate(items):
        _place_label(picture, places, number, face, _forms(sizes, sizes.choose(box), is_crowded=is_crowded))
    return np.array(picture)


def color_of(expression: str) -> Color:
    """Return the color that stands for an expression, as red, green, blue from 0 to 255."""
    return COLORS.get(expression, OTHER_COLOR)


def _meets(face: Face, width: int, height: int) -> bool:
    """Whether any of a face's box lies on its picture."""
    box = face.box
    return box.x < width and box.y < height and box.x + box.width > 0 and box.y + box.height > 0


def _area(item: tuple[Face, Rectangle]) -> int:
    left, top, right, bottom = item[1]
    return (right - left) * (bottom - top)


def _add_paper(picture: Image.Image) -> Image.Image:
    """Widen a picture that is too narrow for any label; the picture itself stays at the upper left."""
    size = (max(picture.width, _NARROWEST[0]), max(picture.height, _NARROWEST[1]))
    if size == picture.size:
        return picture
    wider = Image.new("RGB", size, _PAPER)
    wider.paste(picture)
    return wider


def _pixel_box(face: Face, factor: int, size: tuple[int, int]) -> Rectangle:
    """Return left, top, right, bottom on the canvas; what reaches over the picture's border is cut off."""
    box = face.box
    edges = (box.x, box.y, box.x + box.width, box.y + box.height)
    left, top, right, bottom = (round(edge * factor) for edge in edges)
    left, top = max(0, min(left, size[0] - 2)), max(0, min(top, size[1] - 2))
    return left, top, max(min(right, size[0]), left + 2), max(min(bottom, size[1]), top + 2)


def _fit_frame(box: Rectangle, line: int, room: int, size: tuple[int, int]) -> tuple[Rectangle, int]:
    """Return a frame and the thickness of its line, so that it covers little of its face and none of a neighbor.

    Args:
        box: The face.
        line: The thickness one would like, pixels.
        room: To the nearest other face, pixels; half of it may be used.
        size: Width and height of the picture.
    """
    inside = min(box[2] - box[0], box[3] - box[1]) // 12
    line = max(1, min(line, (inside + room // 2) // 2))
    outside = max(0, min(line + 2 * _edge(line) - inside, room // 2))
    left, top = max(0, box[0] - outside), max(0, box[1] - outside)
    return (left, top, min(max(size[0], box[2]), box[2] + outside), min(max(size[1], box[3]), box[3] + outside)), line


def _edge(line: int) -> int:
    """Return the thickness of the dark edge on either side of a line."""
    return max(1, line // 2)


def _draw_frame(picture: Image.Image, box: Rectangle, color: Color, line: int, *, is_dashed: bool) -> None:
    """Draw a rounded frame inside the box, with a thin dark edge that sets it off from bright pictures."""
    width, height = box[2] - box[0], box[3] - box[1]
    times = SMOOTHING if max(width, height) <= _MAX_SMOOTHED_PX else 1
    edge = _edge(line)
    radius = min(line * 5, min(width, height) // 4)

    def outline(inset: int, thickness: int) -> Image.Image:
        mask = Image.new("L", (width * times, height * times))
        corners = (inset * times, inset * times, (width - inset) * times - 1, (height - inset) * times - 1)
        if corners[0] < corners[2] and corners[1] < corners[3]:
            ImageDraw.Draw(mask).rounded_rectangle(
                corners, max(0, radius - inset) * times, outline=255, width=thickness * times
            )
        if is_dashed:
            _cut_gaps(mask, step=max(8, line * 6) * times)
        return mask.resize((width, height), Image.Resampling.BOX)

    picture.paste(PANEL, box[:2], outline(0, line + 2 * edge).point(lambda value: value * 0.7))
    picture.paste(color, box[:2], outline(edge, line))


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


def _place_label(picture: Image.Image, places: Places, number: int, face: Face, forms: Iterable[Form]) -> None:
    """Draw a face's label in the first form that finds a place; none if there is no room."""
    for form in forms:
        label = Caption.measure(face, form, picture.width)
        gap = label.scale.line
        if form.covers is None:
            place = places.take_beside(number, label.width, label.height, gap)
        else:
            place = places.take_inside(number, label.width, label.height, 3 * gap, form.covers)
        if place is not None:
            label.draw(picture, place, face.confidence, color_of(face.expression))
            return


def _forms(sizes: _TextRange, text: float, *, is_crowded: bool) -> Iterator[Form]:
    """Yield the forms of a label, the best first; in a crowd, wide labels would leave others without any."""
    if not is_crowded:
        yield Form(text, "whole")
        yield Form(text, "whole", _EASILY_COVERED)
    contents: tuple[Content, ...] = ("percent", "name") if is_crowded else ("whole", "percent", "name")
    for size in (sizes.least, sizes.small):
        yield from (Form(size, content) for content in contents)
    for size in (text, sizes.least, sizes.small):
        yield from (Form(size, content, MOST_COVERED) for content in contents)
