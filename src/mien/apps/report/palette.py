"""Which color each expression has in figures and pages; nothing is imported, so that a page needs no matplotlib."""

from __future__ import annotations

EXPRESSION_COLORS = {
    "angry": "#d55e00",
    "disgust": "#009e73",
    "fear": "#cc79a7",
    "happy": "#e69f00",
    "sad": "#0072b2",
    "surprise": "#56b4e9",
    "neutral": "#7f8790",
}
"""Okabe and Ito's palette, told apart with the common color blindnesses; https://jfly.uni-koeln.de/color/."""
