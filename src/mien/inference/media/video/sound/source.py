"""The sound of a video, put beside new pictures and kept in step with them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from mien.core.errors import UnreadableMediaError
from mien.inference.media.video.clock import Clock
from mien.inference.media.video.container import (
    find_longest_gap,
    find_rate,
    find_video,
    is_discontinuous,
    open_container,
)
from mien.inference.media.video.decoding import Decoder, decode_packets
from mien.inference.media.video.library import av_errors
from mien.inference.media.video.sound.in_step import Step
from mien.inference.media.video.sound.track import WARM_UP_S, Form, Track

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream


class Sound:
    """The first sound track of a file, moved in time so that a given moment of its pictures becomes 0."""

    def __init__(self, path: Path, start_s: float, form: Form) -> None:
        """Open a file, and go to the moment that becomes 0.

        Args:
            path: A video file with sound.
            start_s: In seconds after its first picture.
            form: What its sound is like.

        Raises:
            UnreadableMediaError: If the file can't be opened.
        """
        beginning = _find_beginning(path)
        zero_s = start_s + beginning.zero_s
        is_sought = bool(start_s) and not beginning.is_joined
        self._container = _open_at(path, zero_s - WARM_UP_S) if is_sought else open_container(path)
        self._source: AudioStream = self._container.streams.audio[0]
        self._time_base = self._source.time_base or Fraction(1, 1000)
        self._form = form
        self._packets = self._follow_pictures(path, zero_s)
        self._waiting: Packet[AudioStream] | None = None
        self._track: Track | None = None

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
        self._track = Track(output, suffix, self._source, self._form)

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
        self._packets.close()
        self._container.close()

    def _follow_pictures(self, path: Path, zero_s: float) -> Generator[Packet[AudioStream]]:
        """Return the packets of the sound with new stamps; those before 0 are among them."""
        streams: list[Any] = [self._source]
        rate = None
        with suppress(UnreadableMediaError):
            pictures = find_video(self._container, path)
            streams.append(pictures)
            rate = find_rate(pictures)
        step = Step(zero_s, rate, find_longest_gap(self._container))
        return step.follow(_demux(self._container, *streams))


def open_sound(path: Path, start_s: float) -> Sound | None:
    """Open the sound of a video; None if it has none, or none that can be read.

    Raises:
        UnreadableMediaError: If the file can't be opened.
    """
    with open_container(path) as container:
        form = _find_form(container)
    return None if form is None else Sound(path, start_s, form)


def _find_form(container: InputContainer) -> Form | None:
    """Return what a file's sound is like; None if there is none."""
    for stream in container.streams.audio[:1]:
        context = stream.codec_context
        if context is None:
            return None
        if context.sample_rate and context.layout.nb_channels:
            return Form(context.sample_rate, context.layout.nb_channels, is_told=True)
        errors = av_errors()  # sound that begins late: its first packet tells
        for packet in _demux(container, stream):
            try:
                for frame in cast("list[AudioFrame]", packet.decode()):
                    return Form(frame.sample_rate, frame.layout.nb_channels, is_told=False)
            except errors:
                continue
    return None


class _Beginning(NamedTuple):
    """Where a video begins.

    Attributes:
        zero_s: What is to be taken from the stamps at the beginning of the file, so that the first picture is at 0.
        is_joined: Whether several recordings may have been put together, so that a stamp may stand at two places.
    """

    zero_s: float
    is_joined: bool


def _find_beginning(path: Path) -> _Beginning:
    """Find the first picture that can be decoded, behind what may be left of another recording."""
    with open_container(path) as container:
        is_joined = is_discontinuous(container)
        try:
            stream = find_video(container, path)
            clock = Clock(find_rate(stream), longest_gap_s=find_longest_gap(container))
            packets = _watch(_demux(container, stream), clock)
            first = next(decode_packets(packets, Decoder(container, stream, path)), None)
            next(packets, None)  # the clock believes that stamps begin anew when two of them say so
        except UnreadableMediaError:
            first = None
        if first is None or first.time is None:
            sound = container.streams.audio[0]
            return _Beginning(float((sound.start_time or 0) * (sound.time_base or 0)), is_joined)
        return _Beginning(first.time - clock.moved_s, is_joined or bool(clock.moved_s))


def _watch(packets: Iterable[Packet[VideoStream]], clock: Clock) -> Iterator[Packet[VideoStream]]:
    """Pass packets on, and let a clock read their stamps."""
    for packet in packets:
        if packet.dts is not None:
            clock.read(float(packet.dts * packet.time_base))
        yield packet


def _open_at(path: Path, stamp_s: float) -> InputContainer:
    """Open a file at a time stamp, or at its beginning if it can't be entered there."""
    container = open_container(path)
    sound = container.streams.audio[0]
    try:
        container.seek(max(0, round(stamp_s / (sound.time_base or Fraction(1, 1000)))), stream=sound)
    except av_errors():
        container.close()
        return open_container(path)
    return container


def _demux(container: InputContainer, *streams: Any) -> Iterator[Packet[Any]]:
    """Yield packets up to the end, or to where the file breaks off."""
    errors = av_errors()
    try:
        yield from container.demux(*streams)
    except errors:
        return
