import os
import sys

import pytest

from mien.core.errors import DataError, UnreadableMediaError
from mien.inference.media.pictures import MAX_FILE_BYTES
from mien.training.data.sources.tree import Folder

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")


def read(folder, file):
    with Folder(folder).open() as read_file:
        return read_file(file)


def test_a_listing_is_sorted_and_relative_with_slashes(write_pictures):
    folder = write_pictures("faces", {"b/2.png": 1, "b/10.PNG": 2, "a/deep/er/x.jpeg": 3, "c/": None, "rows.csv": b"a"})
    listing = Folder(folder).list()
    assert listing.folders == ("a", "a/deep", "a/deep/er", "b", "c")
    assert listing.pictures == ("a/deep/er/x.jpeg", "b/10.PNG", "b/2.png")
    assert listing.tables == ("rows.csv",)


def test_what_is_hidden_and_what_is_no_picture_is_left_out(write_pictures):
    kept = {"a/1.jpg": 1, "a/2.webp": 2}
    left_out = {
        ".hidden/1.jpg": 1, "a/.2.jpg": 1, "__MACOSX/a/._1.jpg": b"x", "a/__MACOSX/1.jpg": 1, "a/Thumbs.db": b"x",
        "a/notes.txt": b"x", "a/.DS_Store": b"x", "a/jpg": b"x", "a/3.svg": b"x",
    }  # fmt: skip
    listing = Folder(write_pictures("faces", kept | left_out)).list()
    assert listing.pictures == tuple(kept)
    assert listing.folders == ("a",)


def test_a_files_bytes_are_read(write_pictures):
    assert read(write_pictures("faces", {"a/1.jpg": b"abc"}), "a/1.jpg") == b"abc"


@needs_links
def test_links_to_files_and_folders_are_followed(write_pictures):
    folder = write_pictures("faces", {"a/1.png": b"one"})
    other = write_pictures("elsewhere", {"2.png": b"two"})
    (folder / "b").symlink_to(other)
    (folder / "a" / "3.png").symlink_to(other / "2.png")
    assert Folder(folder).list().pictures == ("a/1.png", "a/3.png", "b/2.png")
    assert read(folder, "b/2.png") == read(folder, "a/3.png") == b"two"


@needs_links
def test_a_folder_that_is_linked_twice_is_no_loop(write_pictures):
    folder = write_pictures("faces", {"a/1.png": b"one"})
    (folder / "b").symlink_to(folder / "a")
    assert Folder(folder).list().pictures == ("a/1.png", "b/1.png")


@needs_links
@pytest.mark.parametrize("target", ["..", ".", "../..", "../../faces"])
def test_a_link_back_to_a_folder_it_lies_in_is_named(write_pictures, target):
    folder = write_pictures("faces", {"a/deep/1.png": b"one"})
    (folder / "a" / "again").symlink_to(target)
    with pytest.raises(DataError, match=r"again.* is a link that leads back to a folder it lies in"):
        Folder(folder).list()


@needs_links
def test_two_links_into_each_other_are_a_loop(write_pictures):
    folder = write_pictures("faces", {"a/1.png": 1, "b/1.png": 2})
    (folder / "a" / "other").symlink_to("../b")
    (folder / "b" / "other").symlink_to("../a")
    with pytest.raises(DataError, match=r"other/other is a link that leads back"):
        Folder(folder).list()


@needs_links
def test_a_link_to_itself_is_named(write_pictures):
    folder = write_pictures("faces", {"a/1.png": 1})
    (folder / "a" / "self.png").symlink_to("self.png")
    with pytest.raises(DataError, match=r"self.png can't be listed: .*symbolic links"):
        Folder(folder).list()


@needs_links
def test_a_link_to_nothing_is_a_file_that_cannot_be_read(write_pictures):
    folder = write_pictures("faces", {"a/1.png": 1})
    (folder / "a" / "2.png").symlink_to("gone.png")
    assert Folder(folder).list().pictures == ("a/1.png", "a/2.png")
    with pytest.raises(UnreadableMediaError, match="No such file"):
        read(folder, "a/2.png")


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_a_pipe_is_refused_rather_than_waited_for(write_pictures):
    folder = write_pictures("faces", {"a/1.png": 1})
    os.mkfifo(folder / "a" / "pipe.png")
    with pytest.raises(UnreadableMediaError, match="no regular file"):
        read(folder, "a/pipe.png")


def test_a_file_that_is_too_large_is_refused_before_it_is_read(write_pictures):
    folder = write_pictures("faces", {"a/1.png": b""})
    os.truncate(folder / "a" / "1.png", MAX_FILE_BYTES + 1)
    with pytest.raises(UnreadableMediaError, match="128 MiB; pictures are read up to 128 MiB"):
        read(folder, "a/1.png")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a user whom modes bind")
def test_a_folder_that_may_not_be_listed_is_named(write_pictures):
    folder = write_pictures("faces", {"a/1.png": 1})
    (folder / "a").chmod(0)
    try:
        with pytest.raises(DataError, match="a can't be listed: Permission denied"):
            Folder(folder).list()
    finally:
        (folder / "a").chmod(0o700)


def test_a_folder_that_is_gone_is_named(tmp_path):
    with pytest.raises(DataError, match="gone can't be listed: No such file"):
        Folder(tmp_path / "gone").list()
