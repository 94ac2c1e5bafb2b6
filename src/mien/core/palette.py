"""Which color each expression has: on pictures, in figures, and on pages."""

from __future__ import annotations

from typing import Final

EXPRESSION_COLORS: Final = {
    "angry": "#d55e00",
    "disgust": "#009e73",
    "fear": "#cc79a7",
    "happy": "#e69f00",
    "sad": "#0072b2",
    "surprise": "#56b4e9",
    "neutral": "#7f8790",
}
"""One color an expression, told apart with any kind of color vision; the name always stands beside it.

Source: M. Okabe and K. Ito, Color Universal Design, https://jfly.uni-koeln.de/color/; but for neutral, a gray.
"""

OTHER_COLOR: Final = "#f0e442"
"""The palette's color that is left, for a label of one's own."""
