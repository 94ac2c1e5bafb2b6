import errno
import os
from pathlib import Path

import pytest

from mien.core.errors import UnreadableMediaError
from mien.inference.media.listing import list_pictures


def test_a_folder_means_its_picture_files_at_any_depth_in_order(tmp_path) -> None:
    for name in ("b/2.JPG", "b/1.png", "a.webp", "notes.txt", ".hidden.png", ".cache/x.png", "c/d/e/ü 1.jpeg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [str(path.relative_to(tmp_path)) for path in list_pictures(tmp_path)]
    assert found == ["a.webp", "b/1.png", "b/2.JPG", "c/d/e/ü 1.jpeg"]


def test_links_that_lead_back_do_not_loop(tmp_path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.png").touch()
    (tmp_path / "a/back").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    assert [path.name for path in list_pictures(tmp_path)] == ["x.png"]


def test_a_named_file_is_itself_whatever_its_suffix(tmp_path) -> None:
    for path in (tmp_path / "scan.dat", Path("absent"), tmp_path / ("x" * 400)):
        assert list_pictures(path) == [path]


def test_a_folder_that_cannot_be_listed_is_refused_or_told(tmp_path, monkeypatch) -> None:
    for name in ("a/x.png", "b/x.png", "b/x.HEIC"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    scandir = os.scandir

    def refuse(folder):  # root may list anything, so that a mode would not do
        if Path(folder).name == "a":
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UnreadableMediaError, match=r"a can't be listed: Permission denied\."):
        list_pictures(tmp_path)
    told = []
    found = list_pictures(tmp_path, (".png", ".heic"), lambda *what: told.append(what))
    assert found == [tmp_path / "b/x.HEIC", tmp_path / "b/x.png"]
    assert told == [(tmp_path / "a", "Permission denied")]
