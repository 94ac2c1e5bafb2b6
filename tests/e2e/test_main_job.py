"""The whole main job through the command line, as a newcomer types it, on drawn faces."""

import json
import subprocess
import sys

import pytest
from PIL import Image

from mien.training.data.table import open_dataset


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    return tmp_path_factory.mktemp("a new place")


def mien(workplace, *arguments, status=0):
    command = [sys.executable, "-m", "mien", *map(str, arguments)]
    result = subprocess.run(command, cwd=workplace, capture_output=True, text=True, check=False)
    assert result.returncode == status, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result


def test_from_nothing_to_named_faces(workplace):
    mien(workplace, "data", "import", "synthetic", "--out", "faces", "--count", "420", "--seed", "1")
    findings = mien(workplace, "data", "check", "faces", "--out", "checked")
    assert "420" in findings.stdout
    assert json.loads((workplace / "checked" / "doctor.json").read_text())["rows"] == 420

    train = ["train", "expression", "--data", "faces", "--out", "run", "--network", "vgg-bn", "--options.width", "8"]
    train += ["--epochs", "10", "--batch-size", "16", "--optimizer.name", "adam", "--lr", "0.003", "--ema", "0"]
    train += ["--augment.erasing", "0", "--augment.rotation-deg", "0", "--augment.zoom", "0", "--augment.flip", "0"]
    assert "mien export run" in mien(workplace, *train).stdout
    assert "--resume" in mien(workplace, *train, status=1).stderr
    assert "nothing was done" in mien(workplace, *train, "--resume").stdout

    mien(workplace, "export", "run", "--out", "faces.onnx")
    evaluate = ["evaluate", "faces.onnx", "--data", "faces", "--split", "test", "--run", "run", "--out", "report"]
    mien(workplace, *evaluate, "--stamp")
    metrics = json.loads((workplace / "report" / "metrics.json").read_text())
    assert metrics["n"] == 63
    assert metrics["accuracy"] > 0.3  # chance is 0.14
    assert (workplace / "report" / "report.html").exists()
    assert json.loads(mien(workplace, "info", "faces.onnx", "--json").stdout)["metrics"]["test"]["n"] == 63

    dataset = open_dataset(workplace / "faces")
    rows = dataset.rows_of("test")
    (workplace / "crops").mkdir()
    for row in rows[:5]:
        Image.fromarray(dataset.images[row]).save(workplace / "crops" / f"{row:04d}.png")
    (workplace / "crops" / "broken.png").write_bytes(b"no picture")
    predict = ["predict", "crops", "--crops", "--model", "faces.onnx", "--json", "--annotate", "drawn"]
    result = mien(workplace, *predict, status=1)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 6
    assert sum("error" in line for line in lines) == 1
    assert {face["expression"] for line in lines for face in line.get("faces", [])} <= set(dataset.labels)
    assert len(list((workplace / "drawn").rglob("*.png"))) == 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "no-such-recipe", "--data", "x", "--out", "y"], ["no-such-recipe", "cnn3"]),
        (["train", "cnn3", "--data", "nowhere", "--out", "y"], ["nowhere", "mien data import"]),
        (["train", "cnn3", "--data", "x", "--out", "y", "--epochs", "-1"], ["epochs"]),
        (["export", "nowhere", "--out", "a.onnx"], ["nowhere", "mien train --out"]),
        (["data", "check", "nowhere"], ["nowhere"]),
        (["evaluate", "nowhere.onnx", "--data", "x"], ["nowhere.onnx"]),
        (["predict", "nowhere.png", "--crops", "--csv", "rows.png"], ["rows.png", "names a picture"]),
    ],
)
def test_wrong_input_gets_one_readable_line(workplace, arguments, words):
    result = mien(workplace, *arguments, status=1)
    message = result.stderr.strip().splitlines()
    assert len(message) == 1, result.stderr
    assert all(word in message[0] for word in words), message


def test_a_picture_that_is_not_there_is_a_row_like_any_other(workplace):
    result = mien(workplace, "predict", "nowhere.png", "--crops", status=1)
    assert "nowhere.png does not exist" in result.stdout


def test_help_lists_only_verbs_that_work(workplace):
    listing = mien(workplace, "--help").stdout
    for verb in (
        "data",
        "train",
        "export",
        "evaluate",
        "predict",
        "demo",
        "info",
        "bench",
        "watch",
        "average",
        "serve",
    ):
        assert f" {verb} " in listing
        mien(workplace, verb, "--help")
    for later in ("study", "tune"):
        assert f" {later} " not in listing
