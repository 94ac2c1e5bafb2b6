"""The frame that came last: a live picture is worth nothing once there is a newer one."""

from __future__ import annotations

import asyncio
from typing import NamedTuple


class Arrived(NamedTuple):
    """A frame as it came.

    Attributes:
        number: From 0 on, in the order of arrival; those that are dropped are counted.
        data: The bytes of a picture file.
        time_s: When it came, on the clock of whoever put it.
    """

    number: int
    data: bytes
    time_s: float


class Newest:
    """Room for one frame, between the task that receives and the one that answers; a newer one takes its place.

    Attributes:
        dropped: Frames that were replaced before anybody took them.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.dropped = 0
        self._frame: Arrived | None = None
        self._count = 0
        self._change = asyncio.Event()

    def put(self, data: bytes, time_s: float) -> None:
        """Take the next frame."""
        self.dropped += self._frame is not None
        self._frame = Arrived(self._count, data, time_s)
        self._count += 1
        self._change.set()

    async def take(self) -> Arrived:
        """Wait for a frame, and return it."""
        while self._frame is None:
            self._change.clear()
            await self._change.wait()
        frame, self._frame = self._frame, None
        return frame
