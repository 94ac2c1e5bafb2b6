"""A video file as a stream of frames, from any start on, each with its right number and time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from mien.core.errors import InputError, UnreadableMediaError
from mien.inference.media.video.clock import Clock
from mien.inference.media.video.container import find_longest_gap, find_rate, find_video, open_container
from mien.inference.media.video.conversion import Converter
from mien.inference.media.video.decoding import Decoder
from mien.inference.media.video.duration import find_duration, find_frame_count
from mien.inference.media.video.frames import Frame
from mien.inference.media.video.held import Origin
from mien.inference.media.video.library import av_errors
from mien.inference.media.video.sampling import Chooser, Sampling
from mien.inference.media.video.seeking import Entry, find_entry

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


class FileStream:
    """An open video file; `read` may be called once, from any one thread.

    Attributes:
        width: Pixels of the first frame as a person sees it; later frames may have another size.
        height: Likewise.
        frame_rate: Frames a second on average, or None.
        duration_s: From the first frame on, as its file says, or None; see `find_duration`.
        frame_count: Of the whole file, as its header says, or None.
        has_audio: Whether there is sound in it.
    """

    def __init__(self, origin: Origin, sampling: Sampling) -> None:
        """Open a file and decode its first frame.

        Raises:
            InputError: If the start lies behind the video's end, and the file can be trusted with where that is.
            UnreadableMediaError: If it can't be played, see `open_container` and `find_video`.
        """
        self._origin = origin
        self._sampling = sampling
        self._container = open_container(origin)
        try:
            self._open()
            if self._most_s is not None and sampling.start_s >= self._most_s:
                raise self._refuse_start(self._most_s)
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        stream = find_video(self._container, self._origin)
        self._stream = stream
        self._decoder = Decoder(self._container, stream, self._origin)
        self._converter = Converter(stream)
        self._frames = self._decoder.read()
        first = next(self._frames, None)
        if first is None:
            raise UnreadableMediaError(
                f"{self._origin} holds no frame that can be decoded; it is damaged or cut short."
            )
        self._first = first
        self._converter.watch(first)
        self.width, self.height = self._converter.measure(first)
        self.frame_rate = find_rate(stream)
        self.duration_s, self._most_s = find_duration(self._container, stream, first.time or 0.0)
        self.frame_count = find_frame_count(stream)
        self.has_audio = bool(self._container.streams.audio)

    @property
    def broken(self) -> int:
        """Packets and frames that were damaged, so far."""
        return self._decoder.broken

    def read(self) -> Iterator[Frame | None]:
        """Yield the frames that were chosen, and None for each that was not.

        Raises:
            InputError: If all frames lie before the start.
            UnreadableMediaError: After the last frame that can be had, if the file is cut short.
        """
        entry = find_entry(self._origin, self._first, self._sampling.start_s) if self._sampling.start_s else None
        if entry is not None:
            frames = self._seek(entry)
            if frames is not None:
                yield from self._choose(frames, entry.number)
                return
            # The file can't be entered there: begin anew, and decode up to it.
            self._container.close()
            self._container = open_container(self._origin)
            self._open()
        yield from self._choose(chain([self._first], self._frames), 0)

    def close(self) -> None:
        """Close the file; what is being read must have ended."""
        self._container.close()

    def _seek(self, entry: Entry) -> Iterator[VideoFrame] | None:
        """Return the frames from an entry on; None if the file leads to another place."""
        try:
            self._container.seek(entry.stamp, stream=self._stream)
        except av_errors():
            return None
        frames = self._decoder.read()
        for frame in frames:
            if frame.pts is None or frame.pts > entry.stamp:
                return None
            if frame.pts == entry.stamp:
                return chain([frame], frames)
        return None

    def _choose(self, frames: Iterator[VideoFrame], index: int) -> Iterator[Frame | None]:
        clock = Clock(self.frame_rate, self._first.time, find_longest_gap(self._container))
        chooser = Chooser(self._sampling)
        for number, frame in enumerate(frames, index):
            self._converter.watch(frame)
            time_s = clock.read(frame.time)
            if chooser.is_over(time_s):
                return
            yield Frame(number, time_s, self._converter.convert(frame)) if chooser.choose(time_s) else None
        if chooser.is_before(clock.next_s):
            raise self._refuse_start(clock.next_s)

    def _refuse_start(self, end_s: float) -> InputError:
        return InputError(
            f"the start ({self._sampling.start_s} s) lies behind the end of {self._origin} ({end_s:g} s)."
        )
