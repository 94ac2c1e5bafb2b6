"""Group mode on the device tells what the server tells, bin by bin, of a clip, of the camera and of photos; in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mien.apps.service
from mien.core.coarse import VALENCES
from mien.core.geometry import Box
from mien.core.moments import Moment, Sighting
from mien.core.results import Face, Quality
from mien.inference.insights.collector import Insights
from mien.inference.insights.group import LEAST_BIN_S, LEAST_SEEN_S, GroupSettings
from mien.inference.insights.settings import InsightSettings

PAGE = Path(mien.apps.service.__file__).parent / "page"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="running the page's modules needs node, from 20 on")

LABELS = ("happy", "surprise", "sad", "fear", "disgust", "angry", "neutral")
Film = Sequence[tuple[float, Sequence[str]]]
"""Frames: when, and what each person on it shows."""

PRELUDE = """
import { readFileSync } from "node:fs";
const given = JSON.parse(readFileSync(0, "utf8"));
const load = (name) => import(process.argv[1] + "/" + name + ".js");
const tell = (answer) => console.log(JSON.stringify(answer));
"""
READ_CLIPS = """
const { Bins, CLIP_BIN_S } = await load("bins");
const { mergeBins } = await load("moments");
tell(given.map(({ frames, end_s, begin_s }) => {
  const bins = new Bins(CLIP_BIN_S, begin_s);
  const rows = [...frames.map((frame) => bins.add(frame)), bins.finish(end_s)];
  return { rows, total: mergeBins(rows.flat()) };
}));
"""
WATCH_CAMERA = """
const { Crowd } = await load("crowd");
const crowd = new Crowd();
tell(given.frames.map((frame) => crowd.tell(frame)));
"""


def run_node(script: str, given: Any = None) -> Any:
    """Run a module that may use PRELUDE's names, and return what it `tell`s."""
    command = [str(NODE), "--input-type=module", "--eval", PRELUDE + script, PAGE.as_uri()]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def as_moments(film: Film) -> list[Moment]:
    """Return frames as Python sees them."""
    moments = []
    for number, (time_s, shown) in enumerate(film):
        sightings = []
        for person, label in enumerate(shown, 1):
            probabilities = {one: float(one == label) for one in LABELS}
            face = Face(Box(0, 0, 40, 40), 0.9, None, probabilities, Quality(40.0))
            sightings.append(Sighting(person, face, probabilities, label))
        moments.append(Moment(number, time_s, 64, 64, tuple(sightings)))
    return moments


def as_frames(film: Film) -> list[dict[str, Any]]:
    """Return frames as the page sees them."""
    return [
        {
            "time_s": time_s,
            "faces": [
                {"person": person, "expression": label, "probabilities": {one: float(one == label) for one in LABELS}}
                for person, label in enumerate(shown, 1)
            ],
        }
        for time_s, shown in film
    ]


def make_film(
    length_s: float, count_people: Callable[[float], int], *, fps: float = 10.0, first_s: float = 0.0
) -> Film:
    """Return a film in which `count_people` tells how many are there at a time, all with changing expressions."""
    random = np.random.default_rng(5)
    times_s = [first_s + number / fps for number in range(round(length_s * fps))]
    return [(time_s, [LABELS[random.integers(7)] for _ in range(count_people(time_s))]) for time_s in times_s]


def near(told: dict[str, Any]) -> dict[str, Any]:
    """Return what Python tells, to be compared with what JavaScript does: words alike, numbers nearly."""
    numbers = (float, dict)
    return {name: pytest.approx(each, abs=1e-9) if isinstance(each, numbers) else each for name, each in told.items()}


