"""The sound of a video, put beside new pictures and kept in step with them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mien.core.errors import UnreadableMediaError
from mien.inference.media.video.container import find_rate, find_video, open_container
from mien.inference.media.video.decoding import Decoder
from mien.inference.media.video.library import av_errors
from mien.inference.media.video.sound.in_step import Step
from mien.inference.media.video.sound.track import Track

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet

_JOINED: Final = {"mpeg", "mpegts"}
"""FFmpeg's names of files that can be put together from several, so that a stamp may lie at more than one place."""


class Sound:
    """The first sound track of a file, moved in time so that a given moment of its pictures becomes 0."""

    def __init__(self, path: Path, start_s: float) -> None:
        """Open a file, and go to the moment that becomes 0.

        Args:
            path: A video file with sound.
            start_s: In seconds after its first picture.

        Raises:
            UnreadableMediaError: If the file can't be opened.
        """
        zero_s = _read_first_picture_s(path)
        self._container: InputContainer = open_container(path)
        self._source: AudioStream = self._container.streams.audio[0]
        self._time_base = self._source.time_base or Fraction(1, 1000)
        if zero_s is None:
            zero_s = float((self._source.start_time or 0) * self._time_base)
        self._packets = self._follow_pictures(path, zero_s + start_s)
        self._waiting: Packet[AudioStream] | None = None
        self._track: Track | None = None
        if start_s and self._container.format.name not in _JOINED:
            self._seek(zero_s + start_s)

    @property
    def broken(self) -> int:
        """Packets that could not be decoded or written, so far."""
        return 0 if self._track is None else self._track.broken

    def add_to(self, output: OutputContainer, suffix: str) -> None:
        """Add a track to a new file, before anything is written to it.

        Args:
            output: The new file.
            suffix: Its kind.
        """
        self._track = Track(output, suffix, self._source)

    def write_until(self, end_s: float) -> None:
        """Write what is heard before a moment and was not written yet; `add_to` comes first.

        Args:
            end_s: Seconds of the new file.

        Raises:
            OSError: If the disk is full.
        """
        assert self._track is not None
        end = int(end_s / self._time_base)
        while True:
            packet = self._waiting or next(self._packets, None)
            self._waiting = packet
            if packet is None or packet.pts is None or packet.pts >= end:
                return
            self._waiting = None
            if packet.pts >= 0:
                self._track.write(packet)

    def finish(self) -> None:
        """Write what the encoder holds back.

        Raises:
            OSError: If the disk is full.
        """
        if self._track is not None:
            self._track.finish()

    def close(self) -> None:
        """Close the file it is read from."""
        self._container.close()

    def _follow_pictures(self, path: Path, zero_s: float) -> Iterator[Packet[AudioStream]]:
        """Return the packets of the sound with new stamps; those before 0 are among them."""
        try:
            pictures = find_video(self._container, path)
        except UnreadableMediaError:
            return Step(zero_s, None).follow(self._read_packets(self._source))
        return Step(zero_s, find_rate(pictures)).follow(self._read_packets(self._source, pictures))

    def _read_packets(self, *streams: Any) -> Iterator[Packet[Any]]:
        try:
            yield from self._container.demux(*streams)
        except av_errors():
            return  # sound that is cut short ends there

    def _seek(self, zero_s: float) -> None:
        try:
            self._container.seek(max(0, round(zero_s / self._time_base)), stream=self._source)
        except av_errors():
            self._container.seek(0)


def open_sound(path: Path, start_s: float) -> Sound | None:
    """Open the sound of a video; None if it has none.

    Raises:
        UnreadableMediaError: If the file can't be opened.
    """
    with open_container(path) as container:
        contexts = [stream.codec_context for stream in container.streams.audio[:1]]
        if not contexts or contexts[0] is None or not contexts[0].sample_rate or not contexts[0].layout.nb_channels:
            return None
    return Sound(path, start_s)


def _read_first_picture_s(path: Path) -> float | None:
    """Return the stamp of a file's first picture; None if it holds none."""
    with open_container(path) as container:
        try:
            first = next(Decoder(container, find_video(container, path), path).read(), None)
        except UnreadableMediaError:
            return None
        return None if first is None else first.time
