"""`mien watch`: rows, an annotated video, insights and groups out of a real video file; wrong calls; an early end."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from mien.apps.cli.main import run
from mien.apps.cli.moment_rows import MomentRows
from mien.core.errors import InputError, UnreadableMediaError
from mien.core.labels import EXPRESSIONS
from mien.core.moments import Moment
from mien.inference.media.video.reader import open_video

pytest.importorskip("av", reason="videos need the video extra")
pytest.importorskip("scipy", reason="tracking needs the video extra")


@pytest.fixture
def clip(write_video, tmp_path, monkeypatch) -> str:
    """Return the name of a video of 30 frames with sound in the working directory."""
    monkeypatch.chdir(tmp_path)
    return write_video("clip.mp4", frames=30, size=(128, 96), audio="aac").name


@pytest.fixture
def models(model_file, detector_file) -> list[str]:
    return ["--model", str(model_file), "--detector", str(detector_file)]


@pytest.fixture
def watch(models):
    """Return a function that runs `mien watch` with tiny models that see two faces in every frame."""
    return lambda *tokens: run(["watch", *map(str, tokens), *models, "--min-score", "0.1"])


def read_rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def as_text(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_rows_hold_each_face_of_each_frame_in_every_form(watch, clip, capsys) -> None:
    assert watch(clip, "--csv", "rows.csv") == 0
    rows = read_rows("rows.csv")
    assert [(row["frame"], row["person"]) for row in rows] == [(str(n), p) for n in range(30) for p in ("1", "2")]
    assert [float(row["time_s"]) for row in rows[::2]] == pytest.approx([number / 25 for number in range(30)], abs=1e-3)
    for row in rows:
        assert sum(float(row[label]) for label in EXPRESSIONS) == pytest.approx(1, abs=1e-4)
        assert float(row[row["expression"]]) == float(row["confidence"])
    told = capsys.readouterr()
    assert "2 persons; 30 frames of 0:01.2 looked at, 30 with a face" in told.out
    assert watch(clip, "--json") == 0
    printed = capsys.readouterr()
    lines = [json.loads(line) for line in printed.out.splitlines()]
    assert [{name: as_text(value) for name, value in line.items()} for line in lines] == rows
    assert "2 persons" in printed.err
    parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet files need the tables extra")
    assert watch(clip, "--parquet", "rows.parquet") == 0
    assert parquet.read_table("rows.parquet").to_pylist() == lines
    kinds = {field.name: str(field.type) for field in parquet.read_schema("rows.parquet")}
    assert [kinds[name] for name in ("frame", "person", "is_certain", "sad_raw")] == [
        "int64",
        "int64",
        "bool",
        "double",
    ]


def test_frames_without_a_face_have_a_row(models, clip, capsys) -> None:
    assert run(["watch", clip, "--csv", "rows.csv", "--min-score", "0.999", *models]) == 0
    rows = read_rows("rows.csv")
    assert [row["frame"] for row in rows] == [str(number) for number in range(30)]
    assert {value for row in rows for name, value in row.items() if name not in ("frame", "time_s")} == {""}
    assert "no person; 30 frames" in capsys.readouterr().out


def test_sound_that_cannot_be_kept_is_told(watch, write_video, tmp_path, monkeypatch, capsys) -> None:
    import av

    def fail(*_: object) -> None:
        raise av.error.InvalidDataError(1, "damaged", "x")

    source = str(write_video("clip.ts", frames=10, audio="mp2"))
    monkeypatch.setattr("mien.inference.media.video.sound.track.Track._encode", fail)
    assert watch(source, "--annotate", str(tmp_path / "seen.mp4")) == 0
    assert re.search(r"note: \d+ parts of the sound could not be kept", capsys.readouterr().err)
    monkeypatch.setattr("mien.inference.media.video.writer.open_sound", lambda *_: None)
    assert watch(source, "--annotate", str(tmp_path / "seen.mp4")) == 0
    assert f"note: the sound of {source} can't be read and was left out" in capsys.readouterr().err
    assert watch(source) == 0
    assert "sound" not in capsys.readouterr().err


def test_frames_can_be_picked(watch, clip) -> None:
    assert watch(clip, "--csv", "a.csv", "--every", "10") == 0
    assert [row["frame"] for row in read_rows("a.csv")[::2]] == ["0", "10", "20"]
    assert watch(clip, "--csv", "b.csv", "--every", "0.4s", "--start", "0.4", "--end", "0:01.1") == 0
    assert [row["frame"] for row in read_rows("b.csv")[::2]] == ["10", "20"]
    assert watch(clip, "--csv", "c.csv", "--max-fps", "5") == 0
    assert [row["frame"] for row in read_rows("c.csv")[::2]] == ["0", "5", "10", "15", "20", "25"]


def test_without_smoothing_a_frame_speaks_for_itself(watch, clip) -> None:
    assert watch(clip, "--csv", "rows.csv", "--no-smooth") == 0
    assert watch(clip, "--csv", "smooth.csv") == 0
    assert all(row[label] == row[f"{label}_raw"] for row in read_rows("rows.csv") for label in EXPRESSIONS)
    assert any(row[label] != row[f"{label}_raw"] for row in read_rows("smooth.csv") for label in EXPRESSIONS)


def test_an_annotated_video_has_the_frames_that_were_looked_at_and_the_sound(watch, clip) -> None:
    assert watch(clip, "--annotate", "out/seen.mp4", "--every", "2") == 0
    with open_video(clip, every=2) as plain, open_video("out/seen.mp4") as drawn:
        assert drawn.has_audio
        pairs = list(zip(plain, drawn, strict=True))
    assert len(pairs) == 15
    assert [b.time_s for _, b in pairs] == pytest.approx([a.time_s for a, _ in pairs], abs=1e-3)
    for before, after in pairs:
        assert before.pixels.shape == after.pixels.shape
        difference = np.abs(before.pixels.astype(int) - after.pixels.astype(int)).max(axis=2)
        assert (difference > 60).mean() > 0.01


@pytest.mark.parametrize("flags", [[], ["--baseline"]])
def test_insights_are_written(watch, clip, write_video, flags) -> None:
    long = write_video("long.mp4", frames=60, rate=5, size=(128, 96)).name
    assert watch(long, "--insights", "told.json", *flags) == 0
    told = json.loads(Path("told.json").read_text())
    assert (told["frames"], told["frames_with_faces"], len(told["persons"])) == (60, 60, 2)
    assert (told["persons"][0]["baseline_valence"] is not None) is bool(flags)
    assert sum(told["persons"][0]["shares"].values()) == pytest.approx(1)


def test_a_group_has_rows_of_spans_and_none_of_persons(watch, write_video, clip, capsys) -> None:
    long = write_video("long.mp4", frames=110, rate=5, size=(128, 96)).name
    assert watch(long, "--group", "--csv", "rows.csv", "--insights", "told.json") == 0
    rows = read_rows("rows.csv")
    assert [(row["start_s"], row["end_s"], row["reason"]) for row in rows] == [
        ("0.0", "10.0", "fewer than 5 people"),
        ("10.0", "20.0", "fewer than 5 people"),
        ("20.0", "22.0", "too short: 2.0 s of at least 5 s"),
    ]
    assert "person" not in rows[0]
    assert json.loads(Path("told.json").read_text())["persons"] == []
    assert watch(long, "--group", "--min-group", "2", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [line["faces_mean"] for line in lines] == [2.0, 2.0, None]
    assert sum(lines[0][label] for label in EXPRESSIONS) == pytest.approx(1)
    assert watch(clip, "--group") == 0
    assert "too short: " in capsys.readouterr().out


def test_a_group_is_told_of_to_the_end_of_a_short_video(watch, clip, write_video) -> None:
    eight = write_video("eight.mp4", frames=40, rate=5, size=(128, 96)).name
    assert watch(eight, "--group", "--min-group", "2", "--csv", "rows.csv") == 0
    assert [(row["start_s"], row["end_s"], row["reason"]) for row in read_rows("rows.csv")] == [("0.0", "8.0", "")]


def test_what_was_written_is_told_and_nothing_else(watch, clip, capsys) -> None:
    assert watch(clip, "--csv", "rows.csv", "--annotate", "out/seen.mp4", "--insights", "told.json") == 0
    assert capsys.readouterr().err == "wrote rows.csv, out/seen.mp4, told.json\n"
    assert watch(clip) == 0
    assert capsys.readouterr().err == ""
    Path("told.json").unlink()
    Path("told.json").mkdir()
    assert watch(clip, "--group", "--parquet", "rows", "--insights", "told.json") == 1
    assert "wrote" not in capsys.readouterr().err, "it was refused before the first frame"


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (["clip.mp4", "--group", "--annotate", "x.mp4"], "--annotate shows single persons"),
        (["clip.mp4", "--min-group", "3"], "Add --group"),
        (["clip.mp4", "--group", "--min-group", "1"], "one person is no group"),
        (["clip.mp4", "--thumbnails"], "Add --report"),
        (["clip.mp4", "--csv", "clip.mp4"], "would be written over the video"),
        (["clip.mp4", "--csv", "x", "--insights", "x"], "would be written over that of --csv"),
        (["clip.mp4", "--every", "0"], "--every takes"),
        (["clip.mp4", "--start", "x"], "--start takes seconds"),
        (["clip.mp4", "--start", "1", "--end", "0.5"], "has to come after the start"),
        (["clip.mp4", "--start", "50"], "50"),
        (["clip.mp4", "--report", "/proc/x.html"], "/proc/x.html"),
        (["absent.mp4", "--csv", "x.csv"], "absent.mp4"),
        (["camera:77", "--csv", "x.csv"], "camera"),
        (["77", "--csv", "x.csv"], "For a camera say camera:77."),
        (["http://127.0.0.1/x.mp4", "--csv", "x.csv"], "http"),
        (["clip.mp4", "--annotate", "x.txt"], ".mp4"),
        (["clip.mp4", "--report", "out/x.pdf"], "--report writes HTML, and out/x.pdf sounds like another form"),
        (["clip.mp4", "--insights", "x.csv"], "Name it x.json"),
        (["clip.mp4", "--parquet", "x.csv"], "Name it x.parquet"),
    ],
)
def test_a_wrong_call_is_refused_and_leaves_nothing(watch, clip, capsys, tokens, says) -> None:
    assert watch(*tokens) == 1
    assert says in capsys.readouterr().err
    assert [path.name for path in Path().iterdir()] == ["clip.mp4"]


def test_one_face_whose_numbers_change_is_no_group(watch, write_video, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    sparse = write_video("sparse.mp4", frames=60, rate=1, size=(128, 96)).name
    assert watch(sparse, "--group", "--min-group", "3", "--csv", "rows.csv", "--every", "3s") == 0
    assert {row["reason"] for row in read_rows("rows.csv")} == {"fewer than 3 people"}
    assert watch(sparse, "--group", "--min-group", "2", "--csv", "rows.csv", "--every", "3s") == 0
    assert {row["reason"] for row in read_rows("rows.csv")} == {""}, "two are on each frame"


@pytest.mark.parametrize("pick", [["--every", "3s"], ["--every", "3"], ["--max-fps", "0.3333"]])
def test_sparse_looks_count_until_the_next_one_and_not_beyond_the_end(
    watch, write_video, tmp_path, monkeypatch, pick
) -> None:
    monkeypatch.chdir(tmp_path)
    sparse = write_video("sparse.mp4", frames=11, rate=1, size=(128, 96)).name
    assert watch(sparse, "--insights", "told.json", *pick) == 0
    told = json.loads(Path("told.json").read_text())
    assert told["frames"] == 4
    assert told["duration_s"] == pytest.approx(11, abs=0.2)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_the_video_is_not_written_over_through_a_link(watch, clip, link, capsys) -> None:
    before = Path(clip).read_bytes()
    link(clip, "rows.csv")
    assert watch(clip, "--csv", "rows.csv") == 1
    assert "would be written over the video clip.mp4" in capsys.readouterr().err
    assert Path(clip).read_bytes() == before


@pytest.mark.parametrize(
    "tokens",
    [
        ["--min-score", "2"],
        ["--min-score", "nan"],
        ["--max-side-px", "1"],
        ["--detector", "expression"],
        ["--threads", "0"],
        ["--annotate", "x.avi"],
    ],
)
def test_what_can_not_be_leaves_older_results_alone(models, clip, tokens) -> None:
    files = {"--csv": "old.csv", "--insights": "old.json", "--report": "old.html"}
    for name in files.values():
        Path(name).write_text("old")
    others = [] if "--detector" in tokens else models[2:]
    assert run(["watch", clip, *(part for pair in files.items() for part in pair), *models[:2], *others, *tokens]) == 1
    assert {Path(name).read_text() for name in files.values()} == {"old"}


def test_what_fails_at_the_end_costs_nothing_else(watch, clip, monkeypatch, capsys) -> None:
    def refuse(*_: object) -> None:
        raise InputError("the disk is full")

    monkeypatch.setattr("mien.apps.cli.watch.write_insights", refuse)
    assert watch(clip, "--insights", "told.json", "--report", "page.html") == 1
    told = capsys.readouterr()
    assert "the disk is full" in told.err
    assert "30 frames" in told.out
    assert Path("page.html").exists()


def test_forms_exclude_each_other(watch, clip) -> None:
    assert watch(clip, "--csv", "a.csv", "--json") == 2


def test_what_was_read_before_a_video_broke_off_is_kept(watch, clip, monkeypatch, capsys) -> None:
    real = open_video(clip)

    def tear(source: str, **_: object):
        def frames():
            for number, frame in enumerate(real):
                if number == 12:
                    raise UnreadableMediaError(f"{source} ends in the middle.")
                yield frame

        class Torn:
            def __getattr__(self, name: str) -> object:
                return getattr(real, name)

            def __enter__(self) -> "Torn":
                return self

            def __exit__(self, *_: object) -> None:
                real.close()

            def __iter__(self):
                return frames()

        return Torn()

    monkeypatch.setattr("mien.apps.cli.watch.open_video", tear)
    assert watch(clip, "--csv", "rows.csv", "--annotate", "seen.mp4", "--insights", "told.json") == 1
    told = capsys.readouterr()
    assert "ends in the middle" in told.err
    assert "12 frames" in told.out
    assert len(read_rows("rows.csv")) == 24
    assert json.loads(Path("told.json").read_text())["frames"] == 12
    with open_video("seen.mp4") as drawn:
        assert len(list(drawn)) == 12


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_everything_so_far(clip, models, write_video, number) -> None:
    long = write_video("long.mp4", frames=3000, size=(128, 96)).name
    command = [sys.executable, "-m", "mien", "watch", long, "--csv", "rows.csv", "--insights", "told.json", *models]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (Path("rows.csv").exists() and Path("rows.csv").stat().st_size > 20_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted" in err
    frames = json.loads(Path("told.json").read_text())["frames"]
    assert 10 < frames < 3000
    assert f"{frames:,} frames" in out
    assert len({row["frame"] for row in read_rows("rows.csv")}) == frames


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_frame_that_is_being_written_is_in_every_file(watch, clip, monkeypatch, number) -> None:
    write, written = MomentRows.write, count(1)

    def write_late(self: MomentRows, moment: Moment) -> None:
        if next(written) == 5:
            signal.raise_signal(number)
        write(self, moment)

    monkeypatch.setattr(MomentRows, "write", write_late)
    assert watch(clip, "--csv", "rows.csv", "--insights", "told.json") == 130
    assert {row["frame"] for row in read_rows("rows.csv")} == set("01234")
    assert json.loads(Path("told.json").read_text())["frames"] == 5
