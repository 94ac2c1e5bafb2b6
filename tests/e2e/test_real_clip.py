"""A film of a real man who talks, through `mien watch` with the bundled models: one person, steady labels, true times.

176x144 pixels that are wider than high, so 193x144 on a screen, and his face 50 wide: that is little to tell by, and
limits are far from what is measured today.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from mien.apps.cli.main import run
from mien.core.labels import EXPRESSIONS
from mien.inference.media.video.reader import open_video

pytest.importorskip("av", reason="videos need the video extra")
pytest.importorskip("scipy", reason="tracking needs the video extra")

FRAMES, RATE = 120, 30000 / 1001

Row = dict[str, str]


class Watched(NamedTuple):
    """What `mien watch` left of the film."""

    rows: list[Row]
    folder: Path
    told: str


def read_rows(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def count_changes(labels: Sequence[str]) -> int:
    return sum(before != after for before, after in pairwise(labels))


def raw_label(row: Row) -> str:
    return max(EXPRESSIONS, key=lambda label: float(row[f"{label}_raw"]))


@pytest.fixture(scope="module")
def watched(real_clip, tmp_path_factory) -> Watched:
    folder = tmp_path_factory.mktemp("watched")
    flags = {"--csv": "rows.csv", "--annotate": "seen.mp4", "--insights": "told.json"}
    flags = {flag: str(folder / name) for flag, name in flags.items()}
    assert run(["watch", str(real_clip), *(part for pair in flags.items() for part in pair)]) == 0
    return Watched(read_rows(folder / "rows.csv"), folder, (folder / "told.json").read_text(encoding="utf-8"))


def test_there_is_one_person_on_every_frame(watched) -> None:
    assert [int(row["frame"]) for row in watched.rows] == list(range(FRAMES)), "one row each, in order"
    assert {row["person"] for row in watched.rows} == {"1"}
    told = json.loads(watched.told)
    assert (told["frames"], told["frames_with_faces"], len(told["persons"])) == (FRAMES, FRAMES, 1)
    assert (told["persons_fleeting"], told["persons_left_out"]) == (0, 0)


def test_the_face_is_where_it_is(watched) -> None:
    boxes = np.array([[float(row[name]) for name in ("x", "y", "width", "height")] for row in watched.rows])
    centers = boxes[:, :2] + boxes[:, 2:] / 2
    assert ((centers > (40, 40)) & (centers < (120, 90))).all()
    assert (np.abs(np.diff(centers, axis=0)).max(axis=1) < 12).all(), "he moves, but does not jump"
    assert ((boxes[:, 2] > 25) & (boxes[:, 2] < 75)).all()


def test_times_are_true(watched) -> None:
    times = [float(row["time_s"]) for row in watched.rows]
    assert times == pytest.approx([number / RATE for number in range(FRAMES)], abs=1e-3)


def test_an_open_mouth_is_a_surprise(watched) -> None:
    second = [row for row in watched.rows if 1.8 <= float(row["time_s"]) <= 2.8]
    assert len(second) == 30
    assert sum(row["expression"] == "surprise" for row in second) >= 24
    middle = [row for row in second if 2.1 <= float(row["time_s"]) <= 2.5]
    assert {(row["expression"], row["is_certain"]) for row in middle} == {("surprise", "true")}
    first = [row for row in watched.rows if float(row["time_s"]) < 0.5]
    assert not any(row["expression"] == "surprise" for row in first), "the control: his mouth is closed"


def test_smoothed_labels_change_far_less_often_than_raw_ones(watched) -> None:
    raw = count_changes([raw_label(row) for row in watched.rows])
    smoothed = count_changes([row["expression"] for row in watched.rows])
    assert raw >= 12, "the control: the network alone flickers on a face that talks"
    assert 1 <= smoothed <= raw / 3


def test_without_smoothing_labels_are_the_raw_ones(watched, real_clip, tmp_path) -> None:
    assert run(["watch", str(real_clip), "--csv", str(tmp_path / "rows.csv"), "--no-smooth"]) == 0
    assert [row["expression"] for row in read_rows(tmp_path / "rows.csv")] == [raw_label(row) for row in watched.rows]


def test_the_annotated_film_can_be_played_and_shows_the_face(watched, real_clip) -> None:
    with open_video(real_clip) as plain, open_video(watched.folder / "seen.mp4") as drawn:
        pairs = list(zip(plain, drawn, strict=True))
    assert len(pairs) == FRAMES
    for (before, after), row in zip(pairs, watched.rows, strict=True):
        assert (before.pixels.shape, after.pixels.shape) == ((144, 193, 3), (144, 194, 3)), "codecs need even sides"
        assert after.time_s == pytest.approx(before.time_s, abs=2e-3)
        change = np.abs(before.pixels.astype(int) - after.pixels[:, :193]).max(axis=2)
        left, top, width, height = (round(float(row[name])) for name in ("x", "y", "width", "height"))
        sides = change[top + 12 : top + height - 12, left - 3 : left + 4].max(axis=1)
        assert (sides > 60).mean() > 0.2, "there is a frame, dashed or whole"
        face = change[top + 10 : top + height - 10, left + 10 : left + width - 10]
        assert np.median(face) < 25, "which leaves the face alone"


def test_a_report_is_written_and_readable(real_clip, tmp_path) -> None:
    pytest.importorskip("jinja2", reason="a report needs the report extra")
    pytest.importorskip("matplotlib", reason="a report needs the report extra")
    page = tmp_path / "page.html"
    assert run(["watch", str(real_clip), "--report", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.lstrip().lower().startswith("<!doctype html>")
    words = re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL)
    for word in ("carphone_pristine.mp4", "surprise", "neutral", "120"):
        assert word in words
    assert not re.search(r"(src|href)=\"https?:", text), "one file alone"
    assert not re.search(r"data:image/(jpeg|png|webp)", text), "no picture of him unless asked"


@pytest.mark.parametrize("least", ["5", "2"])
def test_a_group_of_one_is_not_told_of(real_clip, tmp_path, capsys, least) -> None:
    flags = ["--csv", str(tmp_path / "rows.csv"), "--insights", str(tmp_path / "told.json")]
    assert run(["watch", str(real_clip), "--group", "--min-group", least, *flags]) == 0
    assert all(not row[label] for row in read_rows(tmp_path / "rows.csv") for label in EXPRESSIONS)
    told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert (told["persons"], told["episodes"], told["frames_with_faces"]) == ([], [], None)
    assert told["group"]["total"]["shares"] is None
    printed = capsys.readouterr().out
    assert "too short" in printed  # 4 s, of spans of 10
    assert not any(label in printed for label in EXPRESSIONS)
