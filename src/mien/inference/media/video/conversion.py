"""Decoded frames into upright 8-bit RGB: the costly step, so it is taken only for frames that are looked at."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.inference.media.pictures import RGB
from mien.inference.media.video.container import MAX_FRAME_PIXELS
from mien.inference.media.video.library import load_av
from mien.inference.media.video.rotation import Turn, read_turn

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


class Converter:
    """Converts the frames of one stream.

    Any pixel format that FFmpeg knows is taken (gray, 10 to 16 bits, 4:4:4); what shines through stands on white, as
    in pictures. Oblong pixels are made square. High dynamic range is not toned down: such a video looks pale.
    """

    def __init__(self, stream: VideoStream) -> None:
        """Take the shape of the stream's pixels."""
        self._reformatter: Any = load_av().video.reformatter.VideoReformatter()
        self._aspect = stream.sample_aspect_ratio or Fraction(1)  # 0 where it is unknown
        self._turn = Turn()

    def watch(self, frame: VideoFrame) -> None:
        """Read which way is up; to be called with every frame, converted or not."""
        if frame.key_frame:
            self._turn = read_turn(frame)

    def measure(self, frame: VideoFrame) -> tuple[int, int]:
        """Return width and height in pixels that `convert` will give a frame."""
        width, height = self._squared(frame)
        return (height, width) if self._turn.is_transposed else (width, height)

    def convert(self, frame: VideoFrame) -> RGB:
        """Return (H, W, 3) uint8."""
        has_alpha = any(part.is_alpha for part in frame.format.components)
        width, height = self._squared(frame)
        # One thread and one converter for all frames: quicker than what `frame.to_ndarray` does.
        converted = self._reformatter.reformat(
            frame, width=width, height=height, format="rgba" if has_alpha else "rgb24", threads=1
        )
        pixels = converted.to_ndarray()
        return self._turn.apply(_put_on_white(pixels) if has_alpha else pixels)

    def _squared(self, frame: VideoFrame) -> tuple[int, int]:
        """Return the size with square pixels: the side grows that has too few, so that nothing is lost."""
        width, height = frame.width, frame.height
        if self._aspect > 1:
            width = round(width * self._aspect)
        else:
            height = round(height / self._aspect)
        if width * height > MAX_FRAME_PIXELS:  # nonsense in the header
            return frame.width, frame.height
        return width, height


def _put_on_white(pixels: Any) -> RGB:
    """Blend (H, W, 4) with white."""
    alpha = pixels[..., 3:].astype(np.uint16)
    blended = (pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return np.asarray(blended, np.uint8)
