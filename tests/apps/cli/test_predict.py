import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.apps.cli.main import run
from mien.apps.cli.outputs import choose_targets, printable
from mien.core.labels import EXPRESSIONS


@pytest.fixture
def folder(tmp_path, crops) -> Path:
    """Return a folder of three pictures, one of them in a subfolder, and a file that is none."""
    root = tmp_path / "ein Ordner 表情"
    (root / "b").mkdir(parents=True)
    Image.fromarray(crops[0]).save(root / "1.png")
    Image.fromarray(crops[1]).resize((90, 60)).save(root / "b" / "1.png")
    Image.fromarray(crops[2]).save(root / "b" / "ü 2.jpg")
    (root / "notes.txt").write_text("no picture")
    return root


@pytest.fixture
def predict(model_file):
    """Return a function that runs `mien predict` with the tiny model."""
    return lambda *tokens: run(["predict", *map(str, tokens), "--model", str(model_file)])


def test_json_has_one_line_a_picture_as_documented(predict, folder, capsys) -> None:
    assert predict(folder, "--crops", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["source"] for line in lines] == [str(folder / name) for name in ("1.png", "b/1.png", "b/ü 2.jpg")]
    assert list(lines[1]) == ["source", "width", "height", "faces"]
    assert (lines[1]["width"], lines[1]["height"]) == (90, 60)
    (face,) = lines[1]["faces"]
    assert list(face) == [
        "box", "score", "landmarks", "expression", "confidence", "is_certain", "probabilities", "quality"
    ]  # fmt: skip
    assert (face["box"], face["score"], face["landmarks"]) == ([0, 0, 90, 60], None, None)
    assert tuple(face["probabilities"]) == EXPRESSIONS
    assert face["confidence"] == max(face["probabilities"].values()) == face["probabilities"][face["expression"]]


def test_rows_in_a_file_leave_their_errors_on_the_screen(predict, folder, tmp_path, capsys) -> None:
    for number in range(7):
        (folder / f"broken {number}.png").write_bytes(b"no picture")
    assert predict(folder, "--crops", "--csv", tmp_path / "rows.csv") == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" is in none")[0] for line in lines[:5]] == [
        f"mien: note: {folder}/broken {number}.png" for number in range(5)
    ]
    assert lines[5] == "mien: note: and 2 more; the column error has them"
    assert lines[6].startswith("wrote 10 rows")


def test_rows_are_not_written_as_another_form(predict, folder, tmp_path, capsys) -> None:
    assert predict(folder, "--crops", "--csv", tmp_path / "rows.xlsx") == 1
    assert "rows.xlsx sounds like another form. Name it rows.csv." in capsys.readouterr().err
    assert not (tmp_path / "rows.xlsx").exists()


def test_a_crop_of_1008_pixels_has_the_label_of_its_48_pixels(predict, tmp_path, crops, capsys) -> None:
    for number, crop in enumerate(crops):
        Image.fromarray(crop).save(tmp_path / f"{number}-small.png")
        Image.fromarray(np.kron(crop, np.ones((21, 21), np.uint8))).save(tmp_path / f"{number}-large.png")
    assert predict(tmp_path, "--crops", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["width"] for line in lines] == [1008, 48] * 5
    labels = [line["faces"][0]["expression"] for line in lines]
    assert labels[::2] == labels[1::2]
    assert len(set(labels)) > 1, "the control: one answer for all would show nothing"


def test_an_unreadable_picture_has_its_line_the_rest_go_on_and_the_status_is_1(predict, folder, capsys) -> None:
    (folder / "broken.png").write_bytes(b"no picture")
    assert predict(folder, folder / "absent.png", "--crops", "--json") == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [list(line) for line in lines if "error" in line] == [["source", "error"]] * 2
    assert [line["error"]["code"] for line in lines if "error" in line] == ["unreadable_media", "missing_media"]
    assert len([line for line in lines if "faces" in line]) == 3


