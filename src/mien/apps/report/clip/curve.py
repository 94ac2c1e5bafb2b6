"""Valence over time: a line, and what lies between it and 0, as SVG paths of a box 1000 wide and 100 high."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mien.apps.report.clip.area import HEIGHT, WIDTH, number
from mien.apps.report.clip.series import Slot, split_runs

LIMIT = 0.85
"""The box ends at this valence above and below 0; the seven expressions reach from -0.64 to 0.81."""


class Curve(NamedTuple):
    """A drawn line.

    Attributes:
        line: The line itself.
        above: What lies between it and 0 where it is above.
        below: Likewise below.
    """

    line: str
    above: str
    below: str


def draw_curve(slots: Sequence[Slot], *, is_stepped: bool = False) -> Curve | None:
    """Draw the valence of slots.

    Args:
        slots: From left to right; the line breaks where one has no values.
        is_stepped: Whether each slot is drawn level; else their middles are joined.

    Returns:
        None if there is no valence: labels other than the seven have none.
    """
    runs = [run for run in split_runs(slots) if all(slot.valence is not None for slot in run)]
    if not runs:
        return None
    lines, above, below = [], [], []
    for run in runs:
        points = _add_crossings(_list_points(run, is_stepped))
        lines.append("M" + "L".join(f"{number(x)} {number(_height_of(value))}" for x, value in points))
        above.append(_fill(points, 1.0))
        below.append(_fill(points, -1.0))
    return Curve("".join(lines), "".join(above), "".join(below))


def find_height(valence: float) -> float:
    """Return how far below the box's upper end a valence lies, in percent of its height."""
    return _height_of(valence) / HEIGHT * 100.0


def _height_of(valence: float) -> float:
    return HEIGHT / 2 * (1.0 - min(max(valence / LIMIT, -1.0), 1.0))


def _list_points(run: Sequence[Slot], is_stepped: bool) -> list[tuple[float, float]]:
    """Return x and valence; the first and the last point stand at the run's ends."""
    if is_stepped:
        return [(x * WIDTH, slot.valence or 0.0) for slot in run for x in (slot.left, slot.right)]
    middles = [((slot.left + slot.right) / 2 * WIDTH, slot.valence or 0.0) for slot in run]
    return [(run[0].left * WIDTH, middles[0][1]), *middles, (run[-1].right * WIDTH, middles[-1][1])]


def _add_crossings(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Add the places where the line crosses 0, so that the areas on its two sides meet there."""
    crossed = [points[0]]
    for x, value in points[1:]:
        last_x, last = crossed[-1]
        if last * value < 0.0:
            crossed.append((last_x + (x - last_x) * last / (last - value), 0.0))
        crossed.append((x, value))
    return crossed


def _fill(points: Sequence[tuple[float, float]], side: float) -> str:
    """Return the areas between line and 0 on one side: 1 above, -1 below."""
    paths: list[str] = []
    edge: list[str] = []
    start = points[0][0]
    for x, value in [*points, (points[-1][0], 0.0)]:
        if value * side > 0.0:
            edge.append(f"L{number(x)} {number(_height_of(value))}")
            continue
        if edge:
            paths.append(f"M{number(start)} 50{''.join(edge)}L{number(x)} 50Z")
            edge = []
        start = x  # the next area on this side begins where the line last was on 0, or crossed it
    return "".join(paths)
