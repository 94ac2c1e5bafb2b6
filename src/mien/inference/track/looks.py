"""What faces look like, in a few gray dots: enough to tell two persons apart who meet, and not to know one again.

The crop that the model is shown is upright and holds the face alone, so that two crops can be laid upon each other. A
sketch is that crop averaged to dots, without its brightness and contrast. Sketches of one person are alike from frame
to frame; those of two differ. They are kept in memory for as long as the tracker remembers a person, are compared with
the faces of the same video alone, and never leave the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.core.errors import InputError
from mien.inference.track.motion import Places, are_near

Sketch: TypeAlias = NDArray[np.float32]
"""(DOTS,) float32 with mean 0 and length 1; all 0 where there is nothing to see."""

SIDE: Final = 12
"""Dots along a side of the crop. On crossings of real faces 8 to 24 tell two persons apart equally well."""

UNKNOWN: Final = 0.5
"""The likeness of who has no look yet: between that of one person's sketches and that of two persons'."""

STANDS_OUT: Final = 0.4, 0.3
"""How like a person a face must be at least that stands out, and by how much more than it is like anybody else: what
is half hidden, or one box with another face, looks like nobody surely."""

FLAT: Final = 1.0
"""A crop whose dots differ by less than this many gray levels (standard deviation) shows nothing."""

_ROW, _COLUMN = np.mgrid[:SIDE, :SIDE] * 2.0 / (SIDE - 1) - 1.0
_IS_FACE: Final = (_COLUMN / 0.98) ** 2 + (_ROW / 1.09) ** 2 <= 1.0  # without the corners: the ground shows there
DOTS: Final = int(_IS_FACE.sum())
"""Dots of a sketch: those within an ellipse."""


def sketch(crop: NDArray[np.uint8]) -> Sketch:
    """Return what little of a face is remembered.

    Args:
        crop: (H, W) gray or (H, W, 3) RGB uint8, as the model is shown it.
    """
    small = Image.fromarray(crop).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    dots = np.asarray(small)[_IS_FACE].astype(np.float32)
    dots -= dots.mean()
    length = float(np.linalg.norm(dots))
    if length < FLAT * DOTS**0.5:
        return np.zeros(DOTS, np.float32)
    drawn: Sketch = dots / np.float32(length)
    return drawn


def stack(looks: Sequence[Sketch] | None, count: int) -> NDArray[np.float32]:
    """Return the sketches of a frame's faces as (count, DOTS); without `looks` there is nothing to see on any.

    Raises:
        InputError: If they are not one a face.
    """
    if looks is None:
        return np.zeros((count, DOTS), np.float32)
    if len(looks) != count or any(np.shape(look) != (DOTS,) for look in looks):
        raise InputError(
            f"each of the {count} faces needs one look of {DOTS} dots, "
            f"got {len(looks)} of shapes {sorted({np.shape(look) for look in looks})}. "
            "Make them with mien.inference.track.looks.sketch."
        )
    return np.array(looks, np.float32).reshape(count, DOTS)


def stand_apart(seen: Places, places: Places, rows: NDArray[np.intp], is_there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which faces nobody else is in front of or behind: (M,).

    Args:
        seen: (M, 3) places of the faces.
        places: (N, 3) of all persons, also of those who were not found: they may be hidden there.
        rows: (M,) whose the faces are.
        is_there: (N,) who may be in this picture at all.
    """
    is_near = are_near(seen, places) & is_there
    is_near[np.arange(len(rows)), rows] = False
    return np.asarray(~is_near.any(axis=1))


@dataclass(frozen=True)
class Looks:
    """What N persons look like.

    Attributes:
        sketches: (N, DOTS) float32, running means; all 0 for those whose look is not known.
        learned_s: (N,) float64, for how many seconds each was looked at.
    """

    sketches: NDArray[np.float32]
    learned_s: NDArray[np.float64]

    @classmethod
    def begin(cls, count: int) -> Looks:
        """Take persons whose looks are not known."""
        return cls(np.zeros((count, DOTS), np.float32), np.zeros(count))

    @property
    def are_known(self) -> NDArray[np.bool_]:
        """(N,) whose look is known."""
        return np.asarray(self.sketches.any(axis=1))

    def compare(self, seen: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return how like persons faces look: (N, M) correlations, -1 to 1, and `UNKNOWN` where one can't tell.

        Args:
            seen: (M, DOTS) of `stack`.
        """
        is_told = self.are_known[:, None] & np.asarray(seen.any(axis=1))[None]
        return np.where(is_told, (self.sketches @ seen.T).astype(np.float64), UNKNOWN)

    def recognize(self, likeness: NDArray[np.float64], trust: float) -> NDArray[np.bool_]:
        """Return whether a face looks like a person, by itself or beside everybody else: (N, M).

        Args:
            likeness: (N, M) of `compare`.
            trust: The likeness that tells without a look at the others.
        """
        is_known = likeness >= trust
        if len(likeness) > 1:
            least, lead = STANDS_OUT
            second, best = np.partition(likeness, -2, axis=0)[-2:]
            is_known |= self.are_known[:, None] & (likeness >= least) & (likeness == best) & (best - second >= lead)
        return is_known

    def learn(self, rows: NDArray[np.intp], seen: NDArray[np.float32], *, step_s: float, over_s: float) -> Looks:
        """Return the looks after some of the persons were seen.

        Args:
            rows: (M,) who was seen.
            seen: (M, DOTS) of `stack`. Where there is nothing to see, nothing is learned.
            step_s: Seconds since the frame before.
            over_s: In about so many seconds a look is replaced by a new one.
        """
        is_seen = np.asarray(seen.any(axis=1))
        rows, seen = rows[is_seen], seen[is_seen]
        is_new = ~self.are_known[rows]
        known_s = np.minimum(self.learned_s[rows], over_s)
        shares = np.where(is_new, 1.0, step_s / np.maximum(known_s + step_s, 1e-9))
        sketches, learned_s = self.sketches.copy(), self.learned_s.copy()
        mixed = sketches[rows] + shares[:, None].astype(np.float32) * (seen - sketches[rows])
        sketches[rows] = mixed / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), np.float32(1e-6))
        learned_s[rows] += np.where(is_new, 0.0, step_s)
        return Looks(sketches, learned_s)

    def keep(self, rows: NDArray[np.bool_]) -> Looks:
        """Return the looks of some persons alone: `rows` is (N,)."""
        return Looks(self.sketches[rows], self.learned_s[rows])

    def join(self, others: Looks) -> Looks:
        """Return the looks of both, in this order."""
        return Looks(
            np.concatenate([self.sketches, others.sketches]), np.concatenate([self.learned_s, others.learned_s])
        )
