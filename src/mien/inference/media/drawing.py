"""Faces drawn onto their picture: a frame, the expression's name, and a bar as long as the confidence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from PIL import Image, ImageColor

from mien.core.palette import EXPRESSION_COLORS, OTHER_COLOR
from mien.core.results import Face
from mien.inference.media.captions import CROWDED, Caption, Color, Form, Scale, TextRange, label_forms
from mien.inference.media.outlines import draw_frame, fit_frame, is_on_picture, pixel_box
from mien.inference.media.pictures import RGB, PictureSource, read_picture
from mien.inference.media.places import Places, Rectangle

COLORS: Final[dict[str, Color]] = {
    **{expression: ImageColor.getrgb(color)[:3] for expression, color in EXPRESSION_COLORS.items()},
    "neutral": (221, 221, 221),
}
"""By expression red, green, blue from 0 to 255: those of pages, but for a gray that is seen on a dark picture, too."""

_OTHER: Final[Color] = ImageColor.getrgb(OTHER_COLOR)[:3]

MIN_SIDE_PX: Final = 320
"""Pictures whose longer side is shorter are enlarged to this, so that a label is legible on a crop of 48 pixels too."""

_NARROWEST: Final = (128, 56)  # a strip of a picture gets paper beside it, so that a label has somewhere to stand
_PAPER: Final[Color] = (128, 128, 128)


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
    faces = [face for face in faces if is_on_picture(face.box, *picture.size)]
    factor = max(1, -(-MIN_SIDE_PX // max(picture.size)))
    if factor > 1:
        picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.BICUBIC)
    sizes = TextRange.of(*picture.size)
    # Large faces first: they are what a person looks at, and small ones find room more easily.
    items = sorted(((face, pixel_box(face.box, factor, picture.size)) for face in faces), key=_area, reverse=True)
    if items:
        picture = _add_paper(picture)
    boxes = Places(picture.size, [box for _, box in items])
    frames = [
        fit_frame(box, Scale.of(sizes.choose(box)).line, boxes.room_around(number), picture.size)
        for number, (_, box) in enumerate(items)
    ]
    # All frames before the labels: a label must not be crossed by a neighbor's frame.
    for (face, _), (frame, line) in zip(items, frames, strict=True):
        draw_frame(picture, frame, color_of(face.expression), line, is_dashed=not face.is_certain)
    places = Places(picture.size, [frame for frame, _ in frames])
    is_crowded = sizes.area_of_labels(len(items)) > CROWDED * picture.width * picture.height
    for number, (face, box) in enumerate(items):
        _place_label(picture, places, number, face, label_forms(sizes, sizes.choose(box), is_crowded=is_crowded))
    return np.array(picture)


def color_of(expression: str) -> Color:
    """Return the color that stands for an expression, as red, green, blue from 0 to 255."""
    return COLORS.get(expression, _OTHER)


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
