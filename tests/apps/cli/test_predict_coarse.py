"""`mien predict --coarse`: tone and valence in every form of the output, and only when asked."""

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from mien.apps.cli.main import run
from mien.apps.cli.picture_rows import list_columns, make_rows
from mien.apps.cli.result_table import ResultTable, Tally
from mien.apps.cli.tables import ParquetTable
from mien.core.coarse import TONES
from mien.core.geometry import Box
from mien.core.labels import EXPRESSIONS
from mien.core.results import Face, Picture, Quality

ADDED = ["tone", "tone_confidence", "valence"]


@pytest.fixture
def predict(model_file, crops, tmp_path, monkeypatch):
    """Return a function that runs `mien predict --crops` where there is a folder of two faces and a broken file."""
    monkeypatch.chdir(tmp_path)
    Path("faces").mkdir()
    for number in range(2):
        Image.fromarray(crops[number]).save(f"faces/{number}.png")
    Path("faces/broken.png").write_bytes(b"no picture")
    return lambda *tokens, model=model_file: run(["predict", "faces", "--crops", "--model", str(model), *tokens])


@pytest.fixture
def strange_model(build_model, tmp_path) -> Path:
    path = tmp_path / "strange.onnx"
    path.write_bytes(build_model(("happy", "sad", "contempt")))
    return path


def face_of(probabilities: dict[str, float]) -> Face:
    return Face(Box(0, 0, 48, 48), None, None, probabilities, Quality(48))


def test_json_has_three_more_keys_a_face_and_none_without_the_flag(predict, capsys) -> None:
    assert predict("--json", "--coarse") == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert predict("--json") == 1
    plain = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for line, other in zip(lines[:2], plain[:2], strict=True):
        (face,), (bare,) = line["faces"], other["faces"]
        assert list(face) == [*bare, *ADDED]
        assert face["tone"] in TONES
        negative = sum(bare["probabilities"][label] for label in ("angry", "disgust", "fear", "sad"))
        assert face["tone_confidence"] >= negative or face["tone"] == "negative"
        assert -1 < face["valence"] < 1
    assert lines[2] == plain[2]
    assert "error" in lines[2]


def test_csv_has_three_more_columns_before_the_error(predict) -> None:
    assert predict("--csv", "plain.csv") == predict("--csv", "coarse.csv", "--coarse") == 1
    with Path("plain.csv").open(newline="") as first, Path("coarse.csv").open(newline="") as second:
        plain, coarse = list(csv.reader(first)), list(csv.reader(second))
    assert coarse[0] == [*plain[0][:-1], *ADDED, "error"]
    assert [[*row[:-4], row[-1]] for row in coarse] == plain
    assert coarse[1][-4] in TONES
    assert coarse[3][-4:-1] == ["", "", ""]
    assert coarse[3][-1]


def test_parquet_has_them_in_real_types(predict) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet files need the tables extra")
    assert predict("--parquet", "x.parquet", "--coarse") == predict("--csv", "x.csv", "--coarse") == 1
    table = parquet.read_table("x.parquet")
    assert [str(table.schema.field(name).type).split(",")[0] for name in ADDED] == [
        "dictionary<values=string",
        "double",
        "double",
    ]
    with Path("x.csv").open(newline="") as file:
        expected = list(csv.DictReader(file))
    for row, other in zip(table.to_pylist(), expected, strict=True):
        assert ["" if row[name] is None else str(row[name]) for name in ADDED] == [other[name] for name in ADDED]
    with ParquetTable.create(Path("plain.parquet"), list_columns(EXPRESSIONS)):
        pass
    assert not set(ADDED) & set(parquet.read_schema("plain.parquet").names), "the control"


def test_the_table_shows_them_only_when_asked(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    picture = Picture("a.png", 48, 48, (face_of({"happy": 0.4, "sad": 0.35, "angry": 0.25}),))
    for has_tone in (True, False):
        with ResultTable.collect(Tally(), has_places=False, has_tone=has_tone) as table:
            table.write(picture)
            table.write(Picture("b.png", 9, 9, ()))
        shown = capsys.readouterr().out
        assert all((text in shown) is has_tone for text in ("tone", "valence", "negative", "60.0%", "-0.02"))
        assert "happy" in shown
        assert "no face" in shown


def test_without_the_seven_they_are_empty_and_nothing_is_guessed(predict, strange_model, capsys) -> None:
    assert predict("--json", "--coarse", model=strange_model) == 1
    face = json.loads(capsys.readouterr().out.splitlines()[0])["faces"][0]
    assert [face[name] for name in ADDED] == [None] * 3
    assert predict("--coarse", model=strange_model) == 1
    assert not set(TONES) & set(capsys.readouterr().out.split())
    assert predict("--csv", "x.csv", "--coarse", model=strange_model) == 1
    with Path("x.csv").open(newline="") as file:
        assert [[row[name] for name in ADDED] for row in csv.DictReader(file)] == [[""] * 3] * 3


def test_a_label_named_like_one_of_the_columns_keeps_its_own() -> None:
    labels = ("tone", "valence")
    picture = Picture("a.png", 48, 48, (face_of({"tone": 0.75, "valence": 0.25}),))
    columns = [column.name for column in list_columns(labels, has_tone=True)]
    (row,) = make_rows(picture, labels, has_tone=True)
    assert len(set(columns)) == len(columns) == len(row)
    values = dict(zip(columns, row, strict=True))
    assert (values["probability of tone"], values["tone"], values["probability of valence"]) == (0.75, None, 0.25)
    assert [column.name for column in list_columns(labels)][-3:] == ["tone", "valence", "error"]


def test_no_word_of_the_table_is_cut_at_80_columns(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    faces = [Face(Box(709, 406, 186, 223), 0.9, None, {label: 1.0}, Quality(186)) for label in EXPRESSIONS]
    with ResultTable.collect(Tally(), has_places=True, has_tone=True) as table:
        table.write(Picture("a folder of long names/" * 3 + "1.png", 999, 999, tuple(faces)))
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert {*EXPRESSIONS, *TONES, "expression", "confidence", "100.0%", "709,406", "+0.81"} <= set(shown.split())
    assert max(map(len, shown.splitlines())) <= 80
