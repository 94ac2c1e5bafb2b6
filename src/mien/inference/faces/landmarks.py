"""Five landmarks as complex numbers in their order, if they can be one."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError
from mien.core.geometry import Landmarks

RIGHT_EYE, LEFT_EYE, NOSE, RIGHT_MOUTH, LEFT_MOUTH = range(5)

MIRRORED: Final = (LEFT_EYE, RIGHT_EYE, NOSE, LEFT_MOUTH, RIGHT_MOUTH)
"""The order of the landmarks in a mirror, where right is left."""

MIN_SPREAD_PX: Final = 0.5
"""Landmarks that lie closer together (root mean square from their center) say nothing of a face."""


def arrange(landmarks: Landmarks) -> NDArray[np.complex128] | None:
    """Return the landmarks as x + iy, right and left in the order of `mien.core.geometry.Landmarks`.

    Some detectors name the sides as the picture has them, not as the person has them. No face looks like its mirror
    image, neither turned nor upside down, so such an order shows, and is put right: otherwise the best turn and scale
    would be nonsense.

    Args:
        landmarks: (5, 2), pixels.

    Returns:
        (5,) complex128; None if a coordinate is not finite, or all points are nearly one.

    Raises:
        InputError: If the shape is another.
    """
    points = np.asarray(landmarks, np.float64)
    if points.shape != (5, 2):
        raise InputError(f"landmarks are five points, (5, 2), got shape {points.shape}. Pass None if there are none.")
    if not np.isfinite(points).all():
        return None
    plane: NDArray[np.complex128] = points[:, 0] + 1j * points[:, 1]
    if np.sqrt((np.abs(plane - plane.mean()) ** 2).mean()) < MIN_SPREAD_PX:
        return None
    eyes = plane[LEFT_EYE] - plane[RIGHT_EYE]
    is_mirrored = (eyes.conjugate() * down_the_face(plane)).imag < 0
    return plane[list(MIRRORED)] if is_mirrored else plane


def down_the_face(points: NDArray[np.complex128]) -> complex:
    """Return the vector from the middle of the eyes to the middle of the mouth."""
    return complex(points[[RIGHT_MOUTH, LEFT_MOUTH]].mean() - points[[RIGHT_EYE, LEFT_EYE]].mean())
