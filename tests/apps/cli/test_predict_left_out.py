"""What `mien predict` leaves out of what it was given, and that it says so."""

import errno
import os
from pathlib import Path

import pytest
from PIL import Image

from mien.apps.cli.main import run
from mien.apps.cli.sources import find_sources
from mien.core.errors import InputError, UnreadableMediaError


@pytest.fixture
def usb(tmp_path, monkeypatch) -> Path:
    """Make a folder of empty picture files, and go to the one above it."""
    monkeypatch.chdir(tmp_path)
    for name in ("x.jpg", "a/x.jpg", "a/b/x.jpg", "locked/x.jpg", "locked/c/x.jpg"):
        path = tmp_path / "usb" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return Path("usb")


@pytest.fixture
def lock(monkeypatch):
    """Return a function that takes away the leave to list a folder and to look into it; root would keep it."""
    scandir, lstat = os.scandir, Path.lstat
    locked: set[Path] = set()

    def refuse(folder: Path) -> None:
        if folder in locked:
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    def list_folder(folder: str | Path):
        refuse(Path(folder))
        return scandir(folder)

    def look(path: Path):
        refuse(path.parent)
        return lstat(path)

    monkeypatch.setattr(os, "scandir", list_folder)
    monkeypatch.setattr(Path, "lstat", look)
    return lambda folder: locked.add(Path(folder))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("usb", ["usb/a/b/x.jpg", "usb/a/x.jpg", "usb/x.jpg"]),
        ("usb/*", ["usb/a/b/x.jpg", "usb/a/x.jpg", "usb/x.jpg"]),
        ("usb/*/x.jpg", ["usb/a/x.jpg"]),
        ("usb/*/*.jpg", ["usb/a/x.jpg"]),
        ("usb/**/*.jpg", ["usb/a/b/x.jpg", "usb/a/x.jpg", "usb/x.jpg"]),
    ],
)
def test_a_folder_that_cannot_be_listed_is_named_and_the_rest_goes_on(usb, lock, capsys, path, expected) -> None:
    assert find_sources([path]).is_complete, "the control"
    assert capsys.readouterr().err == ""
    lock("usb/locked")
    found = find_sources([path])
    assert [source.as_posix() for source, _ in found.pictures] == expected
    assert not found.is_complete
    note = "mien: note: the folder usb/locked can't be listed and was left out: Permission denied\n"
    assert capsys.readouterr().err.replace("\\", "/") == note


@pytest.mark.parametrize("path", ["usb/locked", "usb/locked/*.jpg", "usb/locked/**/*.jpg", "usb/locked/**"])
def test_a_named_folder_that_cannot_be_listed_is_refused(usb, lock, path) -> None:
    lock("usb/locked")
    with pytest.raises(UnreadableMediaError, match=r"the folder usb.locked can't be listed: Permission denied\."):
        find_sources([path, "usb/a"])


def test_the_status_is_1_and_one_note_names_what_several_paths_met(usb, lock, model_file, capsys) -> None:
    for path in usb.rglob("x.jpg"):
        Image.new("L", (48, 48), 90).save(path)
    command = ["predict", "usb", "usb/**/*.jpg", "usb/*/x.jpg", "--crops", "--json", "--model", str(model_file)]
    assert run(command) == 0, "the control"
    assert len(capsys.readouterr().out.splitlines()) == 5
    lock("usb/locked")
    assert run(command) == 1
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 3
    assert captured.err.count("can't be listed") == 1


def test_a_folder_that_cannot_be_listed_is_named_where_nothing_is_found(usb, lock) -> None:
    lock("usb/locked")
    with pytest.raises(InputError, match=r"no pictures found in usb/\*\.png\. Name"):
        find_sources(["usb/*.png"])
    with pytest.raises(
        InputError, match=r"found in usb/\*/y\.jpg\. The folder usb.locked can't be listed .*denied\. N"
    ):
        find_sources(["usb/*/y.jpg"])


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_that_leads_to_itself_is_no_folder(usb) -> None:
    (usb / "loop").symlink_to("loop")
    for glob in ("usb/*/*.jpg", "usb/*/x.jpg", "usb/**/*.jpg"):
        assert find_sources([glob]).is_complete


def test_pictures_of_kinds_that_are_not_read_are_counted_by_suffix(usb, capsys) -> None:
    for name in ("1.heic", "2.HEIC", "a/3.heic", "a/4.CR2", ".5.heic", "6.txt"):
        (usb / name).touch()
    said = "files were left out; save them as JPEG or PNG\n"
    for path in ("usb", "usb/**"):
        assert len(find_sources([path]).pictures) == 5
        assert capsys.readouterr().err == f"mien: note: 1 .cr2, 3 .heic {said}"
    assert len(find_sources(["usb/*.*"]).pictures) == 1
    assert capsys.readouterr().err.endswith(".heic " + said)
    assert len(find_sources(["usb", "usb/*.heic", "usb/2.HEIC", "usb/a"]).pictures) == 7, "who names them means them"
    assert capsys.readouterr().err == f"mien: note: 1 .cr2, 1 .heic {said}"


def test_a_folder_of_nothing_else_says_what_is_in_it(tmp_path) -> None:
    for number in range(12):
        (tmp_path / f"IMG_{number}.HEIC").touch()
    with pytest.raises(InputError, match=r"found in .*\. 12 \.heic files were left out; save them as JPEG or PNG\. N"):
        find_sources([str(tmp_path)])
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.svg").touch()
    with pytest.raises(InputError, match=r"\. 1 \.svg file was left out; save it as JPEG or PNG\."):
        find_sources([str(tmp_path / "one")])


@pytest.mark.parametrize(("paths", "target"), [("photos", "photos/seen"), (".", "seen"), ("**/*.png", "./seen/")])
def test_what_an_earlier_run_drew_is_not_read_again(tmp_path, monkeypatch, model_file, capsys, paths, target) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos/b").mkdir(parents=True)
    for name in ("a.png", "b/c.png"):
        Image.new("L", (48, 48), 90).save(Path("photos", name))
    command = ["predict", paths, "--crops", "--json", "--annotate", target, "--model", str(model_file)]
    assert run(command) == 0
    first = capsys.readouterr()
    wrote = f"wrote 2 pictures into {Path(target)}\n"
    assert (len(first.out.splitlines()), first.err) == (2, wrote)
    assert len([path for path in Path(target).rglob("*") if path.is_file()]) == 2
    assert run(command) == 0
    second = capsys.readouterr()
    assert second.out == first.out
    left_out = f"mien: note: 2 pictures were left out that lie in {Path(target)}, the folder of --annotate\n"
    assert second.err == left_out + wrote
    assert len([path for path in Path(target).rglob("*") if path.is_file()]) == 2


def test_where_all_pictures_lie_in_the_folder_of_annotated_ones_it_is_refused(usb) -> None:
    message = r"found in usb/a\. 2 pictures were left out that lie in usb, the folder of --annotate\. Name another"
    with pytest.raises(InputError, match=message):
        find_sources(["usb/a"], drawn_into=Path("usb"))
    assert len(find_sources(["usb/a"], drawn_into=Path("usb/a/b/x")).pictures) == 2, "the control: another folder"
    assert len(find_sources(["usb/a"], drawn_into=Path("us")).pictures) == 2, "the control: its name begins alike"
