"""Time cut into bins of equal length, counted from the first frame."""

from __future__ import annotations

from collections.abc import Iterator

_ROUNDING = 1e-6
"""Pieces that are shorter than this share of a bin come from rounding."""


def split_span(start_s: float, end_s: float, bin_s: float) -> Iterator[tuple[int, float]]:
    """Cut a span of time at the borders of bins.

    Args:
        start_s: Its start, counted from the first bin's.
        end_s: Its end, not before its start.
        bin_s: Length of a bin.

    Yields:
        A bin's number from 0 on, and the seconds of the span that lie in it, which are above 0. Nothing for a span
        without length.
    """
    number = find_bin(start_s, bin_s)
    while start_s < end_s:
        border_s = (number + 1) * bin_s
        if end_s - border_s <= _ROUNDING * bin_s:  # all the rest lies in this one
            yield number, end_s - start_s
            return
        if border_s > start_s:
            yield number, border_s - start_s
        start_s, number = max(start_s, border_s), number + 1


def find_bin(time_s: float, bin_s: float) -> int:
    """Return the number of the bin that a time lies in; one that rounding put just before a border lies behind it."""
    return int(time_s / bin_s + _ROUNDING)
