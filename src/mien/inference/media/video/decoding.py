"""Packets into frames, over whatever is broken on the way: a player goes on where it can, and so do we."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, Protocol

from mien.core.errors import UnreadableMediaError
from mien.inference.media.video.container import is_cut_short
from mien.inference.media.video.held import Origin
from mien.inference.media.video.library import av_errors

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_MAX_FAILURES: Final = 50
"""Reads that fail in a row before a file is given up."""

_MAX_BROKEN: Final = 20_000
"""Packets that can't be decoded in a row before a video is given up: several minutes of damage. A file of a few bytes
can name millions of them, and nobody could end the reading meanwhile."""


class Counter(Protocol):
    """Counts what could not be decoded.

    Attributes:
        broken: So far.
    """

    broken: int


def decode_packets(packets: Iterable[Packet[VideoStream]], counter: Counter) -> Iterator[VideoFrame]:
    """Yield the frames of packets in the order in which they are shown; a packet that is broken is counted.

    Args:
        packets: Of one stream.
        counter: Its `broken` grows by one a packet that can't be decoded.

    Raises:
        UnreadableMediaError: If `_MAX_BROKEN` packets in a row can't be decoded.
    """
    errors = av_errors()
    in_a_row = 0
    for packet in packets:
        try:
            frames = packet.decode()
        except errors:
            counter.broken += 1
            in_a_row += 1
            if in_a_row >= _MAX_BROKEN:
                raise UnreadableMediaError(
                    f"{in_a_row:,} parts of the video in a row can't be decoded; it is damaged."
                ) from None
            continue
        if frames:
            in_a_row = 0
        yield from frames


class Decoder:
    """Decodes one stream of a file.

    Attributes:
        broken: Packets that could not be read or decoded, and frames that the decoder calls damaged, so far. Damaged
            frames are handed on: most of the picture is often there.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, origin: Origin) -> None:
        """Take an open file; whoever opened it closes it."""
        self.broken = 0
        self._container = container
        self._stream = stream
        self._origin = origin

    def read(self) -> Iterator[VideoFrame]:
        """Yield the frames from where the file stands, in the order in which they are shown.

        Raises:
            UnreadableMediaError: After the last frame that can be had, if the file is cut short.
        """
        for frame in decode_packets(self._read_packets(), self):
            self.broken += frame.is_corrupt
            yield frame
        if is_cut_short(self._container, self._stream, self._origin):
            raise UnreadableMediaError(f"{self._origin} is cut short: it says that it holds more than is there.")

    def _read_packets(self) -> Iterator[Packet[VideoStream]]:
        """Yield the packets, the empty one at the end included, which makes the decoder hand out what it holds back."""
        errors = av_errors()
        failures = 0
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except errors as error:
                self.broken += 1
                failures += 1
                if failures >= _MAX_FAILURES or type(error) is OSError:
                    raise UnreadableMediaError(f"{self._origin} can't be read any further: {error}.") from error
                packets = self._container.demux(self._stream)
                continue
            failures = 0
            yield packet
