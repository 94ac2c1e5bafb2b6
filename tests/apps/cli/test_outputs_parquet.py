"""`mien predict --parquet`: the rows of the CSV file in real types."""

import csv
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.apps.cli import tables as tables_module
from mien.apps.cli.main import run
from mien.apps.cli.picture_rows import PictureRows, list_columns, make_rows
from mien.apps.cli.tables import ParquetTable, check_parquet
from mien.core.errors import MissingExtraError
from mien.core.labels import EXPRESSIONS
from mien.core.results import Picture


@pytest.fixture
def predict(model_file, detector_file, tmp_path, monkeypatch):
    """Return a function that runs `mien predict` where there is a folder of photos, one of them broken."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for number in range(4):
        noise = np.random.default_rng(number).integers(0, 256, (90, 120, 3), np.uint8)
        Image.fromarray(noise).save(f"photos/{number} ü.png")
    Path("photos/broken.png").write_bytes(b"no picture")
    model, detector = ["--model", str(model_file)], ["--detector", str(detector_file)]
    return lambda *tokens: run(["predict", *map(str, tokens), *model, *([] if "--crops" in tokens else detector)])


@pytest.fixture
def parquet():
    return pytest.importorskip("pyarrow.parquet", reason="Parquet files need the tables extra")


def as_text(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("tokens", [("--min-score", "0.2"), ("--min-score", "0.95"), ("--crops",)])
def test_it_holds_what_the_csv_file_holds(predict, parquet, tokens, capsys) -> None:
    assert predict("photos", "--csv", "x.csv", *tokens) == 1
    told = capsys.readouterr().err
    assert predict("photos", "--parquet", "out/x.parquet", *tokens) == 1
    assert capsys.readouterr().err == told.replace("x.csv", "out/x.parquet")
    with Path("x.csv").open(newline="", encoding="utf-8") as file:
        expected = list(csv.DictReader(file))
    found = parquet.read_table("out/x.parquet").to_pylist()
    assert [{name: as_text(value) for name, value in row.items()} for row in found] == expected
    assert list(found[0]) == list(expected[0])
    assert [path.name for path in Path("out").iterdir()] == ["x.parquet"]


def test_a_name_of_another_form_is_refused_before_anything_is_read(predict, parquet, capsys) -> None:
    assert predict("photos", "--parquet", "rows.csv") == 1
    error = capsys.readouterr().err
    assert "--parquet writes PARQUET, and rows.csv sounds like another form. Name it rows.parquet." in error
    assert len(error.splitlines()) == 1
    assert not Path("rows.csv").exists()


def test_columns_have_real_types(predict, parquet) -> None:
    assert predict("photos", "--parquet", "x.parquet") == 1
    schema = parquet.read_schema("x.parquet")
    kinds = {field.name: str(field.type) for field in schema}
    assert kinds.pop("is_certain") == "bool"
    assert kinds.pop("expression").startswith("dictionary<values=string")
    assert {kinds.pop(name) for name in ("source", "error")} == {"string"}
    assert set(kinds) >= {"x", "score", "confidence", "size_px", "tilt_deg", *EXPRESSIONS}
    assert set(kinds.values()) == {"double"}


def test_rows_are_written_in_groups_as_they_come(predict, parquet, monkeypatch) -> None:
    monkeypatch.setattr(tables_module, "ROWS_A_GROUP", 3)
    assert predict("photos", "--parquet", "x.parquet") == 1
    file = parquet.ParquetFile("x.parquet")
    assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == [3, 2]
    assert file.read().column("source").to_pylist()[-1].endswith("broken.png")


def test_it_is_not_there_before_all_rows_are(parquet, tmp_path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"what was there")

    def write_and_stop() -> None:
        with ParquetTable.create(path, list_columns(EXPRESSIONS)) as table:
            table.write(make_rows(Picture("a", 1, 1, faces=()), EXPRESSIONS))
            table.flush()
            assert path.read_bytes() == b"what was there"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_stop()
    assert path.read_bytes() == b"what was there"
    assert [file.name for file in tmp_path.iterdir()] == ["x.parquet"]


def test_names_that_are_no_text_have_escapes(parquet, tmp_path) -> None:
    odd = os.fsdecode(b"bad\xff.png") if os.name != "nt" else "bad\udcff.png"
    picture = Picture(odd, error={"code": "unreadable_media", "message": f"{odd} is empty"})
    with ParquetTable.create(tmp_path / "x.parquet", list_columns(EXPRESSIONS)) as table:
        PictureRows(table, EXPRESSIONS).write(picture)
    (row,) = parquet.read_table(tmp_path / "x.parquet").to_pylist()
    assert (row["source"], row["error"]) == ("bad\\udcff.png", "bad\\udcff.png is empty")
    assert make_rows(picture, EXPRESSIONS)[0][0] == row["source"]


def test_without_the_extra_nothing_is_read(predict, monkeypatch, capsys) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded, or pictures were looked for")

    monkeypatch.setattr("mien.apps.cli.predict.find_sources", refuse)
    monkeypatch.setattr("mien.apps.cli.predict.Recognizer.load", refuse)
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    assert predict("photos", "--parquet", "x.parquet") == 1
    assert "pip install 'mien[tables]'" in capsys.readouterr().err
    with pytest.raises(MissingExtraError, match="'pyarrow'"):
        check_parquet()
    assert not Path("x.parquet").exists()


def test_pictures_are_spared_and_forms_exclude_each_other(predict, parquet, capsys) -> None:
    before = Path("photos/0 ü.png").read_bytes()
    for target in ("photos/0 ü.png", "new.png"):
        assert predict("photos", "--parquet", target) == 1
        assert "--parquet" in capsys.readouterr().err
    assert Path("photos/0 ü.png").read_bytes() == before
    for other in (("--json",), ("--csv", "x.csv")):
        assert predict("photos", "--parquet", "x.parquet", *other) == 2
    assert not Path("x.parquet").exists()
