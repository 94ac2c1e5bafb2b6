"""The sound of a video, put beside new pictures: copied as it is where the new file can hold it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mien.inference.media.video.container import find_video, open_container
from mien.inference.media.video.library import av_errors

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet

_HELD: Final = {
    ".mp4": {"aac", "ac3", "alac", "eac3", "mp3", "opus"},
    ".mov": {"aac", "ac3", "alac", "eac3", "mp3", "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le"},
    ".mkv": {"aac", "ac3", "alac", "dts", "eac3", "flac", "mp2", "mp3", "opus", "pcm_s16le", "pcm_s24le", "vorbis"},
}
"""What each kind of file holds so that players play it; other sound is encoded anew."""

_AAC_RATES: Final = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}

_ANEW_S: Final = 0.5
"""Stamps that go back by more begin anew; by less they overlap."""


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
        self._shift = round((zero_s + start_s) / self._time_base)
        self._target: AudioStream | None = None
        self._is_copied = True
        self._packets = self._read_packets()
        self._waiting: Packet[AudioStream] | None = None
        if start_s:
            self._seek()

    def add_to(self, output: OutputContainer, suffix: str) -> None:
        """Add a track to a new file, before anything is written to it.

        Args:
            output: The new file.
            suffix: Its kind.
        """
        codec = self._source.codec_context.codec.canonical_name
        self._is_copied = codec in _HELD[suffix]
        if self._is_copied:
            self._target = output.add_stream_from_template(self._source)
            return
        context = self._source.codec_context
        rate = context.sample_rate if context.sample_rate in _AAC_RATES else 48000
        target = output.add_stream("aac", rate=rate)
        target.codec_context.layout = "mono" if context.layout.nb_channels == 1 else "stereo"
        self._target = target

    def write_until(self, output: OutputContainer, end_s: float) -> None:
        """Write what is heard before a moment and was not written yet.

        Args:
            output: The file that `add_to` was given.
            end_s: Seconds of the new file.
        """
        end = int(end_s / self._time_base)
        while True:
            packet = self._waiting or next(self._packets, None)
            self._waiting = packet
            if packet is None or packet.pts is None or packet.pts >= end:
                return
            self._waiting = None
            self._write(output, packet)

    def finish(self, output: OutputContainer) -> None:
        """Write what the encoder holds back."""
        if self._target is not None and not self._is_copied:
            with _leave_out_damage():
                output.mux(self._target.encode(None))

    def close(self) -> None:
        """Close the file it is read from."""
        self._container.close()

    def _write(self, output: OutputContainer, packet: Packet[AudioStream]) -> None:
        assert self._target is not None
        with _leave_out_damage():
            if self._is_copied:
                packet.stream = self._target
                output.mux_one(packet)
                return
            frames: list[Any] = list(packet.decode())
            for frame in frames:
                # Stamps of the packets, which are moved already, come through decoding.
                output.mux(self._target.encode(frame))

    def _read_packets(self) -> Iterator[Packet[AudioStream]]:
        """Yield packets with their new stamps, each later than the one before; what lies before 0 is left out.

        So is what has no stamp, and what overlaps with the sound so far: an encoder fills up the last packet of a
        recording. Where several were put together stamps begin anew, and the sound goes on from where it was.
        """
        errors = av_errors()
        packets = self._container.demux(self._source)
        last, due = -inf, -inf
        anew = _ANEW_S / self._time_base
        while True:
            try:
                packet = next(packets, None)
            except errors:
                return  # sound that is cut short ends there
            if packet is None:
                return
            if packet.pts is None:
                continue
            if last - (packet.pts - self._shift) > anew:
                self._shift = packet.pts - int(due)
            packet.pts = packet.dts = packet.pts - self._shift
            if packet.pts <= last:
                continue
            last, due = packet.pts, packet.pts + (packet.duration or 1)
            if packet.pts >= 0:
                yield packet

    def _seek(self) -> None:
        try:
            self._container.seek(max(0, self._shift), stream=self._source)
        except av_errors():
            self._container.seek(0)


@contextmanager
def _leave_out_damage() -> Iterator[None]:
    """Pass over what can't be decoded or written: there is silence there, and pictures are never lost for it.

    Raises:
        OSError: If the disk is full.
    """
    try:
        yield
    except OSError:
        raise
    except av_errors():
        return


def open_sound(path: Path, start_s: float) -> Sound | None:
    """Open the sound of a video; None if it has none.

    Raises:
        UnreadableMediaError: If the file can't be opened.
    """
    with open_container(path) as container:
        if not any(stream.codec_context is not None for stream in container.streams.audio[:1]):
            return None
    return Sound(path, start_s)


def _read_first_picture_s(path: Path) -> float | None:
    """Return the stamp of a file's first picture; None if it holds none."""
    errors = av_errors()
    with open_container(path) as container:
        try:
            stream = find_video(container, path)
            first = next(container.decode(stream), None)
        except errors:  # ours included: they are ValueErrors
            return None
        return None if first is None else first.time
