"""A face's caption: a small dark panel with the expression's name, the confidence in percent, and a bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from PIL import Image, ImageDraw, ImageFont

from mien.inference.media.places import MOST_COVERED, Rectangle

Color: TypeAlias = tuple[int, int, int]

PANEL: Final[Color] = (17, 20, 24)
"""The dark ground of captions, and the edge of frames."""

SMOOTHING: Final = 3
"""Shapes are drawn this many times as large and shrunk: Pillow's own lines have steps."""

MIN_TEXT_PX: Final = 11
"""No letters are smaller; a face whose label has no room even so has its frame alone, whose color tells enough."""

CROWDED: Final = 0.12
"""The share of the picture that whole labels would take, from which on they are smaller."""

_TRACK: Final[Color] = (74, 80, 88)
_TEXT: Final[Color] = (255, 255, 255)
_PANEL_OPACITY: Final = 0.86
_LABEL_AREA: Final = 22.0  # of a whole label, in squares of its letters' size
_EASILY_COVERED: Final = 0.12  # of a large face: its label may rather stand on its foot than be made small


class Reading(Protocol):
    """What a caption says: a face's, or a person's in a video."""

    @property
    def expression(self) -> str:
        """The label."""

    @property
    def confidence(self) -> float:
        """Its probability."""

    @property
    def is_certain(self) -> bool:
        """Whether it is more likely right than wrong."""


