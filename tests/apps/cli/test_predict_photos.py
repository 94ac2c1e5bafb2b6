"""`mien predict` on whole photos, with a detector that finds two faces in every picture, one of them surely."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.apps.cli.main import run
from mien.core.labels import EXPRESSIONS


@pytest.fixture
def predict(model_file, detector_file):
    """Return a function that runs `mien predict` with the tiny model and the fixed detector."""
    models = ["--model", str(model_file), "--detector", str(detector_file), "--threads", "1"]
    return lambda *tokens: run(["predict", *map(str, tokens), *models])


@pytest.fixture
def photos(tmp_path, monkeypatch) -> Path:
    """Return a folder of photos of many kinds, one of them broken, and go there."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "photos"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (120, 200, 4), np.uint8)
    Image.fromarray(noise[:, :, :3]).save(folder / "a.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    Image.fromarray(noise[:, :, 0]).save(folder / "gray.png")
    Image.fromarray(noise).save(folder / "rgba.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise[:, :, :3]).save(folder / "turned.jpg", exif=exif)
    return folder


def read_lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_has_the_faces_of_every_kind_of_picture(predict, photos, capsys) -> None:
    assert predict(photos, "--json") == 1
    captured = capsys.readouterr()
    lines = {Path(line["source"]).name: line for line in read_lines(captured.out)}
    assert captured.err == ""
    assert list(lines) == ["a.png", "broken.jpg", "gray.png", "rgba.png", "turned.jpg"]
    assert lines["broken.jpg"]["error"]["code"] == "unreadable_media"
    assert (lines["turned.jpg"]["width"], lines["turned.jpg"]["height"]) == (120, 200)
    assert lines["turned.jpg"]["faces"][0]["box"] == pytest.approx([12, 40, 36, 80])
    for name in ("a.png", "gray.png", "rgba.png"):
        (face,) = lines[name]["faces"]
        assert face["box"] == pytest.approx([20, 24, 60, 48])
        assert face["score"] == pytest.approx(0.9)
        assert np.shape(face["landmarks"]) == (5, 2)
        assert face["quality"]["turn_deg"] is not None


def test_a_lower_score_shows_more_faces_and_a_higher_one_none(predict, photos, capsys) -> None:
    assert predict(photos / "a.png", "--json", "--min-score", "0.2") == 0
    assert [face["score"] for face in json.loads(capsys.readouterr().out)["faces"]] == pytest.approx([0.9, 0.4])
    assert predict(photos / "a.png", "--json", "--min-score", "0.95", "--max-side-px", "64") == 0
    assert json.loads(capsys.readouterr().out)["faces"] == []


def test_csv_has_a_row_a_face_and_the_person_is_told_how_many(predict, photos, capsys) -> None:
    assert predict("photos/*.png", "photos/broken.jpg", "--csv", "faces.csv", "--min-score", "0.2") == 1
    with Path("faces.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["source"]).name for row in rows] == ["a.png"] * 2 + ["gray.png"] * 2 + ["rgba.png"] * 2 + [
        "broken.jpg"
    ]
    assert [float(rows[1][name]) for name in ("x", "y", "width", "height")] == pytest.approx([110, 30, 60, 48])
    assert all(float(row["size_px"]) == pytest.approx(48) and row["sharpness"] for row in rows[:6])
    unsure = sum(row["is_certain"] == "false" for row in rows)
    captured = capsys.readouterr()
    assert captured.out == ""
    said = f", {unsure} of the faces not certain" if unsure else ""
    note, summary = captured.err.splitlines()
    assert note.startswith("mien: note: photos/broken.jpg is in none of the formats")
    assert summary == f"wrote 7 rows to faces.csv: 6 faces in 3 pictures{said}, 1 unreadable"


def test_pictures_without_a_face_are_counted(predict, photos, capsys) -> None:
    assert predict("photos/a.png", "photos/gray.png", "--csv", "x.csv", "--min-score", "0.95") == 0
    assert capsys.readouterr().err == "wrote 2 rows to x.csv: no face, 2 pictures without a face\n"
    assert predict("photos/a.png", "--min-score", "0.95") == 0
    out = capsys.readouterr().out
    assert re.search(r"photos/a.png\W+no face", out)
    assert out.endswith("no face, 1 picture without a face\n")


def test_the_table_says_which_face_is_which_in_80_columns(predict, photos, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert predict(photos, "--min-score", "0.2") == 1
    out = capsys.readouterr().out
    assert out.count("60x48 at 20,24") == out.count("60x48 at 110,30") == 3
    assert out.index("60x48 at 20,24") < out.index("60x48 at 110,30")
    assert max(map(len, out.split("└")[0].splitlines())) <= 80
    below = " ".join(out.split("┘")[1].split())
    assert "broken.jpg is in none of the formats" in below
    assert re.search(r"8 faces in 4 pictures.*, 1 unreadable$", below)


def test_annotated_photos_have_their_faces_framed(predict, photos, capsys) -> None:
    assert predict("photos/*", "--annotate", "drawn") == 1
    assert sorted(path.name for path in Path("drawn").iterdir()) == ["a.png", "gray.png", "rgba.png", "turned.png"]
    assert Image.open("drawn/turned.png").size == (240, 400), "upright, and enlarged"


def test_a_picture_one_pixel_wide_is_read_and_drawn(predict, photos, capsys) -> None:
    Image.new("L", (1, 90), 80).save("thin.png")
    Image.new("L", (90, 1), 80).save("flat.png")
    assert predict("thin.png", "flat.png", "--json", "--annotate", "drawn") == 0
    assert [(line["width"], line["height"]) for line in read_lines(capsys.readouterr().out)] == [(1, 90), (90, 1)]
    assert all(min(Image.open(f"drawn/{name}").size) >= 4 for name in ("thin.png", "flat.png"))


@pytest.mark.parametrize(
    ("flag", "value", "status"),
    [
        ("--min-score", "1.5", 1),
        ("--min-score", "-0.1", 1),
        ("--min-score", "nan", 1),
        ("--min-score", "high", 2),
        ("--max-side-px", "0", 1),
        ("--max-side-px", "9000000", 1),
        ("--max-side-px", "wide", 2),
    ],
)
def test_a_value_out_of_range_is_refused_and_nothing_is_written(predict, photos, capsys, flag, value, status) -> None:
    assert predict("photos/a.png", "--csv", "x.csv", f"{flag}={value}") == status
    assert flag[2:5] in "".join(capsys.readouterr())
    assert not Path("x.csv").exists()


def test_sixty_pictures_come_in_the_order_of_their_names(predict, photos, capsys) -> None:
    folder = Path("many")
    folder.mkdir()
    for number in range(60):
        Image.new("L", (40 + number, 50), number).save(folder / f"{number:02d}.png")
    (folder / "30.png").write_bytes(b"")
    assert predict(folder, "--json") == 1
    lines = read_lines(capsys.readouterr().out)
    assert [Path(line["source"]).name for line in lines] == [f"{number:02d}.png" for number in range(60)]
    assert [line.get("width") for line in lines] == [None if number == 30 else 40 + number for number in range(60)]


def test_a_label_that_is_named_like_a_column_keeps_its_probability(
    build_model, detector_file, photos, tmp_path, capsys
) -> None:
    labels = ("score", "calm")
    (tmp_path / "own.onnx").write_bytes(build_model(labels))
    tokens = ["predict", "photos/a.png", "--model", "own.onnx", "--detector", str(detector_file), "--csv", "x.csv"]
    assert run(tokens) == 0
    with Path("x.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert float(row["score"]) == pytest.approx(0.9)
    assert float(row["probability of score"]) + float(row["calm"]) == pytest.approx(1)
    assert not set(EXPRESSIONS) & set(row)
