"""Sound kept in step with pictures whose time stamps begin anew, as in recordings that were put together."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from math import inf
from typing import TYPE_CHECKING, Any, Final

from mien.inference.media.video.clock import Clock

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.packet import Packet

_NEAREST_S: Final = 1e-3
"""Between two packets, at least: a file counts in ticks, and no two packets may share one."""

_PADDING_S: Final = 0.1
"""What reaches back by less overlaps, and no more: encoders fill up the last packet of a recording."""

_OVERLAP_S: Final = 1.0
"""What reaches back by less overlaps, too, if the pictures don't begin anew there."""

_LEAP_S: Final = 10.0
"""What leads ahead by more is believed only if the next packet goes on from there."""

_MOST_HELD: Final = 256
"""Packets, several seconds, that wait for the pictures to begin anew as well."""


class Step:
    """Puts the packets of one sound track, in their order, on the clock of the pictures beside it.

    Where the stamps of the sound begin anew, those of the pictures do, too, and `Clock` finds how far they move. The
    sound moves as far, so that what a recording has more of at its seams, sound or pictures, adds up to nothing. Where
    only the sound begins anew, it goes on from where it was. What overlaps with the sound so far is left out, and so
    is a single packet with a stamp that leads astray.
    """

    def __init__(self, zero_s: float, rate: float | None, longest_gap_s: float = inf) -> None:
        """Begin.

        Args:
            zero_s: The stamp that becomes 0.
            rate: Frames a second of the pictures; None where it is unknown.
            longest_gap_s: What leads ahead by more has begun anew; see `find_longest_gap`.
        """
        self._zero_s = self._first_zero_s = zero_s
        self._pictures = Clock(rate, longest_gap_s=longest_gap_s)
        self._longest_gap_s = longest_gap_s
        self._followed_s = 0.0  # what of the pictures' moves the sound has made, too
        self._held: deque[Packet[AudioStream]] = deque()
        self._last_s = -inf
        self._length_s = 0.0  # of the last packet
        self._is_joining = False  # whatever comes next is believed, unless it overlaps
        self._has_overlapped = False  # and did not follow the pictures since

    def follow(self, packets: Iterable[Packet[Any]]) -> Generator[Packet[AudioStream]]:
        """Yield the packets of the sound with new stamps, each later than the one before.

        Args:
            packets: Of the sound and the pictures, as they lie in the file. Sound without a stamp is left out.
        """
        for packet in packets:
            if packet.stream.type == "audio":
                if packet.pts is not None:
                    self._held.append(packet)
                    yield from self._release()
            elif packet.dts is not None:  # packets come in the order of their decoding
                self._pictures.read(float(packet.dts * packet.time_base))
        yield from self._release(is_over=True)

    def _release(self, *, is_over: bool = False) -> Iterator[Packet[AudioStream]]:
        """Yield what has its place; hold what leads astray until it is clear why."""
        while self._held:
            if self._has_overlapped and 0 < self._find_due_s() <= _OVERLAP_S:
                self._follow_pictures()
            lead_s = self._measure_lead(self._held[0])
            if self._is_joining or _is_near(lead_s):
                packet = self._held.popleft()
                if lead_s >= _NEAREST_S:
                    yield self._place(packet)
                else:
                    self._has_overlapped = True
            elif len(self._held) == 1 and not is_over:
                return
            elif self._is_single(lead_s):
                self._held.popleft()
            elif not self._join(lead_s, is_last_chance=is_over or len(self._held) == _MOST_HELD):
                return

    def _is_single(self, lead_s: float) -> bool:
        """Whether the first packet that is held is the only one that leads astray, as the second one tells."""
        if len(self._held) == 1:
            return _LEAP_S < lead_s < inf
        if lead_s > 0:
            return _to_seconds(self._held[1]) < _to_seconds(self._held[0]) - _PADDING_S
        return len(self._held) == 2 and _is_near(self._measure_lead(self._held[1]))

    def _join(self, lead_s: float, *, is_last_chance: bool) -> bool:
        """Go on with sound that leads astray: after a silence, with the pictures, or at last where it was."""
        is_silence = 0 < lead_s <= self._longest_gap_s or lead_s == inf
        if not is_silence:
            due_s = -self._find_due_s() if lead_s > 0 else self._find_due_s()
            if due_s > max(0.0, abs(lead_s) - _OVERLAP_S):
                self._follow_pictures()
            elif not is_last_chance:
                return False
            elif abs(lead_s) > _OVERLAP_S:
                self._zero_s += lead_s - self._length_s
        self._is_joining = True
        return True

    def _find_due_s(self) -> float:
        """Return how far the pictures have moved back that the sound did not follow yet."""
        return self._followed_s - self._pictures.moved_s

    def _follow_pictures(self) -> None:
        self._followed_s = self._pictures.moved_s
        self._zero_s = self._first_zero_s + self._followed_s
        self._has_overlapped = False

    def _measure_lead(self, packet: Packet[AudioStream]) -> float:
        """Return the seconds from the last packet that was placed to one that is not."""
        return _to_seconds(packet) - self._zero_s - self._last_s

    def _place(self, packet: Packet[AudioStream]) -> Packet[AudioStream]:
        assert packet.pts is not None
        self._last_s = _to_seconds(packet) - self._zero_s
        self._length_s = float((packet.duration or 0) * packet.time_base)
        self._is_joining = False
        packet.pts = packet.dts = packet.pts - round(self._zero_s / packet.time_base)
        return packet


def _is_near(lead_s: float) -> bool:
    return -_PADDING_S <= lead_s <= _LEAP_S


def _to_seconds(packet: Packet[AudioStream]) -> float:
    assert packet.pts is not None
    return float(packet.pts * packet.time_base)
