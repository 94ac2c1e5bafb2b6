"""The sound track of a new file: packets copied as they are where it can hold them, and encoded anew elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mien.inference.media.video.library import av_errors, load_av

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet

_HELD: Final = {
    ".mp4": {"aac", "ac3", "alac", "eac3", "mp3", "opus"},
    ".mov": {"aac", "ac3", "alac", "eac3", "mp3", "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le"},
    ".mkv": {"aac", "ac3", "alac", "dts", "eac3", "flac", "mp2", "mp3", "opus", "pcm_s16le", "pcm_s24le", "vorbis"},
}
"""What each kind of file holds so that players play it; other sound is encoded anew."""

_AAC_RATES: Final = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}

_LEAST_MP3_RATE: Final = 16000
"""MP4 holds no MP3 of fewer samples a second."""

_SAMPLES: Final = 1024
"""Of a frame that is encoded; what is heard before 0 is cut off by that."""

WARM_UP_S: Final = 1.0
"""Sound before 0 that is decoded: what comes first rests on it."""

_MOST_REFUSED: Final = 100
"""Packets that the file refuses in a row, a few seconds, before the track is given up."""


class Form(NamedTuple):
    """What a sound track is like.

    Attributes:
        rate: Samples a second.
        channels: How many.
        is_told: Whether the file's header says so; without that, packets can't be copied.
    """

    rate: int
    channels: int
    is_told: bool


class Track:
    """One track; what can't be decoded or written is left out, so that the pictures beside it are never lost for it.

    Attributes:
        broken: Packets that were left out, so far.
    """

    def __init__(self, output: OutputContainer, suffix: str, source: AudioStream, form: Form) -> None:
        """Add it to a new file, before anything is written to that.

        Args:
            output: The new file.
            suffix: Its kind.
            source: Where the packets to come are from.
            form: What it is like.
        """
        self.broken = 0
        self._output = output
        self._refused = 0
        self._resampler: Any = None
        self._kind: tuple[str, str, int] | None = None  # of the frames that the resampler takes
        codec = source.codec_context.codec.canonical_name
        is_low = codec == "mp3" and suffix == ".mp4" and form.rate < _LEAST_MP3_RATE
        self._is_copied = form.is_told and codec in _HELD[suffix] and not is_low
        self._rate = form.rate if codec.startswith("pcm_") else None
        if self._is_copied:
            self._stream: AudioStream = output.add_stream_from_template(source)
            return
        self._stream = output.add_stream("aac", rate=form.rate if form.rate in _AAC_RATES else 48000)
        self._stream.codec_context.layout = "mono" if form.channels == 1 else "stereo"

    def write(self, packet: Packet[AudioStream]) -> None:
        """Write the next packet, but for what is heard before 0.

        Args:
            packet: With a stamp later than that of the packet before, on the clock of the new file.

        Raises:
            OSError: If the disk is full.
        """
        if self._refused >= _MOST_REFUSED:
            return
        try:
            if self._is_copied:
                self._copy(packet)
            elif _find_end_s(packet) >= -WARM_UP_S:
                # Stamps come through decoding, resampling and encoding.
                self._encode(packet.decode())
        except OSError:
            raise
        except av_errors():
            self.broken += 1
            self._refused += 1
        else:
            self._refused = 0

    def finish(self) -> None:
        """Write what the encoder holds back.

        Raises:
            OSError: If the disk is full.
        """
        if self._is_copied:
            return
        try:
            self._mux(self._drain())
            self._output.mux(self._stream.encode(None))
        except OSError:
            raise
        except av_errors():
            self.broken += 1

    def _copy(self, packet: Packet[AudioStream]) -> None:
        if packet.pts is not None and packet.pts < 0:
            if self._rate is None or _find_end_s(packet) <= 0:
                return
            packet = _cut(packet, self._rate)
        packet.stream = self._stream
        self._output.mux_one(packet)

    def _encode(self, frames: Iterable[AudioFrame]) -> None:
        for frame in frames:
            kind = frame.format.name, frame.layout.name, frame.sample_rate
            if kind != self._kind:  # the encoder and its own resampler take frames of one kind only
                self._mux(self._drain())
                target = self._stream.codec_context
                self._resampler = load_av().AudioResampler(target.format, target.layout, target.sample_rate, _SAMPLES)
                self._kind = kind
            self._mux(self._resampler.resample(frame))

    def _drain(self) -> list[AudioFrame | None]:
        """Return what the resampler holds back."""
        return [] if self._resampler is None else self._resampler.resample(None)

    def _mux(self, frames: Iterable[AudioFrame | None]) -> None:
        for frame in frames:
            if frame is not None and (frame.pts or 0) >= 0:
                self._output.mux(self._stream.encode(frame))


def _find_end_s(packet: Packet[AudioStream]) -> float:
    return float(((packet.pts or 0) + (packet.duration or 0)) * packet.time_base)


def _cut(packet: Packet[AudioStream], rate: int) -> Packet[AudioStream]:
    """Return a packet of plain samples, which may be seconds long, without those before 0."""
    assert packet.pts is not None
    assert packet.duration
    samples = round(packet.duration * packet.time_base * rate)
    early = round(-packet.pts * packet.time_base * rate)
    rest: Packet[AudioStream] = load_av().Packet(bytes(packet)[early * (packet.size // samples) :])
    rest.pts = rest.dts = 0
    rest.time_base, rest.duration = packet.time_base, packet.duration + packet.pts
    return rest
