"""Where a face's label goes: beside its face if it can, and never over a neighbor or another label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Rectangle: TypeAlias = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom are outside."""

MOST_COVERED: Final = 0.3
"""The share of a face that a label may cover at most, where no room is left beside it."""


class Anchor(NamedTuple):
    """A place beside a frame.

    Attributes:
        side: Of the frame.
        halves: Where on that side, in halves of it: 0 at its left or upper end, 1 in its middle, 2 at its other end.
    """

    side: Literal["above", "below", "right", "left"]
    halves: Literal[0, 1, 2]


_BESIDE: Final = tuple(Anchor(side, halves) for side in ("right", "left") for halves in (0, 1, 2))
_ANCHORS: Final = (*(Anchor(side, halves) for side in ("above", "below") for halves in (0, 1, 2)), *_BESIDE)
_ANCHORS_OF_WIDE_LABELS: Final = (
    *(Anchor(side, halves) for side in ("above", "below") for halves in (1, 0, 2)),
    *_BESIDE,
)


class Places:
    """What of a picture is taken by frames and labels."""

    def __init__(self, size: tuple[int, int], frames: Sequence[Rectangle]) -> None:
        """Take the frames of all faces.

        Args:
            size: Width and height of the picture.
            frames: Around each face, with the thickness of its lines.
        """
        self._size = size
        self._frames = list(frames)
        self._taken = np.array(self._frames, np.int64).reshape(-1, 4)

    def room_around(self, number: int) -> int:
        """Return the pixels between a frame and the nearest other one; 0 where they touch, at most the picture's side.

        Args:
            number: Of the frame.
        """
        left, top, right, bottom = self._frames[number]
        others = np.delete(self._taken, number, axis=0)
        across = np.maximum(others[:, 0] - right, left - others[:, 2])
        down = np.maximum(others[:, 1] - bottom, top - others[:, 3])
        return max(0, int(np.maximum(across, down).min(initial=max(self._size))))

    def take_beside(self, number: int, width: int, height: int, gap: int) -> Rectangle | None:
        """Take the first free place beside a frame: above it, below it, to its right, to its left.

        Args:
            number: Of the frame.
            width: Of the label, pixels.
            height: Likewise.
            gap: Pixels between frame and label, and at least as many to anything else.
        """
        for anchor in anchors_of(self._frames[number], width):
            if (spot := self.take_at(number, anchor, width, height, gap)) is not None:
                return spot
        return None

    def take_at(
        self, number: int, anchor: Anchor, width: int, height: int, gap: int, clear: int | None = None
    ) -> Rectangle | None:
        """Take one place beside a frame, if it is free.

        Args:
            number: Of the frame.
            anchor: Which place.
            width: Of the label, pixels.
            height: Likewise.
            gap: Pixels between frame and label.
            clear: At least as many to anything else; None for `gap`.
        """
        left, top = _locate(anchor, self._frames[number], self._size, width, height, gap)
        spot = (left, top, left + width, top + height)
        is_inside = left >= 0 and top >= 0 and spot[2] <= self._size[0] and spot[3] <= self._size[1]
        if is_inside and not self._hits(spot, gap if clear is None else clear, own=number) and not self._hits(spot, 0):
            return self.take(spot)
        return None

    def take_inside(
        self, number: int, width: int, height: int, gap: int, share: float = MOST_COVERED
    ) -> Rectangle | None:
        """Take the foot of a frame's inside, if that is free of labels and little enough of the faces under it.

        Args:
            number: Of the frame.
            width: Of the label, pixels.
            height: Likewise.
            gap: Pixels between the label and the frame's lower edge.
            share: Of the frame's area that may be covered; half as much of another one that overlaps it.
        """
        left, top, right, bottom = self._frames[number]
        if width * height > share * (right - left) * (bottom - top):
            return None
        at = min(max(left + gap, 0), self._size[0] - width), max(bottom - height - gap, 0)
        spot = (*at, at[0] + width, at[1] + height)
        if at[0] < 0 or spot[3] > self._size[1]:
            return None
        covered = _shares_covered(self._taken, spot)
        covered[number] = 0.0
        faces = len(self._frames)
        if covered[faces:].any() or (covered[:faces] > share / 2).any():
            return None
        return self.take(spot)

    def release(self, spot: Rectangle) -> None:
        """Give back the place of a label."""
        faces = len(self._frames)
        is_other = (self._taken[faces:] != spot).any(axis=1)
        self._taken = np.vstack([self._taken[:faces], self._taken[faces:][is_other]])

    def take(self, spot: Rectangle) -> Rectangle:
        """Take a place whatever stands there, and return it."""
        self._taken = np.vstack([self._taken, spot])
        return spot

    def _hits(self, spot: Rectangle, gap: int, own: int | None = None) -> bool:
        """Whether a place, and `gap` pixels around it, touches a frame or a label; one frame may be left out."""
        left, top, right, bottom = spot
        taken = self._taken
        hits = (taken[:, 0] < right + gap) & (taken[:, 2] > left - gap)
        hits &= (taken[:, 1] < bottom + gap) & (taken[:, 3] > top - gap)
        if own is not None:
            hits[own] = False
        return bool(hits.any())


def _shares_covered(rectangles: NDArray[np.int64], spot: Rectangle) -> NDArray[np.float64]:
    """Return (N,) the share of each rectangle's area that lies under `spot`."""
    starts, stops = rectangles[:, :2], rectangles[:, 2:]
    shared = np.clip(np.minimum(stops, spot[2:]) - np.maximum(starts, spot[:2]), 0, None)
    return np.asarray(shared.prod(axis=1) / (stops - starts).prod(axis=1))


def anchors_of(frame: Rectangle, width: int) -> Sequence[Anchor]:
    """Return the places beside a frame for a label of this width, the best first."""
    return _ANCHORS if width <= frame[2] - frame[0] else _ANCHORS_OF_WIDE_LABELS


def _locate(
    anchor: Anchor, frame: Rectangle, size: tuple[int, int], width: int, height: int, gap: int
) -> tuple[int, int]:
    """Return left and top of a label."""
    left, top, right, bottom = frame
    if anchor.side in {"above", "below"}:
        column = left + (right - left - width) * anchor.halves // 2
        row = top - gap - height if anchor.side == "above" else bottom + gap
        return max(0, min(column, size[0] - width)), row
    row = top + (bottom - top - height) * anchor.halves // 2
    column = right + gap if anchor.side == "right" else left - gap - width
    return column, max(0, min(row, size[1] - height))
