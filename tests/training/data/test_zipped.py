import zipfile
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mien.core.errors import DataError, UnreadableMediaError
from mien.training.data.sources import tree
from mien.training.data.sources.tree import Folder
from mien.training.data.sources.zipped import Zip

FILES = {"a/1.png": b"one", "a/deep/2.JPG": b"two", "b/3.webp": b"three", "rows.csv": b"x", "a/notes.txt": b"x"}


def read(path, file):
    with Zip(path).open() as read_file:
        return read_file(file)


@pytest.fixture
def archive(write_pictures):
    return write_pictures("a b.zip", FILES)


def test_an_archive_gives_the_listing_and_the_bytes_of_its_folder(archive, write_pictures):
    folder = write_pictures("faces", FILES)
    listing = Zip(archive).list()
    assert listing == Folder(folder).list()
    assert all(read(archive, file) == FILES[file] for file in listing.pictures)


def test_empty_folders_are_listed(write_pictures):
    assert Zip(write_pictures("a.zip", {"a/1.png": b"x", "b/c/": b""})).list().folders == ("a", "b", "b/c")


def test_what_is_hidden_is_left_out(write_pictures):
    files = {"a/1.png": b"x", "__MACOSX/a/._1.png": b"x", ".git/1.png": b"x", "a/.2.png": b"x"}
    assert Zip(write_pictures("a.zip", files)).list().pictures == ("a/1.png",)


def test_names_of_windows_programs_are_folders_too(write_pictures):
    path = write_pictures("a.zip", {"train\\a\\1.png": b"x"})
    assert Zip(path).list().pictures == ("train/a/1.png",)
    assert read(path, "train/a/1.png") == b"x"


@pytest.mark.parametrize("says_utf_8", [True, False])
def test_names_are_utf_8_whether_the_archive_says_so_or_not(write_pictures, says_utf_8):
    """As `zip` on Linux and the Finder write them."""
    path = write_pictures("a.zip", {"m\u00fcde/1.png": b"x"})
    if not says_utf_8:
        set_flag(path, 6, 0)
    assert Zip(path).list().pictures == ("m\u00fcde/1.png",)
    assert read(path, "m\u00fcde/1.png") == b"x"


def test_names_of_old_programs_are_read_as_they_meant_them(write_pictures):
    path = write_pictures("a.zip", {"m\u00fc/1.png": b"x"})
    set_flag(path, 6, 0)
    path.write_bytes(path.read_bytes().replace("m\u00fc/".encode(), b"m\x81d/"))
    assert Zip(path).list().pictures == ("m\u00fcd/1.png",)


@pytest.mark.parametrize("name", ["../a/1.png", "a/../../1.png", "/etc/1.png", "C:\\faces\\1.png", "..\\1.png"])
def test_names_that_lead_outside_are_refused(write_pictures, name):
    with pytest.raises(DataError, match=r"a\.zip holds '.*1\.png', a name that leads outside of it"):
        Zip(write_pictures("a.zip", {"a/2.png": b"x", name: b"x"})).list()


def set_flag(path, offset, value):
    """Overwrite two bytes in both headers of a .zip with one file."""
    data = bytearray(path.read_bytes())
    for magic, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        place = data.index(magic) + offset + shift
        data[place : place + 2] = value.to_bytes(2, "little")
    path.write_bytes(data)


def test_an_encrypted_archive_is_refused_with_what_to_do(write_pictures):
    path = write_pictures("a.zip", {"a/1.png": b"x"})
    set_flag(path, 6, 1)
    with pytest.raises(DataError, match=r"is encrypted. Unpack it with its password and name what is in it"):
        Zip(path).list()


def test_a_way_of_packing_that_python_lacks_makes_a_file_unreadable(write_pictures):
    path = write_pictures("a.zip", {"a/1.png": b"x"})
    set_flag(path, 8, 99)
    with pytest.raises(UnreadableMediaError, match=r"damaged inside the archive: .*compression"):
        read(path, "a/1.png")


def test_a_file_that_would_unpack_to_too_much_is_refused_unread(write_pictures, monkeypatch):
    monkeypatch.setattr(tree, "MAX_FILE_BYTES", 1000)
    path = write_pictures("a.zip", {"a/1.png": bytes(1001), "a/2.png": bytes(1000)})
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(UnreadableMediaError, match="pictures are read up to"):
        read(path, "a/1.png")


def test_a_file_that_unpacks_to_more_than_it_says_is_cut_and_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/1.png", bytes(10_000_000))
    data = path.read_bytes().replace((10_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(data)
    with pytest.raises(UnreadableMediaError, match="damaged inside the archive"):
        read(path, "a/1.png")


def test_damage_in_one_file_leaves_the_others_readable(archive):
    archive.write_bytes(archive.read_bytes().replace(b"two", b"xxx"))
    with pytest.raises(UnreadableMediaError, match="damaged inside the archive"):
        read(archive, "a/deep/2.JPG")
    assert read(archive, "a/1.png") == b"one"


@pytest.mark.parametrize("kept", [0, 2, 30, -1, -30])
def test_an_archive_that_is_cut_short_is_refused(archive, kept):
    archive.write_bytes(archive.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"a b\.zip is cut short or broken"):
        Zip(archive).list()


def test_of_two_files_with_one_name_the_last_counts(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/1.png", b"first")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a/1.png", b"last")
    assert Zip(path).list().pictures == ("a/1.png",)
    assert read(path, "a/1.png") == b"last"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 500), byte=st.binary(min_size=1, max_size=3))
def test_a_damaged_archive_gives_our_errors_and_no_others(archive, place, byte):
    whole = archive.read_bytes()
    archive.write_bytes(whole[:place] + byte + whole[place + len(byte) :])
    try:
        with suppress(DataError):
            pictures = Zip(archive).list().pictures
            for picture in pictures:
                with suppress(UnreadableMediaError):
                    read(archive, picture)
    finally:
        archive.write_bytes(whole)
