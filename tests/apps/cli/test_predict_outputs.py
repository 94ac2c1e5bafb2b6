"""What comes out of `mien predict` on a terminal, in a long table, and when a picture is gone before it is drawn."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from mien.apps.cli.main import run
from mien.apps.cli.result_table import MAX_ROWS, ResultTable, Tally
from mien.core.errors import UnreadableMediaError
from mien.core.results import Picture
from mien.inference.media.pictures import read_picture


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Return a folder of three pictures, and go to the one above it."""
    monkeypatch.chdir(tmp_path)
    folder = Path("photos")
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.new("L", (48, 48), 90).save(folder / name)
    return folder


@pytest.fixture
def predict(model_file):
    """Return a function that runs `mien predict --crops` with the tiny model."""
    return lambda *tokens: run(["predict", *map(str, tokens), "--crops", "--model", str(model_file)])


@pytest.mark.skipif(os.name == "nt", reason="no such terminals there")
@pytest.mark.parametrize(("out_is_terminal", "has_bar"), [(False, True), (True, False)])
def test_a_terminal_behind_stderr_takes_the_bar_and_none_of_the_json(
    folder, model_file, tmp_path, out_is_terminal, has_bar
) -> None:
    import pty

    for number in range(60):
        Image.new("L", (48, 48), number).save(folder / f"{number:02d}.png")
    command = [sys.executable, "-m", "mien", "predict", "photos", "--crops", "--model", str(model_file), "--json"]
    ours, theirs = pty.openpty()
    with (tmp_path / "out.jsonl").open("w") as file:
        stdout = theirs if out_is_terminal else file
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
        process = subprocess.Popen(command, stdout=stdout, stderr=theirs, env=environment)
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:  # Linux says so where the other side is closed
            pass
        os.close(ours)
        assert process.wait() == 0
    told = shown.decode() if out_is_terminal else (tmp_path / "out.jsonl").read_text()
    assert [len(json.loads(line)["faces"]) for line in told.splitlines()] == [1] * 63
    assert ("reading" in shown.decode()) == has_bar
    assert ('"source"' in shown.decode()) == out_is_terminal


def test_where_annotated_pictures_went_is_told(predict, folder, capsys) -> None:
    assert predict(folder, "--annotate", "seen") == 0
    assert capsys.readouterr().err == "wrote 3 pictures into seen\n"
    assert predict(folder / "a.png", "--annotate", "seen/one.png") == 1
    assert "seen/one.png names a picture, and a folder is meant" in capsys.readouterr().err
    assert sorted(path.name for path in Path("seen").iterdir()) == ["a.png", "b.png", "c.png"]


@pytest.fixture
def gone(monkeypatch) -> None:
    """Let b.png be read once and be gone when it is to be drawn upon."""

    def read(path: Path):
        if path.name == "b.png":
            raise UnreadableMediaError(f"{path} does not exist.")
        return read_picture(path)

    monkeypatch.setattr("mien.apps.cli.outputs.read_picture", read)


@pytest.mark.usefixtures("gone")
def test_a_picture_that_is_gone_before_it_is_drawn_is_told_and_the_rows_are_kept(predict, folder, capsys) -> None:
    assert predict(folder, "--annotate", "seen", "--csv", "x.csv") == 1
    with Path("x.csv").open(newline="", encoding="utf-8") as file:
        assert [Path(row["source"]).name for row in csv.DictReader(file)] == ["a.png", "b.png", "c.png"]
    assert sorted(path.name for path in Path("seen").iterdir()) == ["a.png", "c.png"]
    first, second, last = capsys.readouterr().err.splitlines()
    assert first == f"mien: note: not drawn: {folder / 'b.png'} does not exist."
    assert second == "wrote 2 pictures into seen"
    assert last.startswith("wrote 3 rows to x.csv: 3 faces in 3 pictures")
    assert last.endswith(", 1 not drawn")


@pytest.mark.usefixtures("gone")
def test_the_counts_below_the_table_hold_what_was_not_drawn(predict, folder, capsys) -> None:
    assert predict(folder, "--annotate", "seen") == 1
    assert capsys.readouterr().out.endswith(", 1 not drawn\n")
    assert predict(folder) == 0, "the control: nothing is to be drawn"


