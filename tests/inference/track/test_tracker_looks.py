"""The tracker with looks: who meets and turns back keeps the number, and a face that changes does, too."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="tracking needs the video extra")

from mien.core.errors import InputError
from mien.inference.track.looks import DOTS, sketch
from mien.inference.track.tracker import Tracker, TrackerSettings

FPS = 25


def draw(seed):
    blots = np.random.default_rng(seed).integers(0, 255, (6, 6), dtype=np.uint8)
    return np.kron(blots, np.ones((8, 8), np.uint8))


ANNA, BEN = sketch(draw(0)), sketch(draw(1))
NOTHING = np.zeros(DOTS, np.float32)


def meet(find, tracker, looks, *, turns_back):
    """Let two faces walk toward each other, be one box for 0.5 s, and walk apart; return their numbers at the end.

    Who comes from the left is told first. The box in between leans to neither.
    """
    numbers = []
    for frame in range(60):
        away = 3.0 * abs(frame - 30)
        side = 1 if frame > 30 and not turns_back else -1
        if away < 18:
            mixed = [(looks[0] + looks[1]) / 2] if looks else None
            tracker.update([find(300.0, score=0.65)], frame / FPS, mixed)
            continue
        found = [find(300.0 + side * away), find(300.0 - side * away)]
        numbers.append(tracker.update(found, frame / FPS, looks))
    return numbers[0], numbers[-1]


@pytest.mark.parametrize("turns_back", [False, True])
def test_two_who_meet_are_told_apart_by_their_looks(find, turns_back):
    first, last = meet(find, Tracker(), [ANNA, BEN], turns_back=turns_back)
    assert first == last == [1, 2]


@pytest.mark.parametrize("looks", [None, [NOTHING, NOTHING], [ANNA, ANNA]], ids=["none", "flat", "twins"])
def test_without_a_difference_motion_decides_and_who_turns_back_is_taken_for_who_walks_on(find, looks):
    assert meet(find, Tracker(), looks, turns_back=False)[1] == [1, 2]
    assert meet(find, Tracker(), looks, turns_back=True)[1] == [2, 1]


def test_looks_without_weight_count_for_nothing(find):
    motion_alone = Tracker(TrackerSettings(look_weight=0))
    assert meet(find, motion_alone, [ANNA, BEN], turns_back=True)[1] == [2, 1]


def test_a_face_that_changes_keeps_its_number(find):
    tracker = Tracker()
    for frame in range(80):
        look = BEN if 30 <= frame < 50 else ANNA
        assert tracker.update([find(100.0 + frame), find(400.0)], frame / FPS, [look, BEN]) == [1, 2]


def test_who_was_seen_too_briefly_to_be_settled_is_known_again_by_the_look_alone(find):
    for look, number in ((ANNA, 1), (BEN, 2), (NOTHING, 2), (None, 2)):
        tracker = Tracker()
        looks = None if look is None else [ANNA]
        for frame in range(3):
            assert tracker.update([find(100.0)], frame / FPS, looks) == [1]
        for frame in range(3, 28):
            tracker.update([], frame / FPS, [])
        assert tracker.update([find(100.0)], 28 / FPS, None if look is None else [look]) == [number]


def test_looks_are_forgotten_with_the_person(find):
    tracker = Tracker(TrackerSettings(remember_s=1.0))
    tracker.update([find(100.0)], 0.0, [ANNA])
    assert tracker.active == {1}
    tracker.update([], 1.1)
    assert tracker.active == frozenset()
    assert tracker.update([find(100.0)], 1.2, [ANNA]) == [2]


def test_a_look_that_fits_is_as_good_as_a_sure_score(find):
    """A half-hidden face leans by more than is allowed to an unsure one."""
    for look, number in ((ANNA, 1), (BEN, 2)):
        tracker = Tracker()
        for frame in range(10):
            tracker.update([find(100.0)], frame / FPS, [ANNA])
        assert tracker.update([find(128.0, score=0.62)], 10 / FPS, [look]) == [number]


def test_one_box_around_two_goes_to_whose_look_it_has_however_much_larger_it_is(find):
    """What it looks like isn't clear, but it looks like nobody else."""
    blurred = 0.56 * ANNA + 0.1 * BEN
    tracker = Tracker()
    for frame in range(20):
        assert tracker.update([find(200.0), find(240.0 + 4 * (19 - frame), size=58.0)], frame / FPS, [ANNA, BEN]) == [
            1,
            2,
        ]
    assert 0.5 < blurred @ ANNA < TrackerSettings().look_trust
    assert tracker.update([find(222.0, size=63.0, score=0.66)], 20 / FPS, [blurred]) == [1]


def test_one_box_around_two_may_be_larger_than_either_and_goes_to_whose_look_is_nearer(find):
    """Looks tell little here; far from anybody else so large a box, hardly sure, would be somebody new."""
    blurred = 0.3 * ANNA + 0.05 * BEN
    for other, number in ((250.0, 1), (450.0, 3)):
        tracker = Tracker()
        for frame in range(20):
            tracker.update([find(200.0), find(other + 4 * (19 - frame), size=62.0)], frame / FPS, [ANNA, BEN])
        assert tracker.update([find(215.0, size=66.0, score=0.66)], 20 / FPS, [blurred]) == [number]


@pytest.mark.parametrize(("look", "number"), [(ANNA, 1), (NOTHING, 2)])
def test_who_is_back_for_single_frames_is_there_if_the_look_says_so(find, look, number):
    """Whose face can't be told is believed only when it stays, and so is forgotten after two seconds."""
    tracker = Tracker()
    for frame in range(100):
        is_seen = frame < 12 or frame % 8 == 0
        numbers = tracker.update([find(100.0)] if is_seen else [], frame / FPS, [look] if is_seen else [])
    assert not numbers
    assert tracker.update([find(100.0)], 100 / FPS, [look]) == [number]


def test_looks_that_are_not_one_a_face_are_refused(find):
    with pytest.raises(InputError, match="one look"):
        Tracker().update([find(100.0)], 0.0, [])


def test_frames_without_looks_may_come_between(find):
    tracker = Tracker()
    for frame in range(20):
        assert tracker.update([find(100.0), find(400.0)], frame / FPS, None if frame % 2 else [ANNA, BEN]) == [1, 2]
