"""Frames turned as their file says: phones store what the sensor saw, and beside it which way is up."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mien.inference.media.pictures import RGB

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


class Turn(NamedTuple):
    """What to do with stored pixels, in this order.

    Attributes:
        is_transposed: Rows become columns.
        is_mirrored: Left becomes right, afterwards.
        is_upside_down: Top becomes bottom, afterwards.
    """

    is_transposed: bool = False
    is_mirrored: bool = False
    is_upside_down: bool = False

    def apply(self, pixels: RGB) -> RGB:
        """Return (H, W, 3) turned pixels, contiguous; the same array where there is nothing to do."""
        turned = pixels.transpose(1, 0, 2) if self.is_transposed else pixels
        if self.is_mirrored:
            turned = turned[:, ::-1]
        if self.is_upside_down:
            turned = turned[::-1]
        return np.ascontiguousarray(turned)


def read_turn(frame: VideoFrame) -> Turn:
    """Read the display matrix of a frame: where the stored x and y axes point to on the screen.

    Turns by other than a right angle go to the nearest one.

    Source:
        libavutil/display.h, FFmpeg: the matrix (a b u, c d v, x y w) takes (x, y) to (a x + c y, b x + d y).
    """
    from av.sidedata.sidedata import SideDataContainer  # PyAV is an extra, and there by now

    # `frame.side_data` keeps a container that keeps the frame: a ring that stays until Python looks for rings, and it
    # counts objects, not their bytes. This container knows its frame, and the frame doesn't know it.
    data = SideDataContainer(frame).get("DISPLAYMATRIX")  # type: ignore[call-arg]  # its stub lacks it
    if data is None:
        return Turn()
    matrix = np.frombuffer(bytes(data), np.int32)
    if matrix.size < 5:
        return Turn()
    a, b, c, d = (int(matrix[at]) for at in (0, 1, 3, 4))
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Turn(True, c < 0, b < 0)
    return Turn(False, a < 0, d < 0)
