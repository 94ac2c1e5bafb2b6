"""A frame of a video: what everything that reads, changes or looks at video hands on."""

from __future__ import annotations

from typing import NamedTuple

from mien.inference.media.pictures import RGB


class Frame(NamedTuple):
    """One frame of a video, as a person sees it.

    Attributes:
        index: Its number in the video, from 0 on; frames that were skipped are counted.
        time_s: When it is shown, in seconds from the beginning of the video.
        pixels: (H, W, 3) uint8 RGB, turned as the file says.
    """

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody looks for on a frame
    time_s: float
    pixels: RGB
