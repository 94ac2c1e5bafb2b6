"""Ctrl-C while `mien predict` writes rows: what was read by then is kept, whole."""

import csv
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from mien.apps.cli.interruption import in_one_piece
from mien.apps.cli.main import run
from mien.apps.cli.outputs import JsonLines
from mien.apps.cli.picture_rows import PictureRows
from mien.core.results import Picture
from mien.inference.recognizer import Recognizer

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of Unix")


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> None:
    """Be where there is a folder of five pictures."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for name in "abcde":
        Image.new("L", (48, 48), 90).save(f"photos/{name}.png")


@pytest.fixture
def predict(model_file):
    """Return a function that runs `mien predict --crops` with the tiny model."""
    return lambda *tokens: run(["predict", "photos", "--crops", "--model", str(model_file), *tokens])


@pytest.fixture
def interrupt_after(monkeypatch):
    """Return a function that lets Ctrl-C come when so many pictures were read."""

    def set_number(number: int) -> None:
        read = Recognizer.predict_crops

        def read_some(self: Recognizer, pictures: Iterator[Path]) -> Iterator[Picture]:
            for count, picture in enumerate(read(self, pictures)):
                if count == number:
                    press_ctrl_c()
                yield picture

        monkeypatch.setattr(Recognizer, "predict_crops", read_some)

    return set_number


def read_names(path: str) -> list[str]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return [Path(row["source"]).stem for row in csv.DictReader(file)]


def test_rows_so_far_are_kept(predict, interrupt_after, capsys) -> None:
    interrupt_after(3)
    assert predict("--csv", "rows.csv") == 130
    assert capsys.readouterr().err == "mien: interrupted after 3 pictures; rows.csv holds them\n"
    assert read_names("rows.csv") == ["a", "b", "c"]
    assert sorted(path.name for path in Path().iterdir()) == ["photos", "rows.csv"]


def test_a_parquet_file_is_closed(predict, interrupt_after, capsys) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet files need the tables extra")
    interrupt_after(1)
    assert predict("--parquet", "rows.parquet") == 130
    assert capsys.readouterr().err == "mien: interrupted after 1 picture; rows.parquet holds it\n"
    assert parquet.read_table("rows.parquet").num_rows == 1


def test_before_the_first_picture_nothing_is_replaced(predict, interrupt_after, capsys) -> None:
    Path("rows.csv").write_text("of yesterday")
    interrupt_after(0)
    assert predict("--csv", "rows.csv") == 130
    assert capsys.readouterr().err == "mien: interrupted\n"
    assert Path("rows.csv").read_text() == "of yesterday"


def test_a_picture_that_is_being_written_is_written_whole(predict, monkeypatch, capsys) -> None:
    write = PictureRows.write

    def write_late(self: PictureRows, picture: Picture) -> None:
        if picture.source.endswith("b.png"):
            press_ctrl_c()
        write(self, picture)

    monkeypatch.setattr(PictureRows, "write", write_late)
    assert predict("--csv", "rows.csv") == 130
    assert "after 2 pictures" in capsys.readouterr().err
    assert read_names("rows.csv") == ["a", "b"]


def test_who_presses_it_twice_does_not_wait(predict, monkeypatch, capsys) -> None:
    def hang(self: JsonLines, picture: Picture) -> None:
        press_ctrl_c()
        press_ctrl_c()
        raise AssertionError("the second one waited, too")

    monkeypatch.setattr(JsonLines, "write", hang)
    assert predict("--json") == 130
    assert capsys.readouterr().err == "mien: interrupted\n"


def test_without_ctrl_c_all_rows_are_there(predict, capsys) -> None:
    """The control."""
    assert predict("--csv", "rows.csv") == 0
    assert capsys.readouterr().err.startswith("wrote 5 rows to rows.csv")
    assert read_names("rows.csv") == list("abcde")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with in_one_piece():
            press_ctrl_c()
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
