import gzip
import lzma
import os
import sys
import zipfile

import pytest

from mien.core.errors import DataError
from mien.training.data.sources.packed import MAX_LINE, read_lines

TEXT = "a,b\r\n1,ü\n2,3"
LINES = ["a,b\r\n", "1,ü\n", "2,3"]


def zip_of(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def pack(path, data):
    """Write `data` as the path's ending says."""
    if path.suffix == ".zip":
        return zip_of(path, {"table.csv": data})
    packers = {".gz": gzip.compress, ".xz": lzma.compress}
    path.write_bytes(packers.get(path.suffix, bytes)(data))
    return path


def read(path):
    with read_lines(path) as lines:
        return list(lines)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.xz", "a.zip"])
def test_lines_are_the_same_however_they_are_packed(tmp_path, name):
    assert read(pack(tmp_path / name, TEXT.encode())) == LINES


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.xz", "a.zip"])
def test_the_packing_is_told_by_the_content_not_by_the_name(tmp_path, name):
    pack(tmp_path / name, TEXT.encode()).rename(tmp_path / "dätä file [1]")
    assert read(tmp_path / "dätä file [1]") == LINES


def test_a_byte_order_mark_is_no_text(tmp_path):
    assert read(pack(tmp_path / "a.csv", TEXT.encode("utf-8-sig"))) == LINES


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.xz", "a.zip"])
def test_progress_rises_to_the_total(tmp_path, name):
    text = "".join(f"{number},{number**5}\n" for number in range(20_000))
    path = pack(tmp_path / name, text.encode())
    told = []
    with read_lines(path, lambda done, total: told.append((done, total))) as lines:
        assert sum(1 for _ in lines) == 20_000
    done = [done for done, _ in told]
    assert {total for _, total in told} == {path.stat().st_size}
    assert done == sorted(done)
    assert done[-1] == path.stat().st_size
    assert len(set(done)) > 3


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.xz"])
@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_an_archive_that_is_cut_short_is_refused(tmp_path, name, kept):
    path = pack(tmp_path / name, os.urandom(50_000).hex().encode())
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(DataError, match=f"{name} is cut short or broken"):
        read(path)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.xz", "a.zip"])
def test_an_archive_with_damage_inside_is_refused(tmp_path, name):
    path = pack(tmp_path / name, os.urandom(50_000).hex().encode())
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(DataError, match=f"{name} is cut short or broken"):
        read(path)


def test_a_zip_without_its_end_is_refused(tmp_path):
    path = pack(tmp_path / "a.zip", TEXT.encode())
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="cut short or broken"):
        read(path)


def test_of_several_tables_in_a_zip_the_one_named_fer2013_is_read(tmp_path):
    files = {"test.csv": "no", "deep/FER2013.csv": TEXT, "__MACOSX/deep/._FER2013.csv": "no", "readme.txt": "no"}
    assert read(zip_of(tmp_path / "a.zip", files)) == LINES


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "0 CSV files to choose from .none at all"),
        ({"readme.txt": "x"}, "0 CSV files to choose from .none at all"),
        ({"train.csv": "x", "test.csv": "x"}, "2 CSV files to choose from .train.csv, test.csv"),
        ({"a/fer2013.csv": "x", "b/fer2013.csv": "x", "c.csv": "x"}, "2 CSV files .* .a/fer2013.csv, b/fer2013.csv"),
    ],
)
def test_a_zip_without_one_table_is_refused_with_what_it_holds(tmp_path, files, message):
    with pytest.raises(DataError, match=message):
        read(zip_of(tmp_path / "a.zip", files))


def set_zip_field(path, offset, value):
    """Overwrite two bytes in the header of a zip's only file, both times that it stands there."""
    data = bytearray(path.read_bytes())
    for magic, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        place = data.index(magic) + offset + shift
        data[place : place + 2] = value.to_bytes(2, "little")
    path.write_bytes(data)


def test_an_encrypted_zip_is_refused(tmp_path):
    path = pack(tmp_path / "a.zip", TEXT.encode())
    set_zip_field(path, 6, 1)
    with pytest.raises(DataError, match=r"is encrypted. Unpack it"):
        read(path)


def test_a_zip_packed_in_a_way_that_python_lacks_is_refused(tmp_path):
    path = pack(tmp_path / "a.zip", TEXT.encode())
    set_zip_field(path, 8, 99)
    with pytest.raises(DataError, match="compression method"):
        read(path)


@pytest.mark.parametrize("data", [TEXT.encode("utf-16"), TEXT.encode("latin-1"), bytes(range(256))])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.xz"])
def test_what_is_no_text_is_refused_with_the_byte_seen(tmp_path, name, data):
    with pytest.raises(DataError, match=r"is no UTF-8 text: byte 0x[0-9a-f]{2}"):
        read(pack(tmp_path / name, data))


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a.csv is empty"):
        read(pack(tmp_path / "a.csv", b""))


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"a b.csv does not exist"):
        read(tmp_path / "a b.csv")
    with pytest.raises(DataError, match=r"is a folder. Name the CSV file"):
        read(tmp_path)
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(DataError, match=r"Not a directory|does not exist"):
        read(tmp_path / "file" / "a.csv")


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_a_pipe_is_refused_rather_than_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="no ordinary file"):
        read(tmp_path / "pipe")


def test_a_file_without_line_ends_is_cut_into_pieces(tmp_path):
    """So that a gigabyte of zeros, packed into a megabyte, does not fill the memory."""
    assert [len(line) for line in read(pack(tmp_path / "a.xz", b"0" * (2 * MAX_LINE + 5)))] == [MAX_LINE, MAX_LINE, 5]


def test_errors_of_the_reader_are_passed_on(tmp_path):
    with pytest.raises(KeyError, match="mine"), read_lines(pack(tmp_path / "a.csv", TEXT.encode())):
        raise KeyError("mine")
