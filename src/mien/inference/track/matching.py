"""Which face is whose: how unlikely each pair of a person and a face is, and the pairs that are likeliest together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import MissingExtraError
from mien.inference.track.motion import Motions, Places, Wobble, to_scales

TAIL = 4.0
"""Degrees of freedom of the surprises' distribution. Fewer forgive single leaps, as heads make, more readily."""

NEVER = 1e6
"""The cost of a pair that can't be."""

Solve = Callable[[NDArray[np.float64]], tuple[NDArray[np.intp], NDArray[np.intp]]]


def open_solver() -> Solve:
    """Return SciPy's solver of the assignment problem: from costs (N, M) to the rows and columns of the best pairs.

    Raises:
        MissingExtraError: If SciPy is absent.
    """
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError:
        raise MissingExtraError("video", "scipy") from None
    solve: Any = linear_sum_assignment
    return solve  # type: ignore[no-any-return]


def measure_surprises(expected: Motions, seen: Places, *, wobble: Wobble) -> NDArray[np.float64]:
    """Return how far off places are for persons: (N, M), squared Mahalanobis distances, about 3 where all is as usual.

    Args:
        expected: N persons, predicted to the time of the frame.
        seen: (M, 3) places of the faces.
        wobble: See `Motions.correct`; one for all, or (M,).
    """
    away, variances = _compare(expected, seen, wobble)
    return np.asarray((away**2 / variances).sum(axis=2))


def measure_costs(expected: Motions, seen: Places, *, wobble: Wobble) -> NDArray[np.float64]:
    """Return how unlikely it is that persons are seen at places: (N, M), the negative logarithm of a density.

    The density is Student's, of three dimensions, per face size squared and per factor e of size. So a person whose
    place is known well and one who was away long can be compared: near its expected place the former is likelier, far
    from it the latter.

    Args:
        expected: N persons, predicted to the time of the frame.
        seen: (M, 3) places of the faces.
        wobble: See `Motions.correct`; one for all, or (M,).
    """
    away, variances = _compare(expected, seen, wobble)
    tails = (TAIL + 3) / 2 * np.log1p((away**2 / variances).sum(axis=2) / TAIL)
    return np.asarray(0.5 * np.log(variances).sum(axis=2) + tails)


def _compare(expected: Motions, seen: Places, wobble: Wobble) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return differences and their variances, both (N, M, 3), in sizes of the faces seen."""
    scales = to_scales(seen)[None]
    noise = np.reshape(wobble, (1, -1, 1)) ** 2
    return (expected.places[:, None] - seen[None]) / scales, expected.place_variances[:, None] / scales**2 + noise


def is_within(
    expected: Motions, seen: Places, reach: NDArray[np.float64], stretch: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which pairs are possible at all: (N, M).

    Args:
        expected: N persons, predicted to the time of the frame.
        seen: (M, 3) places of the faces.
        reach: (N, M) how far from its expected place a person may be, in sizes of the larger of both.
        stretch: (N, M) by which factor its size may differ.
    """
    away = expected.places[:, None] - seen[None]
    larger = np.exp(np.maximum(expected.places[:, None, 2], seen[None, :, 2]))
    is_near = np.hypot(away[..., 0], away[..., 1]) <= reach * larger
    return np.asarray(is_near & (np.abs(away[..., 2]) <= np.log(stretch)))


def pair(
    costs: NDArray[np.float64], is_possible: NDArray[np.bool_], solve: Solve
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pairs whose costs are the least together, among those with the most pairs.

    Args:
        costs: (N, M).
        is_possible: (N, M).
        solve: Of `open_solver`.

    Returns:
        Rows and columns, as many of both.
    """
    if not is_possible.any():
        nothing = np.zeros(0, np.intp)
        return nothing, nothing
    rows, columns = solve(np.where(is_possible, costs, NEVER))
    is_real = is_possible[rows, columns]
    return rows[is_real], columns[is_real]
