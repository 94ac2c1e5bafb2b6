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


def walk(tracker, find, *, until_s=1.0, fps=25):
    """Show a face that walks by two sizes a second: at `expect(time_s)`."""
    for time_s in np.arange(round(until_s * fps)) / fps:
        assert tracker.update([find(expect(time_s))], float(time_s)) == [1]


def expect(time_s):
    return 100 + 100 * time_s


def be_missed(tracker, *, from_s, until_s, fps=25):
    """Show frames without a face, from one time to before another."""
    for frame in range(round(from_s * fps), round(until_s * fps)):
        assert tracker.update([], frame / fps) == []


@pytest.mark.parametrize(
    ("hidden_s", "shift", "number"),
    [
        (0.5, 1 / 3, 1),
        (0.5, 1 / 2, 1),
        (0.0, 1 / 2, 2),  # who was there on the last frame isn't half seen all at once
        (0.5, 2.0, 2),
    ],
)
def test_who_comes_out_from_behind_another_is_half_seen_at_first(find, hidden_s, shift, number):
    tracker = Tracker()
    walk(tracker, find)
    be_missed(tracker, from_s=1.0, until_s=1.0 + hidden_s)
    back_s = 1.0 + hidden_s
    assert tracker.update([find(expect(back_s) + 50 * shift, score=0.66)], back_s) == [number]


@pytest.mark.parametrize(("score", "numbers"), [(0.62, [1, 2]), (0.9, [2, 1])])
def test_boxes_that_score_low_bend_a_path_less(find, score, numbers):
    """They lean back for 4 frames, as those of half-hidden faces do; clear ones mean that the person slows down."""
    tracker = Tracker()
    walk(tracker, find)
    for frame in range(25, 29):
        lean = 3 * (frame - 24)
        assert tracker.update([find(expect(frame / 25) - lean, score=score)], frame / 25) == [1]
    be_missed(tracker, from_s=1.16, until_s=1.56)
    assert tracker.update([find(expect(1.56)), find(expect(1.56) - 80)], 1.56) == numbers


@pytest.mark.parametrize(("hidden_s", "number"), [(0.4, 1), (0.0, 2)])
def test_who_is_back_only_just_is_half_seen_still(find, hidden_s, number):
    """The second box is larger by a quarter, and unsure."""
    tracker = Tracker()
    walk(tracker, find)
    be_missed(tracker, from_s=1.0, until_s=1.0 + hidden_s)
    back_s = 1.0 + hidden_s
    assert tracker.update([find(expect(back_s), score=0.66)], back_s) == [1]
    assert tracker.update([find(expect(back_s + 0.04), size=64, score=0.66)], back_s + 0.04) == [number]


@pytest.mark.parametrize("back_s", [1.44, 1.6, 1.8])
@pytest.mark.parametrize("aside", [-30, 30])
def test_a_false_box_borrows_a_missing_persons_number_for_a_frame(find, aside, back_s):
    tracker = Tracker()
    walk(tracker, find)
    be_missed(tracker, from_s=1.0, until_s=1.4)
    assert tracker.update([find(expect(1.4) + aside, score=0.65)], 1.4) == [1]
    be_missed(tracker, from_s=1.44, until_s=back_s)
    assert tracker.update([find(expect(back_s))], back_s) == [1]


@pytest.mark.parametrize("aside", [-60, -50, 50, 60])
def test_a_person_is_back_at_once_though_a_false_box_had_the_number_just_before(find, aside):
    tracker = Tracker()
    walk(tracker, find)
    be_missed(tracker, from_s=1.0, until_s=1.4)
    assert tracker.update([find(expect(1.4) + aside, score=0.66)], 1.4) == [1]
    assert tracker.update([find(expect(1.44))], 1.44) == [1]
    assert tracker.update([find(expect(1.48)), find(expect(1.48) + 3 * aside)], 1.48) == [1, 2]


@pytest.mark.parametrize(("frames", "numbers"), [(1, [1, 2]), (3, [1, 2]), (5, [2, 1]), (8, [2, 1])])
def test_a_return_is_believed_when_it_lasts(find, frames, numbers):
    """It stands behind where the person walked; until it has lasted, the old motion goes on."""
    tracker = Tracker()
    walk(tracker, find)
    be_missed(tracker, from_s=1.0, until_s=1.4)
    place = expect(1.4) - 30
    for frame in range(frames):
        assert tracker.update([find(place)], 1.4 + frame / 25) == [1]
    be_missed(tracker, from_s=1.4 + frames / 25, until_s=1.8)
    assert tracker.update([find(expect(1.8)), find(place)], 1.8) == numbers


def test_settle_s_is_how_long_a_return_must_last(find):
    for settle_s, numbers in ((0.15, [1, 2]), (0.0, [2, 1])):
        tracker = Tracker(TrackerSettings(settle_s=settle_s))
        walk(tracker, find)
        be_missed(tracker, from_s=1.0, until_s=1.4)
        tracker.update([find(expect(1.4) - 30)], 1.4)
        be_missed(tracker, from_s=1.44, until_s=1.8)
        assert tracker.update([find(expect(1.8)), find(expect(1.4) - 30)], 1.8) == numbers


@pytest.mark.parametrize(("stay_s", "score", "number"), [(0.7, 0.65, 1), (0.5, 0.65, 2), (0.5, 0.9, 1)])
def test_who_is_never_sure_but_stays_survives_a_gap(find, stay_s, score, number):
    tracker = Tracker()
    last_s = float(np.arange(round(stay_s * 25))[-1] / 25)
    stand(tracker, [find(100, score=score)], seconds=stay_s)
    be_missed(tracker, from_s=last_s + 0.04, until_s=last_s + 0.8)
    assert tracker.update([find(102, score=score)], last_s + 0.8) == [number]


def test_settle_unsure_s_is_how_long_who_is_never_sure_must_stay(find):
    for settle_unsure_s, number in ((0.3, 1), (0.6, 2)):
        tracker = Tracker(TrackerSettings(settle_unsure_s=settle_unsure_s))
        stand(tracker, [find(100, score=0.65)], seconds=0.4)
        be_missed(tracker, from_s=0.4, until_s=1.2)
        assert tracker.update([find(100, score=0.65)], 1.2) == [number]


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
