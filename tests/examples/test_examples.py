"""Every program in examples/ runs."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.core.card import TrainingData
from mien.core.geometry import Box, iou
from mien.core.labels import EXPRESSIONS
from mien.inference.faces.detector import Detector
from mien.training.data.faces.photos import open_photos
from mien.training.data.sources.annotated_photos import import_photos
from mien.training.data.table import SPLITS, open_dataset, save_dataset

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_every_example_is_run_here():
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    for example in EXAMPLES.glob("*.py"):
        assert f'run_example("{example.name}"' in text, f"no test runs {example.name}"


def test_mean_faces_are_drawn_side_by_side(run_example, faces, tmp_path):
    result = run_example("mean_faces.py", faces, tmp_path / "mean.png")
    assert result.returncode == 0, result.stderr
    with Image.open(tmp_path / "mean.png") as picture:
        assert (picture.size, picture.mode) == ((7 * 48, 48), "L")
        assert len(np.unique(np.asarray(picture))) > 50


def test_a_folder_of_smiles_is_made_of_a_tenth_of_train(run_example, faces, tmp_path):
    result = run_example("smile_folder.py", faces, tmp_path / "smiles")
    assert result.returncode == 0, result.stderr
    counts = {split: len(list((tmp_path / "smiles" / split).glob("*/*.png"))) for split in SPLITS}
    table = open_dataset(faces).table
    sizes = {split: int((table["split"] == number).sum()) for number, split in enumerate(SPLITS)}
    assert counts == sizes | {"train": sizes["train"] // 10}
    happy = table["label"] == EXPRESSIONS.index("happy")
    found = {int(file.stem): file.parent.name for file in (tmp_path / "smiles").glob("*/*/*.png")}
    assert all((label == "smile") == happy[row] for row, label in found.items())


def test_small_faces_are_counted_at_every_size(run_example, faces, trained, tmp_path):
    from mien.training.export.artefact import export_run

    export_run(trained, tmp_path / "tiny.onnx")
    result = run_example("small_faces.py", faces, tmp_path / "tiny.onnx")
    assert result.returncode == 0, result.stderr
    header, *lines = result.stdout.splitlines()
    assert header.startswith("face")
    assert [line.split()[0] for line in lines] == ["48", "36", "24", "18", "12", "8"]
    assert all(0 <= float(line.split()[2].rstrip("%")) <= 100 for line in lines)


def test_an_ablation_goes_on_where_it_was_stopped_and_compares_each_variant_with_the_recipe(
    run_example, faces, tmp_path
):
    short = ("--out", tmp_path / "runs", "--width", 4, "--depth", 1, "--epochs", 1)
    first = run_example("ablation.py", faces, *short, "--seeds", 1, "--only", "mixup")
    assert first.returncode == 0, first.stderr
    finished = {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").glob("*/history.csv")}
    assert {file.parent.name for file in finished} == {"seed-0", "mixup"}
    again = run_example("ablation.py", faces, *short, "--seeds", 2, "--only", "mixup", "adamw")
    assert again.returncode == 0, again.stderr
    assert all(file.stat().st_mtime_ns == then for file, then in finished.items())
    table = (tmp_path / "runs" / "table.md").read_text()
    assert again.stdout.endswith(table)
    plain, *variants = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    assert plain[0].startswith("as it is (2 seeds, ")
    assert [cells[0] for cells in variants] == ["mixup", "adamw"]
    for cells in variants:
        gained = float(cells[2].rstrip("%")) - float(plain[2].rstrip("%"))
        assert float(cells[4]) == pytest.approx(gained, abs=0.11)
    unknown = run_example("ablation.py", faces, *short, "--only", "magic")
    assert unknown.returncode != 0
    assert "no variant is named like magic" in unknown.stderr


def test_misses_are_shared_out_between_labels_model_and_neither(run_example, voted_faces, model_file):
    result = run_example("label_noise.py", voted_faces, model_file)
    assert result.returncode == 0, result.stderr
    _, _, *lines = result.stdout.splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [cells[0] for cells in rows] == [*EXPRESSIONS, "all"]
    for cells in rows:
        read, misses = float(cells[2].rstrip("%")) / 100, int(cells[5])
        assert misses == pytest.approx((1 - read) * int(cells[1]), abs=0.1)
        assert not misses or sum(float(cell.rstrip("%")) for cell in cells[6:9]) == pytest.approx(100, abs=0.2)
    assert int(rows[-1][1]) == sum(int(cells[1]) for cells in rows[:-1])


def test_label_noise_needs_votes(run_example, faces, model_file):
    result = run_example("label_noise.py", faces, model_file)
    assert result.returncode != 0
    assert "has no votes for the seven expressions" in result.stderr


def test_robustness_is_told_of_every_model_and_change(run_example, faces, model_file, tmp_path):
    from mien.training.evaluate.changes import CHANGES
    from mien.training.evaluate.robustness import Robustness

    models, file = ("expression", str(model_file)), tmp_path / "robustness.json"
    result = run_example("robustness.py", faces, "--models", *models, "--limit", 7, "--out", file)
    assert result.returncode == 0, result.stderr
    header, _, *lines = result.stdout.splitlines()
    assert header.startswith("| synthetic, validation, n = 7 | expression | lost | too sure by |")
    assert [line.split(" | ")[0].strip("| ") for line in lines] == ["untouched", *CHANGES, "mean of the changes"]
    robustness = Robustness.model_validate_json(file.read_text())
    assert tuple(robustness.models) == models
    assert all(list(model.readings) == ["untouched", *CHANGES] for model in robustness.models.values())


def test_numbers_that_are_taken_over_at_a_cut_are_counted(run_example, draw_photo, tmp_path):
    """The same face stands in the same place of three pictures: it looks like itself in all, by either way."""
    (tmp_path / "shots").mkdir()
    lines = []
    for number, split in enumerate(["train", "train", "test", *["validation"] * 3]):
        pixels, annotated = draw_photo((480, 400), [(60, 80, 48, 64)])
        Image.fromarray(pixels).save(tmp_path / "shots" / f"{number}.png")
        line = {"file": f"{number}.png", "width": 480, "height": 400, "split": split, "faces": annotated}
        lines.append(json.dumps(line) + "\n")
    (tmp_path / "shots" / "annotations.jsonl").write_text("".join(lines))
    import_photos(tmp_path / "shots", tmp_path / "photos")
    result = run_example("hard_cuts.py", tmp_path / "photos")
    assert result.returncode == 0, result.stderr
    assert [" ".join(line.split()) for line in result.stdout.splitlines()] == [
        "3 shots",
        "by faces alone 1 numbers, 1 of several shots, taken over 2 times",
        "and by the picture 1 numbers, 1 of several shots, taken over 2 times",
    ]


@pytest.fixture
def roomy(tmp_path, draw_photo):
    """Six imported photos with one drawn face each and much room: four for training, one each for the other parts."""
    (tmp_path / "roomy").mkdir()
    lines = []
    for number, split in enumerate(["train", "train", "validation", "train", "test", "train"]):
        pixels, annotated = draw_photo((480, 400), [(60, 80, 48, 64)])
        Image.fromarray(pixels).save(tmp_path / "roomy" / f"{number}.png")
        line = {"file": f"{number}.png", "width": 480, "height": 400, "split": split, "faces": annotated}
        lines.append(json.dumps(line) + "\n")
    (tmp_path / "roomy" / "annotations.jsonl").write_text("".join(lines))
    import_photos(tmp_path / "roomy", tmp_path / "photos")
    return open_photos(tmp_path / "photos")


def test_faces_are_pasted_into_training_photos_alone(run_example, faces, roomy, tmp_path):
    out = tmp_path / "pasted"
    result = run_example("paste_faces.py", roomy.path, faces, out)
    assert result.returncode == 0, result.stderr
    import_photos(out, tmp_path / "more")
    more = open_photos(tmp_path / "more")
    rows = {json.loads(text)["file"]: row for row, text in enumerate((out / "annotations.jsonl").open())}
    detector, pasted, refound, mirrored = Detector.load(), 0, 0, 0
    for row, split in enumerate(roomy.photos["split"]):
        same, known = rows.pop(f"images/{row:05}.png"), roomy.faces_of(row)
        assert more.photos["split"][same] == split
        assert np.array_equal(more.picture(same), roomy.picture(row))
        assert np.array_equal(more.faces_of(same), known)
        if SPLITS[split] != "train":
            continue
        version = rows.pop(f"images/{row:05}-pasted.png")
        assert more.photos["split"][version] == split
        old, *new = more.faces_of(version)
        assert old == known[0]
        picture = more.picture(version)
        seen = [face.box for face in detector.detect(picture, min_score=0.3)]
        for face in new:
            x, y, width, height = face["box"].tolist()
            box, elsewhere = Box(x, y, width, height), Box(480 - x - width, y, width, height)
            assert iou(box, Box(*old["box"].tolist())) == 0
            pasted += 1
            refound += any(iou(box, one) > 0.5 for one in seen)
            mirrored += any(iou(elsewhere, one) > 0.5 for one in seen)
    assert not rows, "photos for validation and test have one version"
    assert pasted >= 3
    assert refound > 0.6 * pasted, "what is annotated is where the faces are"
    assert mirrored < 0.4 * pasted, "the control"


def test_photos_with_pasted_faces_tell_the_terms_of_both(run_example, faces, roomy, tmp_path):
    result = run_example("paste_faces.py", roomy.path, faces, tmp_path / "pasted")
    assert result.returncode == 0, result.stderr
    manifest, dataset = import_photos(tmp_path / "pasted", tmp_path / "more"), open_dataset(faces)
    assert manifest.name == "roomy with faces of synthetic"
    assert all(one.manifest.license.rstrip(".") in manifest.license for one in (roomy, dataset))
    assert TrainingData(name=manifest.name, license=manifest.license, sha256=manifest.sha256), "a card can repeat them"


def test_the_bundled_mean_faces_are_what_the_example_draws(run_example, fer2013, tmp_path):
    import mien

    bundled = Path(mien.__file__).parent / "apps" / "cli" / "mean_faces.png"
    result = run_example("mean_faces.py", fer2013.path, tmp_path / "mean.png")
    assert result.returncode == 0, result.stderr
    with Image.open(tmp_path / "mean.png") as drawn, Image.open(bundled) as shipped:
        assert np.array_equal(np.asarray(drawn), np.asarray(shipped))


def test_the_round_trip_is_told_in_shares(run_example, fer2013):
    result = run_example("round_trip.py", fer2013.path, "--count", 12)
    assert result.returncode == 0, result.stderr
    assert " of 12 faces found" in result.stdout
    assert "points lost" in result.stdout


def test_the_frame_is_fitted_and_compared_with_its_neighbors(run_example, fer2013):
    result = run_example("fit_frame.py", fer2013.path, "--count", 60, "--tuned-on", 10)
    assert result.returncode == 0, result.stderr
    fitted, frame, untouched, in_use, *others = result.stdout.splitlines()
    assert fitted.startswith("fitted on ")
    assert frame.startswith("Frame(landmarks=((0.3")
    assert untouched.startswith("untouched")
    assert in_use.startswith("in use")
    assert sum(line.startswith("zoom") for line in others) == 30


def test_flicker_is_counted_before_and_after_smoothing(run_example, faces, model_file):
    arguments = (faces, "--model", model_file, "--count", 6, "--seconds", 2)
    result = run_example("flicker.py", *arguments)
    assert result.returncode == 0, result.stderr
    settings, _, _, _, *lines = result.stdout.splitlines()
    assert settings.endswith("2 s at 25 frames a second")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert sum(int(row[1]) for row in rows) == 6
    changes = [[float(cell) for cell in row[2:6]] for row in rows]
    assert any(before > 0 for before, *_ in changes), "the camera is noisy"
    assert all(after <= before / 5 and most <= 1 for before, _, after, most in changes)
    off = [text for name in ("time-constant-s", "margin", "dwell-s", "return-s") for text in (f"--{name}", 0)]
    unsmoothed = run_example("flicker.py", *arguments, *off)
    for line in unsmoothed.stdout.splitlines()[4:]:
        cells = line.split("|")
        assert cells[3:5] == cells[5:7], "the control: all changes stay"


def test_limits_of_quality_have_a_table_each(run_example, fer2013):
    result = run_example("quality_limits.py", fer2013.path, "--count", 5)
    assert result.returncode == 0, result.stderr
    heads = [line.split()[0] for line in result.stdout.splitlines() if "too sure by" in line]
    assert heads == ["size_px", "sharpness", "turn_deg", "tilt_deg"]


def test_copies_of_training_pictures_are_counted_and_scored_apart(run_example, faces, trained, tmp_path):
    from mien.training.export.artefact import export_run

    dataset = open_dataset(faces)
    images, table = np.array(dataset.images), np.array(dataset.table)
    held_out, train = dataset.rows_of("validation"), dataset.rows_of("train")
    images[held_out[0]] = images[train[0]]
    images[held_out[1]] = images[train[1]] // 2 + 30
    table["twins"][held_out[0]] = table["twins"][train[0]]
    manifest = dataset.manifest
    copied = tmp_path / "copied"
    terms = {"name": "copied", "license": "none", "source": "drawn", "split": manifest.split, "seed": None}
    save_dataset(copied, table, images, labels=manifest.labels, has_votes=False, **terms)
    export_run(trained, tmp_path / "tiny.onnx")
    result = run_example("seen_before.py", copied, tmp_path / "tiny.onnx")
    assert result.returncode == 0, result.stderr
    names, pictures, scores = result.stdout.splitlines()
    assert names.split() == ["all", "twins", "near", "twins", "without", "twins", "without", "either"]
    count = len(held_out)
    assert pictures.split() == ["pictures", *map(str, [count, 1, 1, count - 1, count - 2])]
    assert scores.split()[0] == "tiny"
    assert all(0 <= float(score.rstrip("%")) <= 100 for score in scores.split()[1:])
