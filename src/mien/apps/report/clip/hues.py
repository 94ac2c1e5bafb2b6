"""Which color each expression has in a page, and the order in which expressions are stacked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mien.core.labels import find_expression
from mien.core.palette import EXPRESSION_COLORS

_BLACK, _WHITE = "#10151b", "#ffffff"

_COLORS = {label: color for label, color in EXPRESSION_COLORS.items() if label != "neutral"}
_QUIET = ("#bcc4cd", "#5a6572")
"""Neutral on a light and on a dark page: most faces are neutral most of the time, and what differs shall stand out."""

_ORDER = ("happy", "surprise", "sad", "fear", "disgust", "angry")
"""From the bottom of a stack upward. Happy stands on the ground line, and neutral fills the rest."""


class Hue(NamedTuple):
    """How one label looks.

    Attributes:
        position: Of the label among the model's.
        label: As the model calls it.
        light: Color on a light page.
        dark: Color on a dark page.
        on_light: Color of letters on `light`.
        on_dark: Color of letters on `dark`.
    """

    position: int
    label: str
    light: str
    dark: str
    on_light: str
    on_dark: str


def list_hues(labels: Sequence[str]) -> tuple[Hue, ...]:
    """Return a hue for each label, in the order of a stack from its bottom to its top.

    Args:
        labels: A model's. Those that are none of the seven get the colors of the seven in turn, so that more than
            seven share some; names stand beside colors everywhere.
    """
    return tuple(_choose(position, labels[position]) for position in _sort(labels))


def _sort(labels: Sequence[str]) -> list[int]:
    def rank(position: int) -> tuple[int, int]:
        expression = find_expression(labels[position])
        if expression == "neutral":
            return len(_ORDER) + 1, position
        return (_ORDER.index(expression) if expression in _ORDER else len(_ORDER)), position

    return sorted(range(len(labels)), key=rank)


def _choose(position: int, label: str) -> Hue:
    expression = find_expression(label)
    palette = list(_COLORS.values())
    if expression == "neutral":
        light, dark = _QUIET
    else:
        light = dark = _COLORS.get(expression or "", palette[position % len(palette)])
    return Hue(position, label, light, dark, _letters_on(light), _letters_on(dark))


def _letters_on(color: str) -> str:
    """Return black or white, whichever can be read better."""
    channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return _BLACK if (luminance + 0.05) / 0.057 > 1.05 / (luminance + 0.05) else _WHITE
