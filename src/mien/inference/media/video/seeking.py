"""Where to begin decoding for a start in the middle, and which number the frame there has."""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from mien.inference.media.video.container import find_video, open_container
from mien.inference.media.video.held import Origin
from mien.inference.media.video.library import av_errors

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_ONE_FRAME_A_PACKET: Final = {"av1", "ffv1", "h264", "hevc", "libdav1d", "mjpeg", "mpeg4", "prores", "rawvideo", "vp9"}
"""Decoders that make one frame of each packet, so that packets can be counted instead of frames."""

_MOST_WAITING: Final = 256
"""Frames that are read before an earlier one, at most; decoders hold back 17 or so."""


class Entry(NamedTuple):
    """A frame that decoding can begin with.

    Attributes:
        stamp: Its time stamp, in the stream's time base.
        number: Of the frame in the video.
    """

    stamp: int
    number: int


def find_entry(origin: Origin, first: VideoFrame, start_s: float) -> Entry | None:
    """Find the last frame at or before a time that decoding can begin with, by reading packets without decoding them.

    Args:
        origin: The video.
        first: Its first frame.
        start_s: Seconds after `first`.

    Returns:
        None if the number of a frame can't be told from the packets, or if the first frame is the one: then decode
        from the beginning. Packets before the entry that can't be decoded count as frames.
    """
    if first.pts is None or first.interlaced_frame:  # interlaced: a packet may hold half a frame
        return None
    with open_container(origin) as container:
        stream = find_video(container, origin)
        if stream.codec_context.name not in _ONE_FRAME_A_PACKET or not stream.time_base:
            return None
        target = first.pts + int(start_s / stream.time_base)
        try:
            return _scan(container, stream, first.pts, target)
        except av_errors():
            return None


def _scan(container: InputContainer, stream: VideoStream, first: int, target: int) -> Entry | None:
    counter = _Counter(first)
    entry: Entry | None = None
    for packet in container.demux(stream):
        if packet.pts is None or packet.dts is None:
            if not packet.size:
                break  # the end
            return None
        if packet.is_corrupt or packet.is_discard or not counter.add(packet.pts, packet.dts):
            return None
        if entry is not None and first <= packet.pts < entry.stamp:
            entry = Entry(entry.stamp, entry.number + 1)
        if packet.is_keyframe and first < packet.pts <= target:
            entry = Entry(packet.pts, counter.count_before(packet.pts))
        if packet.dts > target:  # no later packet can hold an earlier frame
            break
    return entry


class _Counter:
    """Counts the frames of a stream by their packets, and keeps the few stamps alone that later ones may precede."""

    def __init__(self, first: int) -> None:
        """Begin; frames before `first` don't count."""
        self._first = first
        self._decoded = -inf  # the last packet's time of decoding: no later one is shown before it
        self._passed = 0
        self._last_passed = -inf
        self._waiting: list[int] = []  # a heap

    def add(self, shown: int, decoded: int) -> bool:
        """Take the two stamps of the next packet; False if they make no order in which frames can be counted."""
        if not self._decoded <= decoded <= shown or len(self._waiting) == _MOST_WAITING:
            return False
        self._decoded = decoded
        heappush(self._waiting, shown)
        while self._waiting[0] < decoded:
            stamp = heappop(self._waiting)
            if stamp == self._last_passed:  # two frames at once, as where recordings were put together
                return False
            self._last_passed = stamp
            self._passed += stamp >= self._first
        return True

    def count_before(self, stamp: int) -> int:
        """Return how many frames of those so far are shown before one of them that still waits."""
        return self._passed + sum(self._first <= shown < stamp for shown in self._waiting)
