"""What the decoding of one video may take, and the error where it would take more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from mien.core.errors import InputError, UnreadableMediaError

Bound: TypeAlias = Literal["pixels", "memory", "time"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one video may take.

    Attributes:
        pixels: Of one frame, as a person sees it.
        memory_bytes: For the decoding, beyond what Python, the libraries and the video's own bytes take. A frame of
            3840 x 2160 takes 12 MB while it is decoded, 25 MB with 10 bits a color, and a decoder keeps up to 17.
        work_s: From the opening to the last frame, the time that the reader takes for each frame included.

    Raises:
        InputError: If one of them is not over 0.
    """

    pixels: int
    memory_bytes: int
    work_s: float

    def __post_init__(self) -> None:
        for name in ("pixels", "memory_bytes", "work_s"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} bounds a video from above, so it is over 0, got {getattr(self, name)}.")

    def check_size(self, width: int, height: int) -> None:
        """Refuse frames that are too large.

        Raises:
            VideoBoundError: If they have more pixels than `pixels`.
        """
        if width * height > self.pixels:
            raise VideoBoundError(
                f"the video has {width} x {height} pixels a frame; up to {self.pixels / 1e6:g} million are read. "
                "Save it smaller.",
                "pixels",
            )

    def exceed(self, bound: Literal["memory", "time"]) -> VideoBoundError:
        """Return the error that says which bound was reached."""
        if bound == "time":
            return VideoBoundError(
                f"the reading took longer than {self.work_s:g} s and was ended; send a shorter video.", bound
            )
        return VideoBoundError(
            f"the decoding takes more than {self.memory_bytes / 2**20:,.0f} MiB of memory and was ended; "
            "convert the video to MP4 (H.264), or save it smaller.",
            bound,
        )


class VideoBoundError(UnreadableMediaError):
    """A video that takes more than it may.

    Attributes:
        bound: What it takes too much of.
    """

    def __init__(self, message: str, bound: Bound) -> None:
        """Say how much it may take, and of what."""
        super().__init__(message)
        self.bound: Bound = bound
