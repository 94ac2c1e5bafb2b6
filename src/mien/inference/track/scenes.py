"""Whether a video cut to another picture: told by a survey of each frame, sixteen by nine gray dots.

Places and motion say little after a cut: somebody else may look at us from where the last person was. By the survey the
tracker knows that it has to go by looks alone.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Survey: TypeAlias = NDArray[np.float32]
"""(ROWS * COLUMNS,) float32 gray levels, 0-255."""

ROWS, COLUMNS = 9, 16

SAMPLES: Final = 4
"""About so many pixels are looked at along each side of a dot: more tell nothing more."""

FLAT: Final = 4.0
"""A frame whose dots differ by less than this many gray levels (standard deviation) shows nothing."""

ALIKE: Final = 0.6
"""Surveys that are less alike (correlation) are of two pictures, unless something is before half of one.

Of two photos of WIDER FACE 99 % are, and of one that is moved by a twentieth of its width or enlarged by a fifth 1 and
6 %; by a tenth, 26 %. A camera that turns that fast from frame to frame counts as a cut.
"""

BLACK: Final = 20.0
"""A dot darker than this many gray levels on two frames shows nothing of either."""

KEPT, SAME = 0.5, 25.0
"""Where this share of the dots stays the same within so many gray levels, something is before the picture."""


def survey(pixels: NDArray[np.uint8]) -> Survey:
    """Return what little of a frame is compared with the next one.

    Args:
        pixels: (H, W, 3) uint8.
    """
    rows, columns = (
        np.linspace(0, size - 1, dots * SAMPLES).astype(np.intp)
        for size, dots in zip(pixels.shape[:2], (ROWS, COLUMNS), strict=True)
    )
    gray = pixels[rows[:, None], columns].mean(axis=2, dtype=np.float32)
    dots: Survey = gray.reshape(ROWS, SAMPLES, COLUMNS, SAMPLES).mean(axis=(1, 3)).ravel()
    return dots


class Scenes:
    """Tells where one video cuts. It holds the last frame's survey and nothing else."""

    def __init__(self) -> None:
        """Begin without a frame."""
        self._last: Survey | None = None

    def is_cut(self, seen: Survey) -> bool:
        """Take the survey of the next frame, and say whether it shows another picture than the last one did.

        A frame that shows nothing is passed over: behind it the picture may be another one, or the same.
        """
        if seen.std() < FLAT:
            return False
        last, self._last = self._last, seen
        if last is None:
            return False
        is_shown = np.maximum(last, seen) >= BLACK  # bars beside a picture are alike whatever it shows
        last, seen = last[is_shown], seen[is_shown]
        return np.mean(np.abs(seen - last) < SAME) < KEPT and float(np.corrcoef(last, seen)[0, 1]) < ALIKE
