"""The sound track of a new file: packets copied as they are where it can hold them, and encoded anew elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

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

_MOST_REFUSED: Final = 100
"""Packets that the file refuses in a row, a few seconds, before the track is given up."""


class Track:
    """One track; what can't be decoded or written is left out, so that the pictures beside it are never lost for it.

    Attributes:
        broken: Packets that were left out, so far.
    """

    def __init__(self, output: OutputContainer, suffix: str, source: AudioStream) -> None:
        """Add it to a new file, before anything is written to that.

        Args:
            output: The new file.
            suffix: Its kind.
            source: Where the packets to come are from.
        """
        self.broken = 0
        self._output = output
        self._refused = 0
        self._resampler: Any = None
        self._kind: tuple[str, str, int] | None = None  # of the frames that the resampler takes
        context = source.codec_context
        self._is_copied = context.codec.canonical_name in _HELD[suffix]
        if self._is_copied:
            self._stream: AudioStream = output.add_stream_from_template(source)
            return
        rate = context.sample_rate if context.sample_rate in _AAC_RATES else 48000
        self._stream = output.add_stream("aac", rate=rate)
        self._stream.codec_context.layout = "mono" if context.layout.nb_channels == 1 else "stereo"

    def write(self, packet: Packet[AudioStream]) -> None:
        """Write the next packet.

        Args:
            packet: With a stamp later than that of the packet before, on the clock of the new file.

        Raises:
            OSError: If the disk is full.
        """
        if self._refused >= _MOST_REFUSED:
            return
        try:
            if self._is_copied:
                packet.stream = self._stream
                self._output.mux_one(packet)
            else:
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

    def _encode(self, frames: Iterable[AudioFrame]) -> None:
        for frame in frames:
            kind = frame.format.name, frame.layout.name, frame.sample_rate
            if kind != self._kind:  # the encoder and its own resampler take frames of one kind only
                self._mux(self._drain())
                target = self._stream.codec_context
                self._resampler = load_av().AudioResampler(target.format, target.layout, target.sample_rate)
                self._kind = kind
            self._mux(self._resampler.resample(frame))

    def _drain(self) -> list[AudioFrame | None]:
        """Return what the resampler holds back."""
        return [] if self._resampler is None else self._resampler.resample(None)

    def _mux(self, frames: Iterable[AudioFrame | None]) -> None:
        for frame in frames:
            if frame is not None:  # which a resampler that has nothing to do gives back
                self._output.mux(self._stream.encode(frame))