def test_a_folder_that_cannot_be_written_to_still_ends_the_run(predict, folder, monkeypatch, capsys) -> None:
    def refuse(_path: Path, _data: bytes) -> None:
        raise UnreadableMediaError("can't write it.")

    monkeypatch.setattr("mien.apps.cli.outputs.write_bytes", refuse)
    assert predict(folder, "--annotate", "seen", "--csv", "x.csv") == 1
    assert capsys.readouterr().err.startswith("mien: error: can't write it.")
    assert not Path("x.csv").exists()


def test_a_wrong_model_leaves_no_empty_folder(folder) -> None:
    assert run(["predict", "photos", "--crops", "--annotate", "seen/deep", "--model", "no-such-model"]) == 1
    assert not Path("seen").exists()


@pytest.mark.usefixtures("folder")
def test_a_file_that_is_not_there_is_not_called_unreadable(predict, capsys) -> None:
    assert predict("absent.png") == 1
    shown = capsys.readouterr().out
    assert shown.endswith("\nabsent.png does not exist.\n1 not found\n")
    assert "unreadable" not in shown
    Path("broken.png").write_bytes(b"no picture")
    assert predict("absent.png", "broken.png", "--csv", "x.csv") == 1
    absent, broken, summary = capsys.readouterr().err.splitlines()
    assert absent == "mien: note: absent.png does not exist."
    assert broken.startswith("mien: note: broken.png is in none of the formats")
    assert summary == "wrote 2 rows to x.csv: 1 unreadable, 1 not found"


def read_table(pictures: list[Picture], capsys: pytest.CaptureFixture[str]) -> str:
    tally = Tally()
    with ResultTable.collect(tally, has_places=False) as table:
        for picture in pictures:
            tally.write(picture)
            table.write(picture)
    return capsys.readouterr().out


def test_a_long_table_is_cut_and_the_counts_are_not(capsys) -> None:
    pictures = [Picture(f"{number}.png", 9, 9, ()) for number in range(MAX_ROWS + 1)]
    whole = read_table(pictures[:-1], capsys)
    assert f" {MAX_ROWS - 1}.png " in whole
    assert "more row" not in whole, "the control"
    one_more = read_table(pictures, capsys)
    assert f" {MAX_ROWS - 1}.png " in one_more
    assert f" {MAX_ROWS}.png " not in one_more
    assert "\n... and 1 more row; write it with --csv FILE\n" in one_more
    assert one_more.endswith(f"no face, {MAX_ROWS + 1} pictures without a face\n")
    assert "\n... and 1,002 more rows; write them with --csv FILE\n" in read_table(pictures * 2, capsys)


def test_a_name_is_whole_in_a_pipe_and_folded_in_a_narrow_terminal(capsys, monkeypatch) -> None:
    name = "a long name without a space " * 4 + "x.png"
    pictures = [Picture(name, 9, 9, ())]
    monkeypatch.delenv("COLUMNS", raising=False)
    assert name in read_table(pictures, capsys)
    monkeypatch.setenv("COLUMNS", "60")
    assert name not in read_table(pictures, capsys)


def test_absence_is_told_by_the_code_whatever_the_words(capsys) -> None:
    absent = Picture("a.png", error={"code": "missing_media", "message": "there is no a.png."})
    broken = Picture("b.png", error={"code": "unreadable_media", "message": "b.png does not exist."})
    absent_row, broken_row = read_table([absent, broken], capsys).splitlines()[3:5]
    assert absent_row.split()[1:3] == ["a.png", "│"]
    assert "not found" in absent_row
    assert "unreadable" in broken_row
    assert read_table([absent, absent, broken], capsys).endswith("\n1 unreadable, 2 not found\n")


def test_errors_of_late_pictures_are_told_and_are_as_many_as_rows(capsys) -> None:
    def fail(number: int) -> Picture:
        return Picture(f"{number}.png", None, None, None, {"code": "unreadable_media", "message": f"{number} is bad"})

    good = [Picture("x.png", 9, 9, ())] * (MAX_ROWS + 5)
    assert "\n... and 6 more rows; write them with --csv FILE\n7 is bad\n" in read_table([*good, fail(7)], capsys)
    told = read_table([fail(number) for number in range(MAX_ROWS + 2)], capsys)
    assert told.count(" is bad\n") == MAX_ROWS
    assert told.endswith(f"... and 2 more errors; write them with --csv FILE\n{MAX_ROWS + 2} unreadable\n")