FILMS = {
    "whole bins": (make_film(20, lambda _: 6), 20.0),
    "a short rest": (make_film(12, lambda _: 6), 12.0),
    "a rest that is told": (make_film(16.3, lambda _: 6), 16.3),
    "a rest of just half a bin": (make_film(15, lambda _: 6), 15.0),
    "a rest of too few": (make_film(17, lambda time_s: 6 if time_s < 10 else 4), 17.0),
    "all is a rest": (make_film(7, lambda _: 6), 7.0),
    "all is too short": (make_film(4, lambda _: 6), 4.0),
    "its middle lies between two digits": (make_film(2.25, lambda _: 6, fps=4), 2.25),
    "its middle lies between two others": (make_film(2.75, lambda _: 6, fps=4), 2.75),
    "one frame": (make_film(0.1, lambda _: 6), 0.0),
    "it begins late": (make_film(23, lambda _: 6, first_s=0.7), 23.7),
    "frames lie across borders": (make_film(33, lambda _: 6, fps=3.1), 102 / 3.1),
    "people come and go": (make_film(50, lambda time_s: [6, 4, 5, 8, 5, 6, 0, 6, 7, 3][int(time_s // 5)]), 50.0),
    "a gap": ([*make_film(14, lambda _: 6), *make_film(9, lambda _: 6, first_s=38.5)], 47.5),
    "nobody": (make_film(13, lambda _: 0), 13.0),
}


@pytest.fixture(scope="module")
def device() -> dict[str, Any]:
    """Return what the page tells of each film on the device: `rows` after each frame and at the end, and the total."""
    given = [{"frames": as_frames(film), "end_s": end_s} for film, end_s in FILMS.values()]
    return dict(zip(FILMS, run_node(READ_CLIPS, given), strict=True))


@pytest.mark.parametrize("name", FILMS)
def test_a_clip_is_told_of_as_by_the_server(device: dict[str, Any], name: str) -> None:
    film, end_s = FILMS[name]
    here = device[name]
    collected = Insights(group=GroupSettings())
    over = []
    for moment in as_moments(film):
        collected.add(moment)
        group = collected.summarize(moment.time_s).group
        assert group is not None
        over.append(len(group.bins))
    server = collected.summarize(end_s, is_over=True).group
    assert server is not None

    told = [row for rows in here["rows"] for row in rows]
    assert told == [near(one.to_dict()) for one in server.bins]
    counts = np.cumsum([len(rows) for rows in here["rows"][:-1]])
    assert counts.tolist() == over  # each as soon as it is over, and no sooner
    assert (here["total"] is None) == (server.total.shares is None)
    if server.total.shares is not None:
        assert here["total"]["shares"] == pytest.approx(dict(server.total.shares))
        assert here["total"]["valence"] == pytest.approx(server.total.valence)


def test_the_films_tell_apart_what_they_are_for() -> None:
    """Else the comparison above would hold of a device that tells of nothing, or always of the same."""
    reasons = set()
    for film, end_s in FILMS.values():
        collected = Insights(group=GroupSettings())
        for moment in as_moments(film):
            collected.add(moment)
        group = collected.summarize(end_s, is_over=True).group
        assert group is not None
        reasons |= {one.reason for one in group.bins}
    short = {f"too short: {rest_s} s of at least 5 s" for rest_s in (0.0, 2.0, 2.2, 2.8, 3.0, 4.0)}
    assert {None, "fewer than 5 people", *short} <= reasons


def test_the_first_bin_begins_where_the_clip_does_though_its_first_frame_is_missed() -> None:
    film = make_film(11.9, lambda _: 6, first_s=0.1)
    (here,) = run_node(READ_CLIPS, [{"frames": as_frames(film), "end_s": 12, "begin_s": 0}])
    first, rest = [row for rows in here["rows"] for row in rows]
    assert (first["start_s"], first["end_s"], first["told_s"]) == (0, 10, pytest.approx(9.9))
    assert (rest["start_s"], rest["end_s"]) == (10, pytest.approx(12))
    assert rest["reason"] == "too short: 2.0 s of at least 5 s"


def test_the_camera_is_told_of_as_by_the_server() -> None:
    """A frame tells of nobody; a bin of enough people, seen for long enough, does."""
    live = pytest.importorskip("mien.apps.service.live.crowd", reason="the service needs the serve extra")
    film = [*make_film(45, lambda time_s: [6, 4, 5, 7, 5, 3, 8, 5, 1][int(time_s // 5)])]
    for number, (_, shown) in enumerate(film):
        if 110 <= number < 143:  # one of five is gone for a while, and still seen for long enough
            del shown[4:]  # type: ignore[attr-defined]
        if number // 50 == 4 and number % 50 > 5:  # one of five is seen for a glimpse
            del shown[4:]  # type: ignore[attr-defined]
    film += make_film(13.3, lambda _: 6, fps=3.1, first_s=45)
    film += make_film(6, lambda _: 6, first_s=70)  # after a gap, nothing old is told
    server = live.Crowd()
    expected = [server.tell(moment) for moment in as_moments(film)]

    told = run_node(WATCH_CAMERA, {"frames": as_frames(film)})
    left_out = {"type", "frame", "time_s", "min_group"}
    assert told == [near({name: each for name, each in one.items() if name not in left_out}) for one in expected]
    untold = {one["start_s"] for one in told if one["shares"] is None and "start_s" in one}
    assert {5.0, 20.0, 25.0} <= untold
    assert {one["start_s"] for one in told if one["shares"] is not None} >= {0.0, 10.0, 15.0}


def test_photos_are_told_of_where_they_show_enough_faces() -> None:
    script = """
    const { sumUp } = await load("crowd");
    const face = { probabilities: { happy: 1 } };
    const odd = { probabilities: { happy: 0.5, smirk: 0.5 } };
    tell([...[4, 5].map((count) => sumUp([Array(count).fill(face), [face]])), sumUp([Array(5).fill(odd)])]);
    """
    assert run_node(script) == [
        {"faces": None, "shares": None, "reason": "no photo with 5 faces or more"},
        # the face on the other photo is in no group
        {"faces": 5, "shares": {"happy": 1}, "valence": pytest.approx(VALENCES["happy"]), "reason": None},
        {"faces": 5, "shares": pytest.approx({"happy": 0.5, "smirk": 0.5}), "valence": None, "reason": None},
    ]


def test_the_rules_numbers_are_the_servers() -> None:
    live = pytest.importorskip("mien.apps.service.live.crowd", reason="the service needs the serve extra")
    script = """
    const { BIN_S } = await load("crowd");
    tell({ ...await load("bins"), BIN_S });
    """
    assert run_node(script) == {
        "LEAST_GROUP": GroupSettings().min_group,
        "LEAST_BIN_S": LEAST_BIN_S,
        "LEAST_SEEN_S": LEAST_SEEN_S,
        "LONGEST_STEP_S": InsightSettings().longest_step_s,
        "BIN_S": live.BIN_S,
        "CLIP_BIN_S": GroupSettings().bin_s,
    }
