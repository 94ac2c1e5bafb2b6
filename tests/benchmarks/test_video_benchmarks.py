"""The benchmarks for video run, with tiny settings, and their clips show what they say."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mien.inference.media.video.reader import open_video

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

needs_opencv = pytest.mark.skipif(importlib.util.find_spec("cv2") is None, reason="OpenCV comes with the bench extra")
on_linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")


def run_benchmark(name, *arguments):
    """Run a benchmark as a person does."""
    command = [sys.executable, BENCHMARKS / name, *arguments]
    environment = os.environ | {"COLUMNS": "200"}
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, env=environment)


@pytest.fixture
def load(monkeypatch):
    """Import a benchmark's module by name."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


# --- clips ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("faces", [1, 5])
def test_a_clip_moves_and_can_be_read(load, tmp_path, faces):
    pytest.importorskip("skimage")
    pytest.importorskip("av", reason="videos need the video extra")
    clips = load("clips")
    clip = tmp_path / "clip.mp4"
    clips.write_clip(clip, clips.Scene(160, 120, faces), 12)
    with open_video(clip) as video:
        frames = list(video)
    assert [frame.time_s for frame in frames] == pytest.approx([number / clips.FPS for number in range(12)], abs=1e-3)
    assert {frame.pixels.shape for frame in frames} == {(120, 160, 3)}
    first, last = frames[0].pixels.astype(int), frames[-1].pixels.astype(int)
    assert np.abs(first - last).mean() > 2 * clips.GRAIN  # more than grain


def test_steps_are_told_apart_and_medians_taken(load, monkeypatch):
    laps_module = load("laps")
    times = iter([0.0, 0.010, 0.012, 0.022, 0.026, 1.026, 1.027])
    monkeypatch.setattr(laps_module.time, "perf_counter", lambda: next(times))
    laps = laps_module.Laps()
    for _ in range(3):
        laps.lap("decode")
        laps.lap("row")
        laps.end_frame()
    medians = dict(zip([*laps_module.STEPS, "all"], laps.list_medians(), strict=True))
    assert medians == pytest.approx(
        {"decode": 10.0, "detect": 0.0, "recognize": 0.0, "track, smooth": 0.0, "row": 2.0, "all": 14.0}
    )


# --- video.py -------------------------------------------------------------------------------------------------------


@needs_opencv
def test_videos_are_timed_beside_opencv(model_file, detector_file):
    pytest.importorskip("skimage")
    pytest.importorskip("av", reason="videos need the video extra")
    models = ["--model", model_file, "--detector", detector_file]
    result = run_benchmark("video.py", "--frames", 6, "--turns", 1, *models)
    assert result.returncode == 0, result.stderr
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in result.stdout.splitlines() if line[:1] == "|"]
    header, rule, *rates = lines[:6]
    assert header[:3] == ["clip", "read by", "faces a frame"]
    assert set("".join(rule)) == {"-", ":"}
    sides = [(row[0], row[1]) for row in rates]
    expected = ["640x480, 1 face", "1280x720, 5 faces"]
    assert sides == [(clip, side) for clip in expected for side in ("mien", "Haar, mini-XCEPTION")]
    for mine, peer in (rates[:2], rates[2:]):
        assert float(mine[2]) == 1.0  # the fixed detector's
        assert float(peer[2]) > 0.8
        assert float(mine[5]) == pytest.approx(float(mine[3]) / float(peer[3]), rel=0.05)
        assert peer[5] == "1.00"
    steps = lines[6:]
    assert steps[0][2:] == ["decode", "detect", "recognize", "track, smooth", "row", "all"]
    assert [(row[0], row[1]) for row in steps[2:]] == sides
    for row in steps[2:]:
        assert sum(map(float, row[2:7])) == pytest.approx(float(row[7]), rel=0.5)
        assert (float(row[5]) > 0) == (row[1] == "mien")  # the peer does not track
    assert "OpenCV 4" in result.stdout.splitlines()[0]


@needs_opencv
@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--turns", "0"], "at least one"), (["--detector", "no-such.onnx"], "--detector FILE")],
)
def test_what_video_can_not_do_is_refused(arguments, message):
    pytest.importorskip("av", reason="videos need the video extra")
    pytest.importorskip("skimage")
    result = run_benchmark("video.py", *arguments)
    assert result.returncode == 2
    assert message in result.stderr


@pytest.mark.skipif(importlib.util.find_spec("cv2") is not None, reason="OpenCV is here")
def test_what_video_lacks_is_named():
    result = run_benchmark("video.py")
    assert result.returncode == 2
    assert "opencv-python-headless" in result.stderr
    assert "pip install '.[bench,video]'" in result.stderr


# --- soak.py --------------------------------------------------------------------------------------------------------


@on_linux
@pytest.mark.parametrize("source", ["arrays", "video"])
def test_memory_is_told_on_the_way(model_file, detector_file, source):
    pytest.importorskip("scipy", reason="tracking needs the video extra")
    if source == "video":
        pytest.importorskip("skimage")
        pytest.importorskip("av", reason="videos need the video extra")
    models = ["--model", model_file, "--detector", detector_file]
    result = run_benchmark("soak.py", "--with", source, "--frames", 120, *models)
    assert result.returncode == 0, result.stderr
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    assert [row[0] for row in rows] == ["1", "12", "60", "120"]
    held = [float(row[1].split()[0]) for row in rows]
    assert [float(row[2].split()[0]) for row in rows] == pytest.approx([one - held[0] for one in held], abs=0.11)
    assert 20 < held[0] < 2000
    assert rows[-1][3:5] == ["1" if source == "arrays" else "4", "120"]  # each of four rounds has a person of its own
    assert "insights hold" in result.stdout


def test_visitors_come_and_go(load):
    soak = load("soak")
    ground, face = np.zeros((soak.HEIGHT, soak.WIDTH, 3), np.uint8), np.full((soak.FACE_PX, soak.FACE_PX), 9, np.uint8)
    counts = [
        round(soak.draw_visitors(ground, [face], second / 2).sum() / (9 * 3 * soak.FACE_PX**2)) for second in range(60)
    ]
    assert set(counts) == {0, 1, 2, 3}
    assert not ground.any()


@on_linux
@pytest.mark.parametrize(
    ("arguments", "message"), [(["--frames", "9"], "100 frames"), (["--detector", "no-such.onnx"], "no-such.onnx")]
)
def test_soak_says_what_it_lacks(arguments, message):
    pytest.importorskip("scipy", reason="tracking needs the video extra")
    result = run_benchmark("soak.py", *arguments)
    assert result.returncode != 0
    assert message in result.stderr
    assert "Traceback" not in result.stderr