def test_the_table_names_every_picture(predict, folder, capsys) -> None:
    (folder / "broken.png").write_bytes(b"no picture")
    assert predict(folder, "--crops") == 1
    table = capsys.readouterr().out.replace("\n", "")
    assert table.count("%") == 3
    assert "confidence" in table
    assert "where" not in table, "each picture is one face"
    assert "none of the formats that mien reads" in table
    assert "3 faces in 3 pictures" in table
    assert table.endswith(", 1 unreadable")


def test_csv_has_one_row_a_face_with_a_column_for_every_label(predict, folder, capsys) -> None:
    (folder / "broken.png").write_bytes(b"no picture")
    path = folder.parent / "out" / "a b.csv"
    assert predict(folder, "--crops", "--csv", path) == 1
    assert "wrote 4 rows" in capsys.readouterr().err
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    head = ["source", "x", "y", "width", "height", "score", "expression", "confidence", "is_certain"]
    head += ["size_px", "sharpness", "turn_deg", "tilt_deg"]
    assert list(rows[0]) == [*head, *EXPRESSIONS, "error"]
    good = [row for row in rows if not row["error"]]
    assert len(good) == 3
    assert (good[1]["width"], good[1]["score"]) == ("90.0", "")
    assert (good[1]["size_px"], good[1]["turn_deg"]) == ("60.0", "")
    assert good[1]["is_certain"] in {"true", "false"}
    assert sum(float(good[1][label]) for label in EXPRESSIONS) == pytest.approx(1, abs=1e-5)
    (bad,) = (row for row in rows if row["error"])
    assert all(not bad[name] for name in (*head[1:], *EXPRESSIONS))
    assert [file.name for file in path.parent.iterdir()] == ["a b.csv"]


