"""Figures inside sentences: shares, differences and lists."""

from __future__ import annotations

from collections.abc import Iterable


def percent(share: float) -> str:
    """Write a share 0-1 in percent with one decimal."""
    return f"{share * 100:.1f} %"


def points(difference: float) -> str:
    """Write a difference of shares in percentage points."""
    return f"{abs(difference) * 100:.1f} points"


def compare(difference: float) -> str:
    """Write a difference of shares as higher or lower by points."""
    if abs(difference) < 0.0005:
        return "no different"
    return f"{points(difference)} {'higher' if difference > 0 else 'lower'}"


def join(parts: Iterable[str]) -> str:
    """Join parts as in "a, b and c"."""
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
