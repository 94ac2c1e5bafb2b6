"""A stranger's video, read as `open_video` reads one, but decoded where it can do no harm."""

from __future__ import annotations

import weakref
from typing import BinaryIO

from mien.core.errors import UnreadableMediaError
from mien.inference.media.video.confined import wire
from mien.inference.media.video.confined.bounds import Bounds
from mien.inference.media.video.confined.process import DecodingProcess
from mien.inference.media.video.frames import Footage, Frame
from mien.inference.media.video.sampling import Sampling


class ConfinedVideo(Footage):
    """An iterator over the frames of a video that lies in memory, decoded by a process of its own.

    That process takes no more memory and time than the bounds say, opens no file, and is ended with the last frame,
    with an error, with `close`, when nobody holds the video any more, and when this process ends, in whatever way.
    `close` may be called by any thread. One frame waits there, ready, while the one before is looked at; it starts anew
    for each video, which takes 0.2 s.

    Attributes:
        source: What it is called in messages.
        width: Pixels of the first frame as a person sees it; 0 before `open`.
        height: Likewise.
        frame_rate: Frames a second on average, or None.
        duration_s: As its file says, or None; see `Video`.
        expected_frames: How many will be handed on, estimated, or None.
        has_audio: Whether there is sound in it.
        broken: Parts of the video that could not be decoded or are damaged, so far.
    """

    source = "the video"
    is_live = False

    def __init__(self, content: bytes, sampling: Sampling, bounds: Bounds) -> None:
        """Take a video; nothing is started or read before `open`.

        Args:
            content: The bytes of a video file.
            sampling: Which frames are handed on.
            bounds: What all this may take.

        Raises:
            UnreadableMediaError: If there are no bytes.
        """
        if not content:
            raise UnreadableMediaError(f"{self.source} is empty (0 bytes).")
        self._content: bytes | None = content
        self._bounds = bounds
        self.width = self.height = 0
        self.frame_rate: float | None = None
        self.duration_s: float | None = None
        self.expected_frames: int | None = None
        self.has_audio = False
        self.broken = 0
        self._process = DecodingProcess(wire.Request(len(content), sampling, bounds))
        self._forget = weakref.finalize(self, self._process.stop)

    def open(self) -> None:
        """Start the process and the clock, and decode the first frame. `close` ends it, by another thread.

        Raises:
            InputError: If the start lies behind the video's end, and the file can be trusted with where that is.
            UnreadableMediaError: If it is no video, damaged from its beginning, or was closed meanwhile;
                `VideoBoundError` if it takes more than it may.
            MissingExtraError: If PyAV is not installed.
            MienError: If the process can't be started, or fails in a way that nobody foresaw.
        """
        content, self._content = self._content, None
        assert content is not None, "a video is opened once"
        self._process.start(content)
        values = self._process.receive(wire.OPENED, wire.read_values)
        if values is None:
            raise UnreadableMediaError(f"{self.source} was closed before it was open.")
        opened = wire.Opened(**values)
        self._bounds.check_size(opened.width, opened.height)
        self.width, self.height = opened.width, opened.height
        self.frame_rate, self.duration_s = opened.frame_rate, opened.duration_s
        self.expected_frames, self.has_audio = opened.expected_frames, opened.has_audio

    def __next__(self) -> Frame:
        """Return the next frame.

        Raises:
            InputError: If all frames lie before the start that was asked for.
            UnreadableMediaError: After all frames that could be had, if the file is cut short; `VideoBoundError` if it
                takes more than it may.
            MienError: If the process fails in a way that nobody foresaw.
        """
        try:
            found = self._process.receive(wire.FRAME, self._read)
        finally:
            self.broken = max(self.broken, self._process.broken)
        if found is None:
            raise StopIteration
        frame, self.broken = found
        return frame

    def _read(self, file: BinaryIO, message: wire.Message) -> tuple[Frame, int]:
        return wire.read_frame(file, message, self._bounds.pixels)
