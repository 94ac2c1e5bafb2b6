import numpy as np
from PIL import Image

from mien.apps.cli import demo as module
from mien.apps.cli.demo import SHEET_NAME, read_mean_faces
from mien.apps.cli.main import run
from mien.core.labels import EXPRESSIONS


def test_the_demo_prints_a_table_and_writes_a_picture(bundled_model, tmp_path, capsys) -> None:
    assert run(["demo", "--out", str(tmp_path / "new folder")]) == 0
    shown = capsys.readouterr().out
    assert all(expression in shown for expression in EXPRESSIONS)
    assert shown.count("%") == len(EXPRESSIONS)
    with Image.open(tmp_path / "new folder" / SHEET_NAME) as sheet:
        assert min(sheet.size) > 400


def test_it_writes_into_the_current_folder_by_default(bundled_model, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["demo"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [SHEET_NAME]


def test_where_nothing_can_be_written_the_table_still_comes(bundled_model, tmp_path, capsys) -> None:
    (tmp_path / "file").touch()
    assert run(["demo", "--out", str(tmp_path / "file" / "x")]) == 0
    shown = capsys.readouterr().out
    assert shown.count("%") == len(EXPRESSIONS)
    assert "No picture was written" in shown


def test_where_no_face_is_found_it_says_so(bundled_model, tmp_path, monkeypatch, capsys) -> None:
    noise = list(np.random.default_rng(5).integers(0, 256, (7, 48, 48), np.uint8))
    monkeypatch.setattr(module, "read_mean_faces", lambda: noise)
    assert run(["demo", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("no face found") == len(EXPRESSIONS)


def test_the_bundled_picture_has_seven_different_faces() -> None:
    tiles = read_mean_faces()
    assert [tile.shape for tile in tiles] == [(48, 48)] * 7
    assert len({tile.tobytes() for tile in tiles}) == 7


def test_a_folder_called_like_a_picture_is_refused(tmp_path, capsys) -> None:
    assert run(["demo", "--out", str(tmp_path / "x.jpg")]) == 1
    assert "x.jpg names a picture, and a folder is meant" in capsys.readouterr().err
    assert not (tmp_path / "x.jpg").exists()
