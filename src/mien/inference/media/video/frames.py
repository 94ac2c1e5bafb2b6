"""A frame of a video: what everything that reads, changes or looks at video hands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Self

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


class Footage(Iterator[Frame]):
    """An iterator over a video's frames, and a context manager that ends the reading."""

    _forget: Callable[[], object]
    """Ends the reading; does nothing from the second call on. Whoever reads sets it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the reading, and let go of what it holds; may be called again."""
        self._forget()
