"""Shares over time as colored areas, one on top of the other: SVG paths of a box 1000 wide and 100 high."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from mien.apps.report.clip.hues import Hue
from mien.apps.report.clip.series import Slot, split_runs

WIDTH, HEIGHT = 1000.0, 100.0
"""The box that areas are drawn in; the page stretches it."""


class Band(NamedTuple):
    """One color of a drawing.

    Attributes:
        position: Of the label among the model's.
        path: The `d` of an SVG path.
    """

    position: int
    path: str


def stack(slots: Sequence[Slot], hues: Sequence[Hue], *, is_stepped: bool = False) -> tuple[Band, ...]:
    """Draw shares that sum to 1.

    Each band reaches from the ground to its upper edge and hides the lower part of the one that was painted before it,
    so that an edge is written down once, and no seam of the paper shows between two colors.

    Args:
        slots: From left to right; those without values stay empty.
        hues: From the bottom to the top.
        is_stepped: Whether each slot is drawn as a column; else their middles are joined by lines.

    Returns:
        The bands in the order in which they are to be painted: the top one first. Labels that never have a share that
        could be seen are left out.
    """
    runs = split_runs(slots)
    bands = []
    for height, hue in reversed(list(enumerate(hues))):
        if all(slot.values[hue.position] < 0.002 for run in runs for slot in run if slot.values):
            continue
        upto = [one.position for one in hues[: height + 1]]
        path = "".join(_fill(run, [_top(slot, upto) for slot in run], is_stepped) for run in runs)
        bands.append(Band(hue.position, path))
    return tuple(bands)


def stack_once(shares: Sequence[float], hues: Sequence[Hue]) -> tuple[Band, ...]:
    """Draw shares that sum to 1 as one bar from left to right, in the order of the hues."""
    ends = list(accumulate(shares[hue.position] for hue in hues))
    starts = [0.0, *ends[:-1]]
    return tuple(
        Band(hue.position, f"M{number(start * WIDTH)} 0H{number(end * WIDTH)}V100H{number(start * WIDTH)}Z")
        for hue, start, end in zip(hues, starts, ends, strict=True)
        if end - start >= 0.0005
    )


def count_persons(slots: Sequence[Slot]) -> tuple[str, float]:
    """Draw how many persons there are, as columns.

    Returns:
        The path, as high as the box where they are most, and that number; 0 where nobody is.
    """
    most = max((slot.persons or 0.0 for slot in slots), default=0.0)
    if most <= 0.0:
        return "", 0.0
    path = "".join(_fill(run, [(slot.persons or 0.0) / most for slot in run], True) for run in split_runs(slots))
    return path, most


def number(value: float) -> str:
    """Return a coordinate to a tenth, without what needs not be written."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _top(slot: Slot, upto: Sequence[int]) -> float:
    return sum(slot.values[position] for position in upto) if slot.values else 0.0


def _fill(run: Sequence[Slot], tops: Sequence[float], is_stepped: bool) -> str:
    """Return the closed path from the ground up to the tops, 0-1, of a run of slots."""
    parts = [f"M{number(run[0].left * WIDTH)} 100"]
    last = ""
    for slot, top in zip(run, tops, strict=True):
        y = number(HEIGHT * (1.0 - min(top, 1.0)))
        if not is_stepped:
            middle = (slot.left + slot.right) / 2
            parts.append(f"L{number((slot.left if slot is run[0] else middle) * WIDTH)} {y}")
        elif y != last:
            parts.append(f"H{number(slot.left * WIDTH)}V{y}")
        last = y
    return f"{''.join(parts)}{'' if is_stepped else f'V{last}'}H{number(run[-1].right * WIDTH)}V100Z"