def test_an_output_that_cannot_be_written_is_refused_and_nothing_is_left(predict, folder, capsys) -> None:
    for option in ("--csv", "--annotate"):
        assert predict(folder, "--crops", option, folder / "notes.txt" / "out") == 1
        error = capsys.readouterr().err
        assert error.startswith("mien: error: can't ")
        assert "Traceback" not in error
    assert predict(folder, "--crops", "--csv", folder / "b") == 1
    assert sorted(file.name for file in folder.iterdir()) == ["1.png", "b", "notes.txt"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_is_refused(predict, folder, tmp_path, capsys) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    for tokens in (("--csv", locked / "x.csv"), ("--annotate", locked), ("--annotate", locked / "x")):
        assert predict(folder, "--crops", *tokens) == 1
        assert "mien: error: can't" in capsys.readouterr().err


def test_annotated_pictures_keep_their_subfolders_and_overwrite_nothing(predict, folder, tmp_path, crops) -> None:
    other = tmp_path / "1.jpg"
    Image.fromarray(crops[3]).save(other)
    target = tmp_path / "drawn"
    assert predict(folder, other, folder / "b" / "1.png", "--crops", "--annotate", target) == 0
    found = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
    assert found == ["1-2.png", "1.png", "b/1.png", "b/ü 2.png"], "b/1.png was named twice and is drawn once"
    assert all(Image.open(target / name).size[0] >= 320 for name in found)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_to_a_picture_where_annotated_ones_go_leaves_it_alone(predict, folder, tmp_path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (tmp_path / "1.png").symlink_to(folder / "1.png")
    assert predict(tmp_path / "1.png", "--crops", "--annotate", folder) == 0
    assert {path: path.read_bytes() for path in before} == before
    assert (folder / "1-2.png").exists()


def test_names_that_differ_in_case_alone_are_kept_apart() -> None:
    sources = [(Path("a/X.png"), Path("X.png")), (Path("b/x.jpg"), Path("x.jpg"))]
    assert [path.name for path in choose_targets(Path("out"), sources)] == ["X.png", "x-2.png"]


@pytest.mark.parametrize("flag", [("--min-score", 0), ("--max-side-px", 900), ("--detector", "mine.onnx")])
def test_flags_of_the_search_are_refused_where_nothing_is_searched(predict, folder, flag, capsys) -> None:
    assert predict(folder, "--crops", *flag) == 1
    assert f"{flag[0]} tells how to look for faces; with --crops none are looked for" in capsys.readouterr().err


def test_a_place_without_pictures_is_refused(predict, tmp_path, folder, capsys) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert predict(empty, "--crops") == 1
    assert "no pictures found" in capsys.readouterr().err
    assert predict(empty, folder, "--crops", "--json") == 0
    captured = capsys.readouterr()
    assert "note: no pictures in" in captured.err
    assert len(captured.out.splitlines()) == 3


def test_two_forms_of_output_at_once_are_a_wrong_call(predict, folder, tmp_path) -> None:
    assert predict(folder, "--crops", "--json", "--csv", tmp_path / "x.csv") == 2
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize("tokens", [("--threads", "0"), ("--model", "no-such-model")])
def test_a_bad_request_is_refused_in_one_line(folder, tokens, model_file, capsys) -> None:
    model = () if "--model" in tokens else ("--model", str(model_file))
    assert run(["predict", str(folder), "--crops", *tokens, *model]) == 1
    error = capsys.readouterr().err
    assert error.startswith("mien: error: ")
    assert error.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_a_file_name_that_is_no_text_is_handled(predict, tmp_path, crops, capsys) -> None:
    Image.fromarray(crops[0]).save(tmp_path / "x.png")
    odd = os.fsdecode(b"bad\xff\x1b[31m.png")
    try:
        (tmp_path / "x.png").rename(tmp_path / odd)
    except OSError:
        pytest.skip("this file system takes only text as names")
    assert predict(tmp_path, "--crops", "--json") == 0
    assert json.loads(capsys.readouterr().out)["source"].endswith(odd)
    assert predict(tmp_path, "--crops", "--csv", tmp_path / "x.csv") == 0
    assert b"bad\\udcff" in (tmp_path / "x.csv").read_bytes()
    assert predict(tmp_path, "--crops") == 0
    assert "\x1b[31m.png" not in capsys.readouterr().out


def test_control_letters_are_shown_and_not_obeyed() -> None:
    assert printable("a\x1b[31m\nü 表\udcff") == "a\\x1b[31m\\nü 表\\udcff"


def test_the_bundled_model_is_the_default(bundled_model, folder, capsys) -> None:
    assert run(["predict", str(folder), "--crops", "--json"]) == 0
    assert np.isfinite(json.loads(capsys.readouterr().out.splitlines()[0])["faces"][0]["confidence"])


@pytest.mark.parametrize("target", ["face.png", "new.jpg", "link.csv"])
def test_rows_never_replace_a_picture(tmp_path, monkeypatch, capsys, model_file, target) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("L", (48, 48), 90).save("face.png")
    Path("link.csv").symlink_to("face.png")
    before = Path("face.png").read_bytes()
    assert run(["predict", "face.png", "--crops", "--model", str(model_file), "--csv", target]) == 1
    assert "names a picture" in capsys.readouterr().err
    assert Path("face.png").read_bytes() == before


def test_a_name_that_begins_with_a_bracket_is_a_name(tmp_path, monkeypatch, capsys, model_file) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("[1] photo.png", '["a.png"]'):
        Image.new("L", (48, 48), 90).save(name, "PNG")
        assert run(["predict", name, "--crops", "--model", str(model_file), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["source"] == name


def test_an_empty_path_is_not_the_current_folder(tmp_path, monkeypatch, capsys, model_file) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("L", (48, 48), 90).save("face.png")
    assert run(["predict", "", "--crops", "--model", str(model_file)]) == 1
    assert "empty" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("form", [["--json"], []])
def test_a_full_disk_behind_stdout_is_one_line(tmp_path, model_file, form) -> None:
    Image.new("L", (48, 48), 90).save(tmp_path / "face.png")
    command = [sys.executable, "-m", "mien", "predict", "face.png", "--crops", "--model", str(model_file), *form]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.strip() == "mien: error: No space left on device."
