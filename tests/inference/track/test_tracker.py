"""Persons' numbers: how they are given, kept, and forgotten."""

import numpy as np
import pytest

from mien.core.errors import InputError
from mien.core.geometry import Box
from mien.core.results import Face, Quality
from mien.inference.track.tracker import Tracker, TrackerSettings


def stand(tracker, faces, *, from_s=0.0, seconds=0.5, fps=25):
    """Show the same faces for a while; return their numbers on the last frame."""
    for time_s in from_s + np.arange(round(seconds * fps)) / fps:
        numbers = tracker.update(faces, float(time_s))
    return numbers


def test_numbers_begin_at_1_and_follow_the_order_of_what_is_found(find):
    tracker = Tracker()
    assert tracker.update([], 0.0) == []
    assert tracker.update([find(500), find(100)], 0.04) == [1, 2]
    assert tracker.update([find(100), find(300), find(500)], 0.08) == [2, 3, 1]
    assert tracker.active == {1, 2, 3}


def test_a_face_without_score_is_followed(find):
    face = Face(Box(10, 10, 50, 50), None, None, {"happy": 1.0}, Quality(50))
    tracker = Tracker()
    assert [tracker.update([face], time_s) for time_s in (0.0, 0.1, 0.2, 1.1)] == [[1]] * 4


def test_who_is_gone_is_forgotten_and_the_number_is_never_given_again(find):
    tracker = Tracker()
    stand(tracker, [find(100)])
    assert tracker.update([], 2.3) == []
    assert tracker.active == {1}
    assert tracker.update([find(100)], 4.9) == [2]
    assert tracker.active == {2}


def test_remember_s_is_how_long_a_gap_may_be(find):
    for remember_s, number in ((0.5, 2), (3.0, 1)):
        tracker = Tracker(TrackerSettings(remember_s=remember_s))
        stand(tracker, [find(100)])
        assert tracker.update([find(102)], 1.5) == [number]


def test_reach_is_how_far_a_face_may_leap(find):
    for reach, number in ((0.8, 2), (1.5, 1)):
        tracker = Tracker(TrackerSettings(reach=reach))
        stand(tracker, [find(100)])
        assert tracker.update([find(160)], 0.5) == [number]  # 1.2 sizes off


def test_a_face_of_another_size_is_another_person(find):
    tracker = Tracker()
    stand(tracker, [find(100, size=50)])
    assert tracker.update([find(100, size=120)], 0.5) == [2]


def test_one_frame_a_second_keeps_numbers(find):
    tracker = Tracker()
    for second in range(6):
        assert tracker.update([find(100 + 10 * second), find(300)], float(second)) == [1, 2]


def test_times_may_be_uneven_and_far_apart(find):
    tracker, time_s = Tracker(), 0.0
    for step_s in (0.0, 0.01, 0.2, 0.01, 0.0, 0.7, 0.03, 1.5):
        time_s += step_s
        assert tracker.update([find(100 + 60 * time_s), find(400 - 60 * time_s)], time_s) == [1, 2]
    assert tracker.update([find(100)], time_s + 1e6) == [3]


def test_a_false_box_is_forgotten_sooner_than_a_person(find):
    tracker = Tracker()
    stand(tracker, [find(100)])
    tracker.update([find(100), find(400, score=0.65)], 0.5)
    assert tracker.active == {1, 2}
    tracker.update([], 0.6)
    tracker.update([], 1.1)
    assert tracker.active == {1}


def test_an_unsure_box_takes_nobodys_number_unless_it_is_just_there(find):
    for x, score, number in ((135, 0.9, 1), (135, 0.65, 2), (101, 0.65, 1)):
        tracker = Tracker()
        stand(tracker, [find(100)])
        assert tracker.update([find(x, score=score)], 0.48) == [number]


def test_a_settled_person_chooses_before_a_fleeting_box(find):
    tracker = Tracker()
    stand(tracker, [find(100)])
    tracker.update([], 0.5)
    tracker.update([find(125)], 0.7)  # is 1, half a size off
    assert tracker.active == {1}
    tracker.update([find(125), find(160, score=0.65)], 0.74)
    assert tracker.update([find(150)], 0.78) == [1]  # though 2 was nearer


@pytest.mark.parametrize(("score", "number"), [(0.9, 1), (0.65, 2)])
def test_only_who_was_once_seen_surely_is_remembered_long(find, score, number):
    tracker = Tracker()
    stand(tracker, [find(100, score=score)])
    assert tracker.update([], 1.0) == []
    assert tracker.update([find(100)], 1.4) == [number]


def test_after_a_cut_everyone_is_new(find):
    tracker = Tracker()
    stand(tracker, [find(100), find(300)])
    stand(tracker, [find(100), find(300), find(600)], from_s=0.5, seconds=0.1)
    assert tracker.update([find(450, size=90), find(800, size=90)], 0.62) == [4, 5]
    assert tracker.active == {4, 5}
    assert tracker.update([find(100), find(300)], 0.66) != [1, 2]


def test_a_camera_that_jerks_keeps_numbers(find):
    tracker = Tracker()
    faces = [find(100 + 70 * place) for place in range(4)]
    stand(tracker, faces)
    jerked = [find(100 + 70 * place + 30) for place in range(4)]
    assert tracker.update([*jerked[:2], jerked[3]], 0.5) == [1, 2, 4]
    assert tracker.update(jerked, 0.54) == [1, 2, 3, 4]  # who was not found was taken along


def test_memory_is_bounded(find):
    random, tracker = np.random.default_rng(0), Tracker()
    for frame in range(3000):
        tracker.update([find(x, y) for x, y in random.uniform(0, 5000, (3, 2))], frame / 25)
        assert len(tracker.active) <= 3 * 25 * 2.1
    tracker.update([], 200.0)
    assert tracker.active == frozenset()


def test_the_same_faces_give_the_same_numbers(tracking):
    scene = next(iter(tracking.make_scenes("group of eight", 1, 5)))
    first, second = ([tracker.update(look.found, look.time_s) for look in scene] for tracker in (Tracker(), Tracker()))
    assert first == second
    assert all(len(set(numbers)) == len(numbers) for numbers in first)


def test_the_order_of_what_is_found_does_not_matter(tracking):
    scene = next(iter(tracking.make_scenes("crossing", 1, 5)))
    ahead, back = Tracker(), Tracker()
    known = {}
    for look in scene:
        numbers, reverse = ahead.update(look.found, look.time_s), back.update(look.found[::-1], look.time_s)[::-1]
        for number, other in zip(numbers, reverse, strict=True):
            assert known.setdefault(number, other) == other


@pytest.mark.parametrize("time_s", [0.9, float("nan"), float("inf")])
def test_time_does_not_go_backward(find, time_s):
    tracker = Tracker()
    tracker.update([find(100)], 1.0)
    with pytest.raises(InputError, match=r"after 1\.0 s"):
        tracker.update([find(100)], time_s)
    assert tracker.update([find(100)], 1.04) == [1]


@pytest.mark.parametrize(
    "wrong", [{"remember_s": 0}, {"reach": -1}, {"stretch": 1.0}, {"wobble": float("nan")}, {"a": 1}]
)
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrackerSettings(**wrong)
