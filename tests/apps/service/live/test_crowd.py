"""Live group mode: the last whole stretch, told only where enough people were seen, in memory that doesn't grow."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

pytest.importorskip("fastapi", reason="the service needs the serve extra")

from mien.apps.service.live.crowd import BIN_S, Crowd
from mien.core.geometry import Box
from mien.core.moments import Moment, Sighting
from mien.core.results import Face, Quality

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def make_moment(number: int, persons: int, *, label: str = "happy", first: int = 1, fps: float = 10.0) -> Moment:
    probabilities = {one: 1.0 if one == label else 0.0 for one in LABELS}
    face = Face(Box(0, 0, 40, 40), 0.9, None, probabilities, Quality(40.0))
    sightings = tuple(Sighting(first + n, face, probabilities, label) for n in range(persons))
    return Moment(number, number / fps, 640, 480, sightings)


def test_nothing_is_told_before_the_first_stretch_is_over():
    crowd = Crowd()
    answers = [crowd.tell(make_moment(number, 6)) for number in range(round(BIN_S * 10))]
    assert all(answer["shares"] is None and answer["faces"] == 6 for answer in answers)
    after = crowd.tell(make_moment(round(BIN_S * 10), 6))
    assert after["shares"] == pytest.approx({label: float(label == "happy") for label in LABELS})
    assert (after["start_s"], after["end_s"], after["reason"]) == (0.0, BIN_S, None)
    assert after["faces_mean"] == pytest.approx(6)


def test_each_answer_tells_of_the_last_whole_stretch():
    crowd = Crowd()
    steps = round(BIN_S * 10)
    shown = [crowd.tell(make_moment(n, 6, label="happy" if n < steps else "sad")) for n in range(2 * steps + 1)]
    assert all(answer["shares"]["happy"] == 1.0 for answer in shown[steps : 2 * steps])
    assert shown[-1]["shares"]["sad"] == pytest.approx(1.0)
    assert shown[-1]["end_s"] == pytest.approx(2 * BIN_S)


def test_too_few_are_never_told_of():
    crowd = Crowd()
    answers = [crowd.tell(make_moment(number, 4)) for number in range(200)]
    for answer in answers:
        assert answer["faces"] is answer["shares"] is answer["valence"] is None
    assert answers[-1]["reason"] == "fewer than 5 people"


def test_a_gap_leaves_nothing_old():
    crowd = Crowd()
    for number in range(60):
        crowd.tell(make_moment(number, 6))
    assert crowd.tell(make_moment(600, 6))["shares"] is None


def test_memory_stays_the_same():
    crowd = Crowd()
    sizes = []
    tracemalloc.start()
    try:
        for number in range(3000):
            crowd.tell(make_moment(number, 6, first=1 + 6 * (number // 20)))  # others come all the time
            if number % 500 == 499:
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert max(sizes[1:]) < sizes[0] + 20_000, sizes
