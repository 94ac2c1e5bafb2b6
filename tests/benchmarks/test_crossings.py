"""The benchmark of real faces that cross: its truth is true, its count counts, and what it lacks is named."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.geometry import Box, iou
from mien.core.results import Detection
from mien.inference.faces.detector import Detector

pytest.importorskip("scipy", reason="tracking needs the video extra")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def crossings(monkeypatch):
    """Return the module."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("crossings")


@pytest.fixture
def encounters(crossings):
    """Return the module that films."""
    return importlib.import_module("encounters")


def run_benchmark(*arguments):
    """Run it as a person does."""
    command = [sys.executable, BENCHMARKS / "crossings.py", *arguments]
    environment = os.environ | {"COLUMNS": "200"}
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, env=environment)


def report(x, y=100.0, size=50.0):
    return Detection(Box(x, y, size, size), 0.9, np.zeros((5, 2), np.float32))


@pytest.mark.parametrize(
    ("xs", "truths"),
    [
        ([100, 300], (0, 1)),
        ([301, 99], (1, 0)),
        ([105, 100, 300], (None, 0, 1)),  # the better of two
        ([100, 105, 300], (0, None, 1)),
        ([125, 600], (None, None)),  # overlaps too little, and not at all
    ],
)
def test_each_box_is_told_who_it_is(encounters, xs, truths):
    faces = {0: Box(100, 100, 50, 50), 1: Box(300, 100, 50, 50)}
    assert encounters.tell([report(x) for x in xs], faces) == truths
    assert encounters.tell([report(x) for x in xs], {}) == (None,) * len(xs)


@pytest.mark.parametrize(("x", "seen"), [(200, {0, 1}), (131, {0, 1}), (129, {0}), (100, {0}), (71, {0}), (69, {0, 1})])
def test_who_is_covered_can_not_be_seen(encounters, x, seen):
    assert set(encounters.list_seen([Box(100, 100, 50, 50), Box(x, 100, 50, 50)])) == seen


@pytest.mark.parametrize("kind", ["crossing", "crossing, camera shake"])
def test_faces_change_sides_within_the_picture(encounters, kind):
    course = encounters.KINDS[kind](np.random.default_rng(0), [80, 150], 3.0)
    (first, _), (second, _) = course.corners(0.0)
    (first_end, _), (second_end, _) = course.corners(1.0)
    assert first + 80 < second
    assert second_end + 150 < first_end
    is_calm = course.corners(0.5) == course.corners(0.5)
    assert is_calm == (kind == "crossing")


def test_the_gap_is_under_a_second(encounters):
    for seed in range(20):
        course = encounters.miss_both(np.random.default_rng(seed), [80, 150], 2.0)
        empty = [share for share in np.arange(200) / 200 if course.is_empty(share)]
        assert 0.19 <= 2.0 * len(empty) / 200 <= 0.91
        assert empty[-1] < 0.99


def test_real_faces_are_filmed_and_found(encounters, fer2013):
    detector = Detector.load(threads=1)
    (clip,) = encounters.make_clips("crossing", 10.0, 1, 2, fer2013, detector)
    (again,) = encounters.make_clips("crossing", 10.0, 1, 2, fer2013, detector)
    assert [look.truths for look in clip.scene] == [look.truths for look in again.scene]
    assert {look.time_s for look in clip.scene} == {number / 10 for number in range(len(clip.scene))}
    told = sum(who is not None for look in clip.scene for who in look.truths)
    assert clip.shown - clip.missed == told
    assert clip.missed < 0.3 * clip.shown
    assert len(clip.scene) < clip.shown < 2 * len(clip.scene)  # the one behind is hidden for a while
    places = {who: [] for who in range(2)}
    for look in clip.scene:
        for face, who in zip(look.found, look.truths, strict=True):
            if who is not None:
                places[who].append(face.box.x)
    assert places[0][0] < 200 < places[0][-1]  # from left to right
    assert places[1][-1] < 200 < places[1][0]