class TextRange(NamedTuple):
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
    def of(cls, width: int, height: int) -> TextRange:
        """Derive the sizes from the picture's."""
        large = max(13.0, 0.022 * (width * height) ** 0.5)
        least = min(max(float(MIN_TEXT_PX), max(width, height) / 110), large)
        return cls(max(float(MIN_TEXT_PX), least / 2), least, large)

    def choose(self, box: Rectangle) -> float:
        """Return the size that suits a face: letters grow with it."""
        return min(max(0.14 * min(box[2] - box[0], box[3] - box[1]), self.least), self.large)

    def area_of_labels(self, count: int) -> float:
        """Return about how many pixels so many whole labels take."""
        return count * _LABEL_AREA * self.least**2


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
        content: "whole" has a bar as long as the confidence; "percent" a thin line instead; "name" has no percent
            either.
        covers: Share of its face that it may cover; None for a caption beside it.
        is_brief: Whether a long name is rather cut than given more than the wished width.
    """

    text: float
    content: Content
    covers: float | None = None
    is_brief: bool = False


def label_forms(sizes: TextRange, text: float, *, is_crowded: bool) -> Iterator[Form]:
    """Yield the forms of a label, the best first; in a crowd, wide labels would leave others without any.

    Args:
        sizes: That suit the picture.
        text: The size of letters that suits the face, pixels.
        is_crowded: Whether whole labels would take more than `CROWDED` of the picture.
    """
    if not is_crowded:
        yield Form(text, "whole")
        yield Form(text, "whole", _EASILY_COVERED)
    contents: tuple[Content, ...] = ("percent", "name") if is_crowded else ("whole", "percent", "name")
    for size in (sizes.least, sizes.small):
        yield from (Form(size, content) for content in contents)
    for size in (text, sizes.least, sizes.small):
        yield from (Form(size, content, MOST_COVERED) for content in contents)


class Caption(NamedTuple):
    """A caption that is laid out: its size is known before its place.

    Attributes:
        name: The expression's, after the person's number if there is one, with a question mark where the model is not
            certain.
        percent: The confidence, or "" where there is no room for it.
        scale: Sizes in pixels.
        ascent: Pixels from the letters' top to their foot.
        width: Of the panel, pixels.
        height: Likewise.
        is_whole: Whether the bar is thick, and stands free.
    """

    name: str
    percent: str
    scale: Scale
    ascent: int
    width: int
    height: int
    is_whole: bool

    @classmethod
    def measure(
        cls, face: Reading, form: Form, widest: int, person: int | None = None, wished: int | None = None
    ) -> Caption:
        """Lay out a caption. The expression's name matters most: it is cut only where the picture is too narrow for it.

        Args:
            face: What it says.
            form: How it looks.
            widest: Pixels it may be wide at most; a name that is longer even alone is cut.
            person: In a video, the person's number: it stands before the name, and the caption keeps its width while
                the confidence changes.
            wished: Pixels it should be wide at most; None for `widest`. Where there is more to say, the percent is left
                out (the bar tells as much), then the number; only then is the caption wider.
        """
        is_whole, is_steady = form.content == "whole", person is not None
        scale = Scale.of(form.text)
        font = ImageFont.load_default(scale.text)
        ascent, descent = font.getmetrics() if isinstance(font, ImageFont.FreeTypeFont) else (scale.text, 0)
        wished = widest if wished is None else min(wished, widest)
        widest = wished if form.is_brief else widest
        mark = "" if face.is_certain else "?"
        percent = f"{face.confidence:.0%}" if form.content != "name" else ""
        percent_px = scale.text * (0.9 if is_whole else 0.5) + font.getlength("100%" if is_steady else percent)
        numbered = face.expression if person is None else f"{person}  {face.expression}"
        choices = (
            (wished, numbered, percent),
            (wished, numbered, ""),
            (wished, face.expression, ""),
            (widest, numbered, ""),
            (widest, face.expression, ""),
        )

        def find_width(name: str, percent: str) -> int:
            letters = font.getlength(name + ("?" if is_steady else mark))
            return 2 * scale.pad + round(letters) + (round(percent_px) if percent else 0)

        fitting = (choice for choice in choices if find_width(*choice[1:]) <= choice[0])
        found = next(fitting, None)
        name, percent = found[1:] if found else (_cut(face.expression, widest, find_width), "")
        width = find_width(name, percent)
        if is_whole:
            width = max(width, scale.text * 6 + 2 * scale.pad)
            height = ascent + descent + scale.bar + 2 * scale.pad + scale.pad // 2
        else:
            height = ascent + descent + scale.pad + scale.bar
        return cls(name + mark, percent, scale, ascent, min(width, widest), height, is_whole)

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
        draw, font = ImageDraw.Draw(picture), ImageFont.load_default(scale.text)
        baseline = top + (scale.pad if self.is_whole else scale.pad // 2) + self.ascent
        draw.text((left + scale.pad, baseline), self.name, _TEXT, font, anchor="ls")
        if self.percent:
            draw.text((right - scale.pad, baseline), self.percent, _TEXT, font, anchor="rs")
        start, stop = left + scale.pad, right - scale.pad
        thick = scale.bar if self.is_whole else max(2, scale.bar // 2)
        bar_top = bottom - scale.bar - (scale.pad if self.is_whole else 0)
        rounded(_TRACK, (start, bar_top, stop, bar_top + thick), thick // 2, 1.0)
        filled = max(thick, round((stop - start) * confidence))
        rounded(color, (start, bar_top, start + filled, bar_top + thick), thick // 2, 1.0)


def _cut(name: str, widest: int, find_width: Callable[[str, str], int]) -> str:
    """Take letters from the end of a name until it is no wider than it may be."""
    while name and find_width(f"{name}…", "") > widest:
        name = name[:-1]
    return f"{name}…"


def _paste_rounded(
    picture: Image.Image, color: Color, box: tuple[int, int, int, int], radius: int, opacity: float
) -> None:
    width, height = max(1, box[2] - box[0]), max(1, box[3] - box[1])
    mask = Image.new("L", (width * SMOOTHING, height * SMOOTHING))
    corners = (0, 0, width * SMOOTHING - 1, height * SMOOTHING - 1)
    ImageDraw.Draw(mask).rounded_rectangle(corners, radius * SMOOTHING, fill=round(255 * opacity))
    picture.paste(color, box[:2], mask.resize((width, height), Image.Resampling.BOX))
