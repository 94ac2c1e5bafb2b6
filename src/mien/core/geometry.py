"""Where a face is: a box and five landmarks, in pixels of the picture as a person sees it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from numbers import Real
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError

Landmarks: TypeAlias = NDArray[np.float32]
"""(5, 2) float32 pixels: right eye, left eye, nose tip, right and left mouth corner (the person's right)."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels; x and y are its top left corner, and it may reach over the picture's border.

    Raises:
        InputError: If one of the four is no finite number, or width or height is not above 0.
    """

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if not all(isinstance(value, Real) and isfinite(value) for value in self.to_list()):
            raise InputError(f"a box needs four finite numbers, got {self.to_list()}")
        for side in self.__slots__:
            object.__setattr__(self, side, float(getattr(self, side)))  # numpy's numbers are no JSON
        if self.width <= 0 or self.height <= 0:
            raise InputError(f"a box needs a width and a height above 0, got {self.width} x {self.height}")

    def to_list(self) -> list[float]:
        """Return [x, y, width, height]."""
        return [self.x, self.y, self.width, self.height]


def iou(box: Box, other: Box) -> float:
    """Return the intersection over union of two boxes: 0 where they don't touch, 1 where they are the same."""
    width = min(box.x + box.width, other.x + other.width) - max(box.x, other.x)
    height = min(box.y + box.height, other.y + other.height) - max(box.y, other.y)
    common = max(0.0, width) * max(0.0, height)
    return common / (box.width * box.height + other.width * other.height - common)
