"""The benchmarks for pictures run, with tiny settings, and count what they say they count."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run_benchmark(name, *arguments, without=()):
    """Run a benchmark as a person does, or as on a machine without some packages."""
    if not without:
        command = [sys.executable, str(BENCHMARKS / name)]
    else:
        lines = [
            "import runpy, sys",
            f"sys.path.insert(0, {str(BENCHMARKS)!r})",
            f"sys.modules.update(dict.fromkeys({list(without)!r}))",
            f"runpy.run_path({str(BENCHMARKS / name)!r}, run_name='__main__')",
        ]
        command = [sys.executable, "-c", "; ".join(lines)]
    command += map(str, arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "200"})


def load_module(name):
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_rows(output):
    """Return the cells of each row of the tables that were printed."""
    rows = (re.split("[│┃]", line) for line in output.splitlines())
    return [[cell.strip() for cell in row[1:-1]] for row in rows if len(row) > 2]


# --- pictures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(640, 480), (96, 96), (1921, 1080)])
def test_the_photo_fills_a_picture_of_any_size(size):
    pytest.importorskip("skimage")
    picture = load_module("pictures").show_astronaut(*size)
    assert (picture.shape, picture.dtype) == ((size[1], size[0], 3), np.uint8)
    assert picture[:, :5].std() > 5  # no bars at the sides
    assert picture[:, -5:].std() > 5


def test_the_face_is_tiled_without_gaps():
    pytest.importorskip("skimage")
    picture = load_module("pictures").tile_faces(130, 101, across=4)
    assert picture.shape == (101, 130, 3)
    tile = picture[:25, :32]
    for top in (0, 25, 50, 75):
        for left in (0, 32, 65, 97):
            assert np.array_equal(picture[top : top + 25, left : left + 32], tile)
    assert picture[-1].std() > 5
    assert picture[:, -1].std() > 5


# --- detector.py ----------------------------------------------------------------------------------------------------


def test_the_detector_is_timed_beside_the_cascade(detector_file):
    pytest.importorskip("cv2", reason="OpenCV comes with the bench extra")
    pytest.importorskip("skimage")
    sizes = ["--sizes", "320x240", "704x480"]
    result = run_benchmark("detector.py", "--model", detector_file, *sizes, "--turns", 1, "--calls", 1)
    assert result.returncode == 0, result.stderr
    rows = read_rows(result.stdout)
    for size, names in {
        "320x240": {"mien", "Haar (OpenCV)"},
        "704x480": {"mien", "mien, every pixel", "Haar (OpenCV)"},  # only this one is larger than the detector's 640
    }.items():
        mine = [row for row in rows if row[0] == size]
        assert len(mine) == 2 * len(names)  # on two threads and on one
        assert {row[1] for row in mine} == names
        for row in mine:
            width, height = map(int, size.split("x"))
            assert float(row[5]) == pytest.approx(float(row[3].split()[0]) / (width * height / 1e6), rel=0.2, abs=1)
            assert row[2] == "1"
            assert row[6] == "1.00" or row[1] != "Haar (OpenCV)"
    contents = [row for row in rows if len(row) == 6 and row[0] == "mien"]
    assert [row[1] for row in contents] == ["plain gray, no face", "one face", "100 faces", "noise"]
    assert "--yunet" in result.stdout


def test_what_the_detector_benchmark_lacks_is_named(detector_file):
    result = run_benchmark("detector.py", "--model", detector_file, without=["cv2", "skimage"])
    assert result.returncode == 2
    assert "opencv-python-headless and scikit-image not installed. Run: pip install '.[bench]'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "no-such.onnx"], "--model FILE"),
        (["--yunet", "no-such.onnx"], "no file at no-such.onnx"),
        (["--sizes", "480x640"], "not taller than wide"),
        (["--turns", "0"], "at least one turn"),
    ],
)
def test_requests_that_can_not_be_met_are_refused(arguments, message):
    pytest.importorskip("cv2", reason="OpenCV comes with the bench extra")
    pytest.importorskip("skimage")
    result = run_benchmark("detector.py", *arguments)
    assert result.returncode == 2
    assert message in result.stderr


# --- memory.py ------------------------------------------------------------------------------------------------------

on_linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")


@pytest.fixture
def holiday(tmp_path):
    """Three photos and a file that is none."""
    folder = tmp_path / "holiday"
    folder.mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (80 + 40 * number, 120, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg")
    (folder / "notes.jpg").write_text("no picture")
    return folder


@on_linux
def test_memory_is_told_after_a_tenth_half_and_all(holiday, model_file, detector_file):
    models = ["--model", model_file, "--detector", detector_file]
    result = run_benchmark("memory.py", "--folder", holiday, "--pictures", 40, *models)
    assert result.returncode == 0, result.stderr
    rows = {name: cells for name, *cells in read_rows(result.stdout)}
    for pictures in (4, 20, 40):
        mien, peer, ratio = rows[f"held after {pictures} pictures"]
        assert float(mien.split()[0]) / float(peer.split()[0]) == pytest.approx(float(ratio), abs=0.1)
        assert 10 < float(peer.split()[0]) < float(mien.split()[0]) < 2000
    assert rows["faces"][0] == "30"  # the detector finds one in each of the 30 pictures
    assert rows["pictures not read"][:2] == ["10", "10"]
    assert "mien: 4 pictures" in result.stderr


@on_linux
def test_the_files_it_makes_are_of_several_sizes_and_one_is_large(tmp_path, monkeypatch):
    pytest.importorskip("skimage")
    monkeypatch.syspath_prepend(BENCHMARKS)
    memory = load_module("memory")
    assert sum(memory.SIZES.values()) == 50
    assert max(width * height for width, height in memory.SIZES) == 48_000_000
    monkeypatch.setattr(memory, "SIZES", {(64, 48): 4, (128, 72): 2})
    memory.write_files(tmp_path)
    sizes = []
    for file in sorted(tmp_path.iterdir()):
        with Image.open(file) as picture:
            assert picture.format == "JPEG"
            sizes.append(picture.size)
    assert sorted(sizes) == [(64, 48)] * 4 + [(128, 72)] * 2


@on_linux
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--detector", "no-such.onnx"], "--detector FILE"),
        (["--folder", "no-such-folder"], "no folder with pictures"),
        (["--pictures", "1"], "50 files take --pictures 100 or more"),
        (["--side", "mien"], "--side needs --folder"),
    ],
)
def test_memory_says_what_it_lacks(arguments, message, model_file):
    result = run_benchmark("memory.py", "--model", model_file, *arguments)
    assert result.returncode != 0
    assert message in result.stderr
    assert "Traceback" not in result.stderr
