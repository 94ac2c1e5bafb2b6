"""A small strip along the bottom of a video: one lane a person, colored by the expressions of the last seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mien.inference.media.captions import PANEL, Color
from mien.inference.media.drawing import color_of
from mien.inference.media.pictures import RGB
from mien.inference.media.video.layers import Layer
from mien.inference.media.video.recent import Stretch

MOST_LANES: Final = 4

LARGEST_SHARE: Final = 0.12
"""Of the frame's height, that the strip takes at most."""

_OPACITY: Final = 0.72
_TRACK: Final[Color] = (46, 51, 58)
_TEXT: Final[Color] = (255, 255, 255)
_LEAST_LETTERS: Final = 3
_LEAST_LANE_PX: Final = 13  # numbers in a smaller one can't be read


class StripScale(NamedTuple):
    """Sizes in pixels that suit one frame.

    Attributes:
        lane: Height of a lane with the gap below it.
        pad: Around all lanes.
        lanes: How many there is room for.
    """

    lane: int
    pad: int
    lanes: int

    @classmethod
    def of(cls, height: int) -> StripScale:
        """Derive all sizes from the frame's height; one under 130 pixels has no room for any lane."""
        lane, pad = max(_LEAST_LANE_PX, round(0.026 * height)), 1 + height // 400
        return cls(lane, pad, max(0, min(MOST_LANES, (int(LARGEST_SHARE * height) - 2 * pad) // lane)))

    @property
    def text(self) -> int:
        """Size of letters."""
        return round(self.lane * 0.82)

    def height(self, lanes: int) -> int:
        """Return the height of a strip with so many lanes."""
        return lanes * self.lane + 2 * self.pad if lanes else 0


class TimelineStrip:
    """Draws the strip; "now" is at its right edge."""

    def __init__(self, span_s: float) -> None:
        """Take the time from the left to the right edge, seconds."""
        self._span_s = span_s

    def draw(
        self, pixels: RGB, scale: StripScale, now_s: float, lanes: Sequence[tuple[int, Iterable[Stretch]]]
    ) -> None:
        """Draw upon the lower edge of a frame.

        A stretch is filled with its expression's color, or hollow where the label is not certain. Its name stands in
        it, or as much of it as there is room for; very short ones have none.

        Args:
            pixels: (H, W, 3) uint8; drawn upon.
            scale: That suits the frame.
            now_s: The frame's time, seconds.
            lanes: Persons from top to bottom, each with the stretches to show.
        """
        if not lanes:
            return
        height, width = pixels.shape[:2]
        top = height - scale.height(len(lanes))
        start, stop = _track(width, scale, max(person for person, _ in lanes))
        if stop - start < scale.lane:  # nothing could be told on so narrow a frame
            return
        _record_panel(width, scale, tuple(person for person, _ in lanes)).blend(pixels, 0, top)
        for number, (_, stretches) in enumerate(lanes):
            row = top + scale.pad + number * scale.lane
            lane = pixels[row : row + scale.lane - 1, start:stop]
            for stretch in stretches:
                self._draw_stretch(lane, stretch, now_s, scale.text)

    def _draw_stretch(self, lane: RGB, stretch: Stretch, now_s: float, text: int) -> None:
        """Draw one stretch into its lane, (height of the lane, width of the track, 3)."""
        height, width = lane.shape[:2]
        begin, end = (
            round(width * (1.0 - (now_s - time_s) / self._span_s)) for time_s in (stretch.start_s, stretch.stop_s)
        )
        begin, end = max(0, min(begin, end - 2)), max(0, min(end, width))
        if begin >= end:
            return
        color = color_of(stretch.expression)
        bar = lane[:, begin:end]
        bar[...] = color
        if not stretch.is_certain:
            rim = max(1, height // 6)
            bar[rim:-rim] = _TRACK
        name = _record_name(
            stretch.expression if stretch.is_certain else f"{stretch.expression}?",
            _text_on(color) if stretch.is_certain else _TEXT,
            text,
            height,
        )
        # A piece of a long name still tells which one it is; two letters don't.
        if end - begin >= min(name.add.shape[1], _LEAST_LETTERS * text):
            name.blend(bar, 0, 0)


def _track(width: int, scale: StripScale, largest: int) -> tuple[int, int]:
    """Return where the lanes' colors begin and end; before them stand the numbers, the largest of them given."""
    font = ImageFont.load_default(scale.text)
    numbers = font.getlength("0" * max(2, len(str(largest))))
    return round(numbers) + 2 * scale.pad + 4, width - scale.pad - 2


@lru_cache(maxsize=16)
def _record_panel(width: int, scale: StripScale, persons: tuple[int, ...]) -> Layer:
    """Return the strip's ground: the numbers, an empty lane beside each, and a bright line at "now"."""
    height = scale.height(len(persons))
    start, stop = _track(width, scale, max(persons))
    font = ImageFont.load_default(scale.text)
    ground = Image.new("L", (width, height), round(255 * _OPACITY))

    def draw(picture: Image.Image) -> None:
        picture.paste(PANEL, (0, 0), ground)
        canvas = ImageDraw.Draw(picture)
        for number, person in enumerate(persons):
            top = scale.pad + number * scale.lane
            canvas.text((start - 4, _baseline(font, top, scale.lane - 1)), str(person), _TEXT, font, anchor="rs")
            canvas.rectangle((start, top, stop - 1, top + scale.lane - 2), fill=_TRACK)
        canvas.rectangle((stop, scale.pad, stop + max(0, scale.pad - 1), height - scale.pad - 1), fill=_TEXT)

    return Layer.record(width, height, draw)


@lru_cache(maxsize=128)
def _record_name(name: str, color: Color, text: int, height: int) -> Layer:
    """Return a name as it stands in a lane of this height."""
    font = ImageFont.load_default(text)

    def draw(picture: Image.Image) -> None:
        ImageDraw.Draw(picture).text((3, _baseline(font, 0, height)), name, color, font, anchor="ls")

    return Layer.record(round(font.getlength(name)) + 6, height, draw)


def _baseline(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, top: int, height: int) -> int:
    """Return where letters stand so that digits are in the middle of a lane."""
    digits = font.getbbox("0", anchor="ls") if isinstance(font, ImageFont.FreeTypeFont) else (0, -8, 5, 0)
    return top + round((height - digits[1] + digits[3]) / 2)


def _text_on(color: Color) -> Color:
    """Return the color of letters that stand out most on this one.

    Source: relative luminance and contrast of https://www.w3.org/TR/WCAG21/
    """
    shares = [value / 255 for value in color]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    luminance = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
    return _TEXT if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.058 else PANEL
