"""Where decoding can begin, and which number the frame there has."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from mien.inference.media.video.container import find_video, open_container
from mien.inference.media.video.seeking import _scan, find_entry

GROUP = [0, 3, 1, 2, 6, 4, 5]
"""The order in which frames are decoded; each one is decoded 2 earlier than it is shown, or more."""


def make_packets(groups: int) -> Iterator[SimpleNamespace]:
    for number in range(groups):
        for place, shown in enumerate(GROUP):
            at = number * len(GROUP)
            yield SimpleNamespace(
                pts=at + shown, dts=at + place - 2, size=1, is_keyframe=not place, is_corrupt=False, is_discard=False
            )


def scan(packets: Iterator[SimpleNamespace], target: int) -> Any:
    container: Any = SimpleNamespace(demux=lambda _: packets)
    return _scan(container, container, 0, target)


def test_takes_no_more_memory_for_a_later_start():
    tracemalloc.start()
    try:
        entry = scan(make_packets(20_000), 10**9)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert entry == (139_993, 139_993)
    assert peak < 100_000


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (9, {"pts": 3}),  # was there
        (9, {"dts": 2}),  # backward
        (9, {"pts": 5}),  # shown before it is decoded
        (9, {"is_corrupt": True}),
        (9, {"dts": None}),
    ],
)
def test_stamps_that_make_no_order(place, change):
    packets = list(make_packets(9))
    assert scan(iter(packets), 40) == (35, 35)
    packets[place].__dict__.update(change)
    assert scan(iter(packets), 40) is None


@pytest.mark.parametrize("name", ["clip.mp4", "clip.ts"])
@pytest.mark.parametrize("options", [{"bf": "0"}, {"bf": "3"}, {"x264-params": "open-gop=1:bframes=4:b-adapt=0"}])
def test_numbers_are_those_that_decoding_counts(write_video, name, options):
    path = write_video(name, frames=80, group=12, options=options)
    with open_container(path) as container:
        stamps = [frame.pts for frame in container.decode(find_video(container, path))]
    with open_container(path) as container:
        first = next(container.decode(find_video(container, path)))
        time_base = Fraction(first.time_base)
    entries = [find_entry(path, first, start_s) for start_s in (0.1, 0.7, 1.5, 2.9)]
    assert entries[0] is None
    for entry, start_s in zip(entries[1:], (0.7, 1.5, 2.9), strict=True):
        assert entry is not None
        assert stamps.index(entry.stamp) == entry.number
        assert 0 <= start_s - float((entry.stamp - stamps[0]) * time_base) < 1.0
