import csv

import pytest

from mien.core.errors import DataError
from mien.training.data.files import PictureFile, read_files, write_files

FILES = (
    PictureFile(0, "happy/a.jpg", 48, 48),
    PictureFile(None, 'sad/b, "c".png', problem="can't be read:\nno picture."),
    PictureFile(1, "sad/ü\r\n.png", 640, 480),
)


def test_files_come_back_as_they_were_written(tmp_path):
    write_files(tmp_path, FILES)
    assert read_files(tmp_path, 2) == FILES


def test_the_file_is_a_csv_of_five_columns(tmp_path):
    write_files(tmp_path, FILES)
    with (tmp_path / "files.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["row", "file", "width", "height", "problem"]
    assert lines[1] == ["0", "happy/a.jpg", "48", "48", ""]
    assert lines[2] == ["", 'sad/b, "c".png', "", "", "can't be read:\nno picture."]


def test_the_number_of_faces_is_a_sixth_column_where_somebody_looked(tmp_path):
    files = (*FILES, PictureFile(None, "sad/d.png", 640, 480, "no face", 0), PictureFile(2, "sad/e.png", 64, 48, "", 2))
    write_files(tmp_path, files)
    lines = (tmp_path / "files.csv").read_bytes().decode().split("\r\n")
    assert lines[0] == "row,file,width,height,problem,faces"
    assert lines[-3:] == [",sad/d.png,640,480,no face,0", "2,sad/e.png,64,48,,2", ""]
    assert read_files(tmp_path, 3) == files
    assert [file.is_unreadable for file in files] == [False, True, False, False, False]


def test_a_data_set_without_the_file_was_no_picture_files(tmp_path):
    assert read_files(tmp_path, 5) == ()


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_a_list_of_another_table_is_refused(tmp_path, rows):
    write_files(tmp_path, FILES)
    with pytest.raises(DataError, match=f"does not name the {rows} rows"):
        read_files(tmp_path, rows)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "files.csv is broken"),
        (b"\xff\xfe", "files.csv is broken"),
        (b'row,file,width,height,problem\r\n0,"a', "files.csv is broken"),
        (b"row,file\r\n", "the columns are 'row,file', expected 'row,file,width,height,problem'"),
        (b"row,file,width,height,problem\r\n0,a.jpg,48\r\n", r"line 2: '0,a.jpg,48' is no picture file"),
        (b"row,file,width,height,problem\r\n0,a.jpg,48,wide,\r\n", "line 2: .* is no picture file"),
        (b"row,file,width,height,problem,faces\r\n0,a.jpg,48,48,,1,2\r\n", "line 2: .* is no picture file"),
        (b"row,file,width,height,problem,faces\r\n0,a.jpg,48,48,,one\r\n", "line 2: .* is no picture file"),
    ],
)
def test_a_broken_list_is_refused_with_its_name(tmp_path, content, message):
    (tmp_path / "files.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_files(tmp_path, 1)


def test_something_else_of_that_name_is_refused(tmp_path):
    (tmp_path / "files.csv").mkdir()
    with pytest.raises(DataError, match="can't be read: Is a directory"):
        read_files(tmp_path, 1)


@pytest.mark.parametrize(
    ("size", "fits"), [((48, 48), True), ((48, 47), False), ((96, 96), False), ((None, None), False)]
)
def test_a_size_fits_if_both_sides_do(size, fits):
    assert PictureFile(0, "a.png", *size).has_size(48) == fits