def test_switches_last_where_both_faces_are_found_and_apart(crossings):
    together, apart = (crossings.Look(0.0, (report(100), report(x)), (0, 1)) for x in (140, 160))
    alone = crossings.Look(0.0, (report(100), report(160)), (0, None))
    kept = crossings.keep_apart((together, apart, alone))
    assert [look.truths for look in kept] == [(None, None), (0, 1), (None, None)]


class Scripted:
    """Gives the numbers that it was told to."""

    def __init__(self, *numbers):
        self._numbers = iter(numbers)

    def update(self, found, time_s):
        return next(self._numbers)


def test_a_person_keeps_the_box_with_their_number(crossings, encounters):
    """On the second frame one box is around both, and nearer to the other one."""
    boxes = {0: Box(100, 100, 50, 50), 1: Box(125, 100, 50, 50)}
    found = (report(100), report(125)), (report(115),), (report(100), report(125))
    scene = tuple(encounters.Look(number / 10, faces, (None,) * len(faces)) for number, faces in enumerate(found))
    clip = encounters.Clip(scene, (boxes,) * 3, ())
    kept = crossings.follow(clip, Scripted([1, 2], [1], [1, 2]))
    assert kept == {0: [1, 1, 1], 1: [2, 2]}
    assert crossings.follow(clip, Scripted([1, 2], [3], [1, 2])) == {0: [1, 1], 1: [2, 3, 2]}
    assert crossings.follow(clip, Scripted([1, 2], [1], [2, 1])) == {0: [1, 1, 2], 1: [2, 1]}


def test_each_clip_has_the_looks_of_its_faces(encounters, fer2013):
    (clip,) = encounters.make_clips("crossing", 10.0, 1, 2, fer2013, Detector.load(threads=1))
    assert [len(looks) for looks in clip.looks] == [len(look.found) for look in clip.scene]
    first, last = (dict(zip(clip.scene[at].truths, clip.looks[at], strict=True)) for at in (3, -3))
    assert all(first[who] @ last[who] > 0.6 > first[who] @ last[1 - who] for who in range(2))


def test_in_a_gap_nobody_is_missed(encounters, fer2013):
    (clip,) = encounters.make_clips("gap of both faces", 10.0, 1, 2, fer2013, Detector.load(threads=1))
    empty = 2 * len(clip.scene) - clip.shown
    assert empty >= 2 * 2  # 0.2 s at least
    assert clip.missed < 0.3 * clip.shown


def test_pictures_without_a_face_are_refused(encounters, synthetic):
    class Blind:
        """Finds a face where none was laid."""

        card = Detector.load(threads=1).card

        def detect(self, picture):
            assert picture.shape == (480, 640, 3)
            return [report(600)]

    assert iou(report(600).box, Box(213, 160, 150, 150)) == 0
    with pytest.raises(DataError, match=r"finds no face in 100 of .* Name a data set of photos"):
        encounters.draw_face(synthetic, Blind(), np.random.default_rng(0))


def test_the_table_has_each_kind_at_each_rate(fer2013):
    result = run_benchmark(fer2013.path, "--scenes", 1)
    assert result.returncode == 0, result.stderr
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    kinds = ("crossing", "crossing, camera shake", "gap of both faces")
    assert [row[:2] for row in rows] == [[kind, fps] for kind in kinds for fps in ("10", "25")]
    assert all(float(row[5].rstrip("%")) < 30 for row in rows)
    mine, plain = (sum(int(row[column].split()[0]) for row in rows) for column in (2, 4))
    assert mine < plain  # who is lost where faces hide one another, and where the camera shakes
    assert plain > 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["no-such-folder"], "no-such-folder"), (["no-such-folder", "--scenes", "0"], "one scene or more")],
)
def test_what_crossings_lacks_is_named(arguments, message):
    result = run_benchmark(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
