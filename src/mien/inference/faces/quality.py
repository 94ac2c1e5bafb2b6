"""How well a face can be seen: its size, its sharpness, and how the head is turned and tilted."""

from __future__ import annotations

from math import atan2, degrees
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.core.geometry import Box, Landmarks
from mien.core.results import Quality
from mien.inference.faces.landmarks import LEFT_EYE, NOSE, RIGHT_EYE, arrange, down_the_face

NOSE_DEPTH: Final = 0.40
"""How far the nose tip stands out from the plane of eyes and mouth corners, in distances between the eyes.

Found on the landmarks of some 3,100 faces of 32 pixels and more (`../shared/data/faces`, train): with this value the
distance between the eyes shrinks with the cosine of the turn, as it has to.
"""

SHARPNESS_SIZE_PX: Final = 48
"""Crops of other sizes are brought to this before their sharpness is measured, so that it means the same for all."""

_NOISE: Final = 1 / 12  # variance that rounding to whole gray levels adds; of pale crops it is a good part


class Pose(NamedTuple):
    """How a head is turned, in degrees; 0 and 0 look straight into the camera.

    Attributes:
        turn_deg: Yaw, -90 to 90. Positive: the nose points to the right of the (upright) picture, the person's left.
        tilt_deg: Roll in the picture plane, -180 to 180. Positive: clockwise as one sees it, the picture's right eye
            is the lower one.
    """

    turn_deg: float
    tilt_deg: float


def measure_quality(box: Box, landmarks: Landmarks | None, crop: NDArray[np.uint8]) -> Quality:
    """Measure how well one face can be seen.

    Args:
        box: The face in pixels of its picture.
        landmarks: (5, 2) pixels of its picture, or None.
        crop: (S, S) gray or (S, S, 3) RGB uint8, as `crop_face` cut it.

    Returns:
        Turn and tilt are None without landmarks, or with ones that are no face.

    Raises:
        InputError: If the landmarks are not (5, 2).
    """
    pose = None if landmarks is None else estimate_pose(landmarks)
    return Quality(
        size_px=min(box.width, box.height),
        sharpness=measure_sharpness(crop),
        turn_deg=None if pose is None else pose.turn_deg,
        tilt_deg=None if pose is None else pose.tilt_deg,
    )


def estimate_pose(landmarks: Landmarks) -> Pose | None:
    """Estimate how a head is turned from its five landmarks.

    The tilt is the angle of the line through the eyes. For the turn the head is a plane with eyes and mouth corners, on
    whose middle line the nose tip stands out by `NOSE_DEPTH`, seen from far away. Turned by t, the eyes come closer by
    cos t, and the tip leaves the line by `NOSE_DEPTH` x sin t; the ratio gives t, whatever the face's size and tilt.
    Real noses differ by a quarter and more, so the turn is good to some ten degrees, and large ones are only "large".

    Args:
        landmarks: (5, 2) pixels.

    Returns:
        None if a coordinate is not finite, or eyes, or eyes and mouth, coincide.

    Source:
        The model of eyes, mouth and nose: A. Gee and R. Cipolla, Determining the gaze of faces in images, Image and
        Vision Computing 12(10), 1994, https://doi.org/10.1016/0262-8856(94)90039-6.
    """
    points = arrange(landmarks)
    if points is None:
        return None
    eyes, down = complex(points[LEFT_EYE] - points[RIGHT_EYE]), down_the_face(points)
    if not eyes or not down:
        return None
    # The nose in a system that has the middle of the eyes as origin and the line down the face as its axis.
    nose = complex(points[NOSE] - points[[RIGHT_EYE, LEFT_EYE]].mean())
    along = (nose * down.conjugate()).real / abs(down) ** 2
    aside = ((nose - along * down) * eyes.conjugate()).real / abs(eyes)
    return Pose(degrees(atan2(aside, NOSE_DEPTH * abs(eyes))), degrees(atan2(eyes.imag, eyes.real)))


def measure_sharpness(crop: NDArray[np.uint8]) -> float:
    """Measure the share of a crop's gradient energy that is lost when it is halved: the detail in its finest octave.

    A blurred face, and a tiny one that was enlarged, have none to lose. The contrast cancels out. Noise as strong as
    detail can't be told from it, but for that of rounding.

    Args:
        crop: (S, S) gray or (S, S, 3) RGB uint8.

    Returns:
        0 (nothing finer than two pixels of a 48-pixel crop, or a flat crop) to nearly 1 (nothing coarser).
    """
    picture = Image.fromarray(crop).convert("L")
    if picture.size != (SHARPNESS_SIZE_PX, SHARPNESS_SIZE_PX):
        is_larger = min(picture.size) >= SHARPNESS_SIZE_PX
        resampling = Image.Resampling.BOX if is_larger else Image.Resampling.BILINEAR
        picture = picture.resize((SHARPNESS_SIZE_PX, SHARPNESS_SIZE_PX), resampling)
    fine = np.asarray(picture, np.float32)
    coarse = fine.reshape(SHARPNESS_SIZE_PX // 2, 2, -1, 2).mean(axis=(1, 3))
    # A step of the halved crop is two pixels long: smooth gradients have there four times their energy. Noise has 1/4.
    total = 4 * _gradient_energy(fine)
    lost = total - _gradient_energy(coarse) - 15 * _NOISE
    return max(0.0, lost / total) if total else 0.0


def _gradient_energy(picture: NDArray[np.float32]) -> float:
    """Return the mean of the squared differences to the right, plus that downward."""
    return float(np.square(np.diff(picture, axis=1)).mean() + np.square(np.diff(picture, axis=0)).mean())
