"""How much of a face a crop shows: a template for landmarks, and a rule for boxes without them."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import InputError
from mien.core.geometry import Box, Landmarks
from mien.inference.faces.landmarks import LEFT_EYE, MIRRORED, RIGHT_EYE, arrange, down_the_face

MAX_SIZE_RATIO: Final = 4.0
"""Landmarks whose square is so many times larger or smaller than the one of the box are not believed."""

MAX_DISTANCE: Final = 1.0
"""Nor are landmarks whose square has its center farther from that of the box, in sides of the latter."""


class Square(NamedTuple):
    """A square in a picture, upright or turned; points are x + iy in pixels, the picture's top left corner is 0.

    Attributes:
        corner: Where the top left corner of the crop lies.
        edge: From there to the crop's top right corner; its length is the side, its angle the turn.
    """

    corner: complex
    edge: complex

    @property
    def center(self) -> complex:
        """The middle of the square."""
        return self.corner + self.edge * (0.5 + 0.5j)

    @property
    def side(self) -> float:
        """The length of a side in pixels."""
        return abs(self.edge)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a face lies in its crop; the crop is the unit square, (0, 0) its top left corner.

    Attributes:
        landmarks: Five (x, y) in the unit square: right eye, left eye, nose tip, right and left mouth corner.
        shift: From the box's center to the crop's, in mean sides of the box, (x, y); used without landmarks.
        side: Side of the crop in mean sides of the box; larger shows more of the surroundings. Used without landmarks.

    Raises:
        InputError: If a value is not finite, the side is not above 0, or the landmarks are no upright face.
    """

    landmarks: tuple[tuple[float, float], ...]
    shift: tuple[float, float]
    side: float

    def __post_init__(self) -> None:
        if not all(map(isfinite, (*self.shift, self.side))) or self.side <= 0:
            raise InputError(
                f"a frame needs a finite shift and a side above 0, got shift {self.shift} and side {self.side}"
            )
        if len(self.landmarks) != 5 or any(len(point) != 2 for point in self.landmarks):
            raise InputError(f"a frame needs five landmarks (x, y) of an upright face, got {self.landmarks}")
        points = self._template()
        eyes, down = points[LEFT_EYE] - points[RIGHT_EYE], down_the_face(points)
        if not (eyes.real > abs(eyes.imag) and down.imag > abs(down.real)):
            raise InputError(f"a frame needs the landmarks of an upright face, not mirrored, got {self.landmarks}")

    def locate(self, box: Box, landmarks: Landmarks | None) -> Square:
        """Find the part of the picture that the crop of a face shows.

        The landmarks are laid onto those of the frame by the turn, scale and shift with the least squared distance
        within the crop; a mirror image is never considered. So a head in profile, whose eyes are close together, keeps
        its scale: that of its height.

        Args:
            box: The face, in pixels.
            landmarks: (5, 2) pixels, or None. Ones that are not finite, all alike, or far from the box in place or
                scale (`MAX_DISTANCE`, `MAX_SIZE_RATIO`) count as None.

        Returns:
            Turned by the landmarks; without them upright, by the frame's rule for boxes.

        Raises:
            InputError: If the landmarks are not (5, 2).

        Source:
            S. Umeyama, Least-squares estimation of transformation parameters between two point patterns, IEEE TPAMI
            13(4), 1991, https://doi.org/10.1109/34.88573; in the plane complex numbers make it one line.
        """
        upright = self._around(box)
        points = None if landmarks is None else arrange(landmarks)
        if points is None:
            return upright
        template = self._template()
        middle, template_middle = points.mean(), template.mean()
        spread = points - middle
        scale = np.vdot(spread, template - template_middle) / np.vdot(spread, spread)
        if abs(scale) * upright.side * MAX_SIZE_RATIO < 1:
            return upright
        edge = complex(1 / scale)
        turned = Square(complex(middle) - edge * complex(template_middle), edge)
        is_too_small = turned.side * MAX_SIZE_RATIO < upright.side
        is_elsewhere = abs(turned.center - upright.center) > MAX_DISTANCE * upright.side
        return upright if is_too_small or is_elsewhere else turned

    def _template(self) -> NDArray[np.complex128]:
        return np.array([complex(*point) for point in self.landmarks])

    def _around(self, box: Box) -> Square:
        mean_side = (box.width + box.height) / 2
        center = complex(box.x + box.width / 2, box.y + box.height / 2) + mean_side * complex(*self.shift)
        edge = complex(mean_side * self.side)
        return Square(center - edge * (0.5 + 0.5j), edge)


FER2013_FRAME: Final = Frame(
    landmarks=((0.319, 0.387), (0.681, 0.387), (0.5, 0.588), (0.347, 0.741), (0.653, 0.741)),
    shift=(0.0, 0.001),
    side=1.126,
)
"""The frame of FER2013's pictures: `python examples/fit_frame.py fer2013`, on 4,953 of 5,000 training pictures."""


def fit_frame(boxes: ArrayLike, landmarks: ArrayLike, size_px: float) -> Frame:
    """Find the frame that crops were cut with, from the faces detected in them.

    Every coordinate is the median over all faces and their mirror images: wrong detections don't move it, and the frame
    is symmetric. Faces are turned and grimace, so none fits the medians exactly, and `locate` would find squares a
    little too large; the landmarks are scaled and moved until the median square is the whole crop.

    Args:
        boxes: (N, 4) x, y, width, height: one face a crop, in pixels of the crop.
        landmarks: (N, 5, 2), likewise.
        size_px: Side of the crops. Faces with values that are not finite, or empty boxes, are left out.

    Returns:
        A frame with which `locate`, given such faces, finds in the median the whole crop.

    Raises:
        InputError: If the shapes are others, no face is left, or the faces are no upright ones.
    """
    sides, points = np.asarray(boxes, np.float64), np.asarray(landmarks, np.float64)
    if sides.ndim != 2 or sides.shape[1] != 4 or points.shape != (len(sides), 5, 2):
        raise InputError(
            f"a frame is fitted to boxes (N, 4) and landmarks (N, 5, 2), got {sides.shape} and {points.shape}"
        )
    is_sound = np.isfinite(sides).all(axis=1) & np.isfinite(points).all(axis=(1, 2)) & (sides[:, 2:] > 0).all(axis=1)
    if not is_sound.any():
        raise InputError(f"a frame can't be fitted: none of the {len(sides)} faces has a box and finite landmarks")
    sides, points = sides[is_sound], points[is_sound]
    means = sides[:, 2:].mean(axis=1)
    middles = sides[:, 1] + sides[:, 3] / 2
    shift = (0.0, float(np.median((size_px / 2 - middles) / means)))
    side = float(np.median(size_px / means))
    mirrored = points[:, MIRRORED] * (-1, 1) + (size_px, 0)
    template = np.median(np.concatenate([points, mirrored]), axis=0) / size_px
    draft = Frame(_to_pairs(template), shift, side)
    squares = [draft.locate(Box(*box), five) for box, five in zip(sides, points, strict=True)]
    too_large = np.median([square.side for square in squares]) / size_px
    too_low = np.median([square.center.imag for square in squares]) / size_px - 0.5
    return Frame(_to_pairs((template - 0.5) * too_large + 0.5 + (0, too_low)), shift, side)


def _to_pairs(points: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in points)
