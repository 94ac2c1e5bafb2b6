"""A cut is known by the picture, and whoever comes behind it has a number of their own."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="tracking needs the video extra")

from mien.inference.track.looks import sketch
from mien.inference.track.scenes import COLUMNS, ROWS, Scenes, survey
from mien.inference.track.tracker import Tracker

FPS = 25


def draw_scene(seed, height=180, width=320):
    """Return a frame of large soft blots in color."""
    blots = np.random.default_rng(seed).integers(20, 200, (9, 8, 3), dtype=np.uint8)
    return np.kron(blots, np.ones((height // 9, width // 8, 1), np.uint8))


def draw_face(seed):
    return np.kron(np.random.default_rng(seed).integers(0, 255, (6, 6), dtype=np.uint8), np.ones((8, 8), np.uint8))


ANNA, BEN = sketch(draw_face(0)), sketch(draw_face(1))
BLACK = np.zeros((180, 320, 3), np.uint8)


def cuts_of(*frames):
    scenes = Scenes()
    return [scenes.is_cut(survey(frame)) for frame in frames]


def test_another_picture_is_a_cut_and_the_next_one_is_none():
    assert cuts_of(draw_scene(0), draw_scene(0), draw_scene(1), draw_scene(1), draw_scene(0)) == [
        False, False, True, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame // 3,
        lambda frame: frame + 50,
        lambda frame: frame[::2, ::2],
        lambda frame: np.roll(frame, 16, axis=1),
        lambda frame: np.ascontiguousarray(frame[9:-9, 16:-16]),
        lambda frame: np.where(np.arange(320)[None, :, None] < 140, np.uint8(255), frame),
    ],
    ids=["darker", "brighter", "smaller", "moved by a twentieth", "nearer by a tenth", "nearly half hidden"],
)
def test_what_happens_within_a_scene_is_no_cut(change):
    assert cuts_of(draw_scene(0), change(draw_scene(0)), draw_scene(0)) == [False] * 3


def test_a_frame_without_anything_to_see_is_passed_over():
    assert cuts_of(BLACK, draw_scene(0), BLACK, BLACK, draw_scene(0), BLACK, draw_scene(1)) == [False] * 6 + [True]


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 2000), (1080, 1920)])
def test_a_survey_has_as_many_gray_levels_whatever_the_size(shape):
    frame = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    seen = survey(frame)
    assert (seen.shape, seen.dtype) == ((ROWS * COLUMNS,), np.float32)
    assert seen.mean() == pytest.approx(frame.mean(), abs=25 if min(shape) > 8 else 90)
    assert survey(np.full((*shape, 3), 77, np.uint8)).tolist() == [77.0] * (ROWS * COLUMNS)


def follow(find, steps):
    """Return the numbers of one face that stays where it is; a step is its look and whether the video cut before it."""
    tracker = Tracker()
    return [
        tracker.update([find(100.0)], frame / FPS, None if look is None else [look], is_cut=is_cut)[0]
        for frame, (look, is_cut) in enumerate(steps)
    ]


def test_somebody_else_in_the_same_place_behind_a_cut_is_another_person(find):
    steps = [(ANNA, False)] * 10 + [(BEN, True)] + [(BEN, False)] * 9
    assert follow(find, steps) == [1] * 10 + [2] * 10
    without = [(look, False) for look, _ in steps]
    assert follow(find, without)[10] == 1, "the control: a face may change"


def test_who_is_there_before_and_behind_a_cut_keeps_the_number(find):
    assert follow(find, [(ANNA, False)] * 10 + [(ANNA, True)] + [(ANNA, False)] * 9) == [1] * 20


def test_two_who_are_shown_by_turns_keep_their_numbers(find):
    shots = [ANNA, BEN, ANNA, BEN]
    steps = [(look, number > 0 and frame == 0) for number, look in enumerate(shots) for frame in range(12)]
    assert follow(find, steps) == [1] * 12 + [2] * 12 + [1] * 12 + [2] * 12


def test_without_looks_everybody_behind_a_cut_is_new(find):
    assert follow(find, [(None, False)] * 10 + [(None, True)] + [(None, False)] * 9) == [1] * 10 + [2] * 10


def test_nobody_from_before_a_cut_is_found_by_motion_later(find):
    tracker = Tracker()
    for frame in range(10):
        tracker.update([find(100.0)], frame / FPS, [ANNA])
    tracker.update([], 10 / FPS, [], is_cut=True)
    assert tracker.update([find(100.0)], 11 / FPS, [BEN]) == [2]
    assert tracker.update([find(100.0)], 12 / FPS, [BEN]) == [2]


def test_a_whole_group_is_new_behind_a_cut(find):
    tracker = Tracker()
    faces = [find(100.0 + 80 * number) for number in range(4)]
    before, behind = ([sketch(draw_face(10 * shot + number)) for number in range(4)] for shot in (1, 2))
    for frame in range(10):
        tracker.update(faces, frame / FPS, before)
    assert tracker.update(faces, 10 / FPS, behind, is_cut=True) == [5, 6, 7, 8]
    assert tracker.update(faces, 11 / FPS, behind) == [5, 6, 7, 8]
