"""A face's caption: a small dark panel with the expression's name, the confidence in percent, and a bar."""

from __future__ import annotations

from functools import partial
from typing import Final, Literal, NamedTuple, TypeAlias

from PIL import Image, ImageDraw, ImageFont

from mien.core.results import Face
from mien.inference.media.places import Rectangle

Color: TypeAlias = tuple[int, int, int]

PANEL: Final[Color] = (17, 20, 24)
"""The dark ground of captions, and the edge of frames."""

SMOOTHING: Final = 3
"""Shapes are drawn this many times as large and shrunk: Pillow's own lines have steps."""

_TRACK: Final[Color] = (74, 80, 88)
_TEXT: Final[Color] = (255, 255, 255)
_PANEL_OPACITY: Final = 0.86


class Scale(NamedTuple):
    """Sizes in pixels that suit one caption and the frame it belongs to, all derived from the letters'."""

    text: int
    line: int
    pad: int
    bar: int

    @classmethod
    def of(cls, text: float) -> Scale:
        """Derive all sizes from that of the letters."""
        return cls(
            round(text), line=max(2, round(text / 7)), pad=max(4, round(text * 0.42)), bar=max(3, round(text * 0.24))
        )


Content: TypeAlias = Literal["whole", "percent", "name"]


class Form(NamedTuple):
    """How a caption may look.

    Attributes:
        text: Size of its letters, pixels.
        content: "whole" has a bar as long as the confidence; "percent" a thin line in the expression's color instead;
            "name" has no percent either.
        covers: Share of its face that it may cover; None for a caption beside it.
    """

    text: float
    content: Content
    covers: float | None = None


class Caption(NamedTuple):
    """A caption that is laid out: its size is known before its place.

    Attributes:
        name: The expression's, with a question mark where the model is not certain.
        percent: The confidence, or "".
        scale: Sizes in pixels.
        font: Of all letters.
        ascent: Pixels from the letters' top to their foot.
        width: Of the panel, pixels.
        height: Likewise.
        has_track: Whether the bar's length shows the confidence.
    """

    name: str
    percent: str
    scale: Scale
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont
    ascent: int
    width: int
    height: int
    has_track: bool

    @classmethod
    def measure(cls, face: Face, form: Form, widest: int) -> Caption:
        """Lay out a caption.

        Args:
            face: What it says.
            form: How it looks.
            widest: Pixels it may be wide; a longer name is cut.
        """
        has_track = form.content == "whole"
        scale = Scale.of(form.text)
        font = ImageFont.load_default(scale.text)
        ascent, descent = font.getmetrics() if isinstance(font, ImageFont.FreeTypeFont) else (scale.text, 0)
        name, mark = face.expression, "" if face.is_certain else "?"
        percent = f"{face.confidence:.0%}" if form.content != "name" else ""
        rest = 2 * scale.pad + (
            round(scale.text * (0.9 if has_track else 0.5) + font.getlength(percent)) if percent else 0
        )
        room = max(widest - rest, scale.text)
        if font.getlength(name + mark) > room:
            while name and font.getlength(f"{name}…{mark}") > room:
                name = name[:-1]
            name += "…"
        width = round(font.getlength(name + mark)) + rest
        if has_track:
            width = max(width, scale.text * 6 + 2 * scale.pad)
            height = ascent + descent + scale.bar + 2 * scale.pad + scale.pad // 2
        else:
            height = ascent + descent + scale.pad + scale.bar
        return cls(name + mark, percent, scale, font, ascent, min(width, widest), height, has_track)

    def draw(self, picture: Image.Image, place: Rectangle, confidence: float, color: Color) -> None:
        """Draw the caption over its place.

        Args:
            picture: What to draw upon, RGB.
            place: Of the caption's width and height.
            confidence: From 0 to 1: the length of the bar.
            color: Of the bar.
        """
        left, top, right, bottom = place
        scale = self.scale
        rounded = partial(_paste_rounded, picture)
        rounded(PANEL, place, scale.pad, _PANEL_OPACITY)
        draw = ImageDraw.Draw(picture)
        baseline = top + (scale.pad if self.has_track else scale.pad // 2) + self.ascent
        draw.text((left + scale.pad, baseline), self.name, _TEXT, self.font, anchor="ls")
        if self.percent:
            draw.text((right - scale.pad, baseline), self.percent, _TEXT, self.font, anchor="rs")
        start, stop = left + scale.pad, right - scale.pad
        if not self.has_track:
            bar = (start, bottom - scale.bar, stop, bottom - scale.bar + max(2, scale.bar // 2))
            rounded(color, bar, 0, 1.0)
            return
        bar_top = bottom - scale.pad - scale.bar
        rounded(_TRACK, (start, bar_top, stop, bar_top + scale.bar), scale.bar // 2, 1.0)
        filled = max(scale.bar, round((stop - start) * confidence))
        rounded(color, (start, bar_top, start + filled, bar_top + scale.bar), scale.bar // 2, 1.0)


def _paste_rounded(
    picture: Image.Image, color: Color, box: tuple[int, int, int, int], radius: int, opacity: float
) -> None:
    width, height = max(1, box[2] - box[0]), max(1, box[3] - box[1])
    mask = Image.new("L", (width * SMOOTHING, height * SMOOTHING))
    corners = (0, 0, width * SMOOTHING - 1, height * SMOOTHING - 1)
    ImageDraw.Draw(mask).rounded_rectangle(corners, radius * SMOOTHING, fill=round(255 * opacity))
    picture.paste(color, box[:2], mask.resize((width, height), Image.Resampling.BOX))
