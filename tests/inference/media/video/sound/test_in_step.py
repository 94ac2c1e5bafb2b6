"""The stamps of sound, put on the clock of pictures that may begin anew."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import inf
from types import SimpleNamespace

import pytest

from mien.inference.media.video.sound.in_step import Step

TICK = Fraction(1, 1000)


def packet(kind: str, stamp_s: float | None) -> SimpleNamespace:
    stamp = None if stamp_s is None else round(stamp_s / TICK)
    return SimpleNamespace(stream=SimpleNamespace(type=kind), pts=stamp, dts=stamp, time_base=TICK, duration=20)


def record(begin_s: float, pictures_s: float, sound_s: float, *, sound_late_s: float = 0.0) -> list[SimpleNamespace]:
    """Return the packets of a recording as they lie in a file: a picture each 40 ms, sound each 20 ms."""
    pictures = [(number * 0.04, "video") for number in range(round(pictures_s / 0.04))]
    sound = [(sound_late_s + number * 0.02, "audio") for number in range(round(sound_s / 0.02))]
    return [packet(kind, begin_s + time_s) for time_s, kind in sorted(pictures + sound)]


def follow(packets: list[SimpleNamespace], zero_s: float = 0.0, longest_gap_s: float = inf) -> list[float]:
    def read() -> Iterator[SimpleNamespace]:
        yield from packets

    return [float(one.pts * TICK) for one in Step(zero_s, 25.0, longest_gap_s).follow(read())]


def count(begin_s: float, end_s: float) -> list[float]:
    return [begin_s + number * 0.02 for number in range(round((end_s - begin_s) / 0.02))]


def test_one_recording_keeps_its_stamps():
    assert follow(record(7.0, 2, 2), zero_s=7.0) == pytest.approx(count(0, 2))


@pytest.mark.parametrize("begin_s", [0.0, -20.0, 1.0, 1.9])
def test_sound_moves_as_far_as_the_pictures(begin_s):
    times = follow(record(0, 2, 2) + record(begin_s, 2, 2))
    assert times[:100] == pytest.approx(count(0, 2))
    assert times[-90:] == pytest.approx(count(2.2, 4))
    assert 197 <= len(times) <= 200  # where little overlaps, some of it is over before the pictures tell


def test_what_recordings_have_more_of_does_not_add_up():
    packets = [one for _ in range(20) for one in record(0, 2, 2.3)]
    times = follow(packets)
    assert times[-65:] == pytest.approx(count(39, 40.3))
    assert times == sorted(times)
    packets = [one for _ in range(20) for one in record(0, 2, 1.5, sound_late_s=0.1)]
    assert follow(packets)[-75:] == pytest.approx(count(38.1, 39.6))


def test_stamps_that_overlap_are_left_out():
    assert follow(record(0, 2, 2.06) + record(2, 2, 2)) == pytest.approx(count(0, 4))


def test_sound_that_begins_anew_alone_goes_on():
    sound = [packet("audio", number * 0.02) for number in range(500)]
    assert follow(sound + sound) == pytest.approx(count(0, 20))


def test_pictures_may_begin_anew_later_than_the_sound():
    first, second = record(0, 2, 2), record(0, 2, 2)
    early = [one for one in second if one.stream.type == "audio"][:20]
    packets = first + early + [one for one in second if all(one is not other for other in early)]
    assert follow(packets) == pytest.approx(count(0, 4))


@pytest.mark.parametrize("stamp_s", [0.0, 5000.0, None])
def test_a_single_stamp_that_leads_astray(stamp_s):
    packets = record(0, 3, 3)
    at = max(number for number, one in enumerate(packets) if one.stream.type == "audio" and one.pts == 2000)
    packets[at] = packet("audio", stamp_s)
    assert follow(packets) == pytest.approx([time_s for time_s in count(0, 3) if abs(time_s - 2) > 1e-6])


@pytest.mark.parametrize("lead_s", [5.0, 5000.0])
def test_a_first_stamp_that_leads_astray(lead_s):
    packets = [packet("audio", lead_s), *record(0, 2, 2)]
    assert follow(packets) == pytest.approx(count(0, 2))


def test_a_last_stamp_that_leads_astray():
    assert follow([*record(0, 2, 2), packet("audio", 5000.0)]) == pytest.approx(count(0, 2))


def test_a_single_packet_is_kept():
    assert follow([packet("audio", 0.5)]) == [0.5]


def test_a_long_silence_is_kept():
    packets = record(0, 2, 2) + record(60, 2, 2)
    assert follow(packets) == pytest.approx(count(0, 2) + count(60, 62))


@pytest.mark.parametrize("begin_s", [5000.0, -3000.0])
def test_stamps_that_lead_ahead_by_more_than_any_gap_begin_anew(begin_s):
    packets = record(0, 2, 2.3) + record(begin_s, 2, 2) + record(0, 2, 2)
    times = follow(packets, longest_gap_s=1000.0)
    assert times[-200:] == pytest.approx(count(2, 6), abs=0.31)
    assert times[-100:] == pytest.approx(count(4, 6))
    sound = [packet("audio", number * 0.02 + (5000 if number >= 300 else 0)) for number in range(600)]
    assert follow(sound, longest_gap_s=1000.0) == pytest.approx(count(0, 12))


def test_packets_that_are_far_apart_are_kept():
    assert follow([packet("audio", 12.0 * number) for number in range(20)])[:19] == [12.0 * n for n in range(19)]


def test_a_move_that_the_sound_did_not_follow_does_not_hide_the_next():
    pictures = [packet("video", 0.04 * number) for number in range(50)]
    pictures += [packet("video", 1.86 + 0.04 * number) for number in range(50)]  # 0.1 s back, the pictures alone
    sound = [packet("audio", 0.02 * number) for number in range(200)]
    first = [one for four in zip(pictures, sound[::2], sound[1::2], strict=True) for one in four]
    times = follow(first + record(0, 4, 4))
    assert len(times) == 400
    assert times[200:] == pytest.approx(count(4, 8), abs=0.05)


def test_not_more_is_held_than_some_seconds():
    read = 0

    def go_on() -> Iterator[SimpleNamespace]:
        nonlocal read
        for number in range(1500):
            read += 1
            yield packet("audio", 0.02 * (number % 500))

    for _, _ in zip(range(501), Step(0.0, 25.0).follow(go_on()), strict=False):
        pass
    assert 501 <= read <= 800
