"""How far the camera moved all faces at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.inference.track.motion import Places

FROM = 0.1
"""A smaller shift, in face sizes, is left to the motion filter."""

NEAR = 0.3
"""So near to its expected place, in its sizes, a face is after the right shift."""

ALIKE = 1.3
"""By which factor a face's size may differ at most from what was expected."""

AGREED = 0.6
"""The share of the witnesses, at least two, who must be near after the shift."""

UNUSUAL = 0.5
"""What a shift of one face size costs, in face sizes that a witness is off: where somebody is missed and the others
stand evenly, the shift by one place would seem right, too."""

MOST_WITNESSES = 6
"""More would say the same and take time: it grows with the square of their number."""


def find_shift(expected: Places, seen: Places) -> NDArray[np.float64] | None:
    """Return how far the camera moved all faces.

    Each difference between a witness and a face is tried as the shift. The one after which the witnesses stand nearest
    to faces is taken, and of like ones the shortest.

    Args:
        expected: (N, 3) where the witnesses are expected: who was there lately and is well known.
        seen: (M, 3) the places of the faces.

    Returns:
        (2,) x and y in pixels; None if no shift is clear, or the clearest is hardly one.
    """
    if len(expected) < 2 or len(seen) < 2:
        return None
    away = seen[None] - expected[:MOST_WITNESSES, None]
    is_alike = np.abs(away[..., 2]) <= np.log(ALIKE)
    tried = np.vstack([np.zeros((1, 2)), away[..., :2][is_alike]])
    scale = np.exp(seen[:, 2])
    left = np.linalg.norm(away[None, ..., :2] - tried[:, None, None], axis=-1) / scale
    left[:, ~is_alike] = np.inf
    nearest = np.minimum(left.min(axis=2), 1.0)
    length = np.linalg.norm(tried, axis=1) / scale.mean()
    best = int((nearest.mean(axis=1) + UNUSUAL * length).argmin())
    has_say = nearest[best] < NEAR
    if length[best] <= FROM or has_say.sum() < max(2, AGREED * len(nearest[best])):
        return None
    faces = left[best].argmin(axis=1)
    moved = away[np.arange(len(faces)), faces, :2][has_say]
    return np.asarray(np.median(moved, axis=0))
