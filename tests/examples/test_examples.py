"""Every program in examples/ runs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from mien.core.labels import EXPRESSIONS
from mien.training.data.table import SPLITS, open_dataset

EXAMPLES = Path(__file__).parents[2] / "examples"


def run_example(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_example_is_run_here():
    text = Path(__file__).read_text()
    for example in EXAMPLES.glob("*.py"):
        assert f'run_example("{example.name}"' in text, f"no test runs {example.name}"


def test_mean_faces_are_drawn_side_by_side(faces, tmp_path):
    result = run_example("mean_faces.py", faces, tmp_path / "mean.png")
    assert result.returncode == 0, result.stderr
    with Image.open(tmp_path / "mean.png") as picture:
        assert (picture.size, picture.mode) == ((7 * 48, 48), "L")
        assert len(np.unique(np.asarray(picture))) > 50


def test_a_folder_of_smiles_is_made_of_a_tenth_of_train(faces, tmp_path):
    result = run_example("smile_folder.py", faces, tmp_path / "smiles")
    assert result.returncode == 0, result.stderr
    counts = {split: len(list((tmp_path / "smiles" / split).glob("*/*.png"))) for split in SPLITS}
    table = open_dataset(faces).table
    sizes = {split: int((table["split"] == number).sum()) for number, split in enumerate(SPLITS)}
    assert counts == sizes | {"train": sizes["train"] // 10}
    happy = table["label"] == EXPRESSIONS.index("happy")
    found = {int(file.stem): file.parent.name for file in (tmp_path / "smiles").glob("*/*/*.png")}
    assert all((label == "smile") == happy[row] for row, label in found.items())


def test_small_faces_are_counted_at_every_size(faces, trained, tmp_path):
    from mien.training.export.artefact import export_run

    export_run(trained, tmp_path / "tiny.onnx")
    result = run_example("small_faces.py", faces, tmp_path / "tiny.onnx")
    assert result.returncode == 0, result.stderr
    header, *lines = result.stdout.splitlines()
    assert header.startswith("face")
    assert [line.split()[0] for line in lines] == ["48", "36", "24", "18", "12", "8"]
    assert all(0 <= float(line.split()[2].rstrip("%")) <= 100 for line in lines)


def test_the_bundled_mean_faces_are_what_the_example_draws(fer2013, tmp_path):
    import mien

    bundled = Path(mien.__file__).parent / "apps" / "cli" / "mean_faces.png"
    result = run_example("mean_faces.py", fer2013.path, tmp_path / "mean.png")
    assert result.returncode == 0, result.stderr
    with Image.open(tmp_path / "mean.png") as drawn, Image.open(bundled) as shipped:
        assert np.array_equal(np.asarray(drawn), np.asarray(shipped))


def test_the_round_trip_is_told_in_shares(fer2013):
    result = run_example("round_trip.py", fer2013.path, "--count", 12)
    assert result.returncode == 0, result.stderr
    assert " of 12 faces found" in result.stdout
    assert "points lost" in result.stdout


def test_the_frame_is_fitted_and_compared_with_its_neighbors(fer2013):
    result = run_example("fit_frame.py", fer2013.path, "--count", 60, "--tuned-on", 10)
    assert result.returncode == 0, result.stderr
    fitted, frame, untouched, in_use, *others = result.stdout.splitlines()
    assert fitted.startswith("fitted on ")
    assert frame.startswith("Frame(landmarks=((0.3")
    assert untouched.startswith("untouched")
    assert in_use.startswith("in use")
    assert sum(line.startswith("zoom") for line in others) == 30


def test_limits_of_quality_have_a_table_each(fer2013):
    result = run_example("quality_limits.py", fer2013.path, "--count", 5)
    assert result.returncode == 0, result.stderr
    heads = [line.split()[0] for line in result.stdout.splitlines() if "too sure by" in line]
    assert heads == ["size_px", "sharpness", "turn_deg", "tilt_deg"]
