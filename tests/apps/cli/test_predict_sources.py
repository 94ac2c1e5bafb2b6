"""What the paths of `mien predict` mean: files, folders and globs."""

import os
from pathlib import Path

import pytest

from mien.apps.cli.main import run
from mien.apps.cli.sources import find_sources
from mien.core.errors import InputError


@pytest.fixture
def photos(tmp_path, monkeypatch) -> Path:
    """Make empty files in folders, and go where they are; nothing here is decoded."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.png", "notes.txt", ".hidden.jpg", "s/c.jpg", "s/t/d.JPG", "s/t/e.jpg", ".dot/f.jpg"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "photos"


def names(*paths: str) -> list[str]:
    return [path.as_posix() for path, _ in find_sources(paths).pictures]


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("photos/*.jpg", ["photos/a.jpg"]),
        ("photos/**/*.jpg", ["photos/a.jpg", "photos/s/c.jpg", "photos/s/t/e.jpg"]),
        ("photos/?.png", ["photos/b.png"]),
        ("photos/[!a].*", ["photos/b.png"]),
        ("photos/*/t/*", ["photos/s/t/d.JPG", "photos/s/t/e.jpg"]),
        ("photos/**/t", ["photos/s/t/d.JPG", "photos/s/t/e.jpg"]),
        ("photos/.*.jpg", ["photos/.hidden.jpg"]),
        ("photos/*.txt", ["photos/notes.txt"]),
        ("./phot*s/b*", ["photos/b.png"]),
    ],
)
def test_a_glob_means_the_pictures_it_matches(photos, glob, expected) -> None:
    assert names(glob) == expected


@pytest.mark.parametrize("glob", ["photos/*", "photos/**", "photos/**/*", "ph*"])
def test_a_matched_folder_means_its_pictures_and_other_files_are_left_out(photos, glob) -> None:
    assert names(glob) == names("photos")
    assert len(names(glob)) == 5


def test_an_absolute_glob_gives_absolute_paths(photos) -> None:
    assert names(f"{photos}/*.jpg") == [(photos / "a.jpg").as_posix()]


def test_what_exists_goes_before_what_its_name_means_as_a_glob(photos) -> None:
    Path("photos/[ab].jpg").touch()
    assert names("photos/[ab].jpg") == ["photos/[ab].jpg"]
    Path("photos/[st]").mkdir()
    Path("photos/[st]/x.jpg").touch()
    assert names("photos/[st]") == names("photos/[st]/*.jpg") == ["photos/[st]/x.jpg"]
    Path("photos/[ab].jpg").unlink()
    assert names("photos/[ab].jpg") == ["photos/a.jpg"], "the control: without it, it is a glob"


@pytest.mark.skipif(os.name == "nt", reason="no such names there")
def test_a_star_in_a_name_is_a_name(photos) -> None:
    Path("photos/*.jpg").touch()
    assert names("photos/*.jpg") == ["photos/*.jpg"]


def test_what_several_paths_mean_is_taken_once_where_it_comes_first(photos) -> None:
    everything = names("photos")
    assert names("photos", "photos/**/*.jpg", "photos/a.jpg", "./photos/s/../a.jpg", str(photos)) == everything
    assert names("photos/s/c.jpg", "photos") == [
        "photos/s/c.jpg",
        *(name for name in everything if name != "photos/s/c.jpg"),
    ]
    assert names("photos/a.jpg", "photos/a.jpg") == ["photos/a.jpg"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_are_pictures_of_their_own_and_may_lead_back(photos) -> None:
    Path("photos/z.jpg").symlink_to("a.jpg")
    Path("photos/s/loop").symlink_to(photos)
    Path("photos/s/t/loop").symlink_to(photos)
    found = names("photos/**/*.jpg")
    assert found == ["photos/a.jpg", "photos/s/c.jpg", "photos/s/t/e.jpg", "photos/z.jpg"]


def test_relative_names_begin_below_the_folder_or_the_first_wildcard(photos) -> None:
    below = {path.as_posix(): relative.as_posix() for path, relative in find_sources(["photos/**/*.jpg"]).pictures}
    assert below["photos/s/t/e.jpg"] == "s/t/e.jpg"
    below = {
        path.as_posix(): relative.as_posix() for path, relative in find_sources(["photos/s/*/*", "photos"]).pictures
    }
    assert (below["photos/s/t/e.jpg"], below["photos/s/c.jpg"]) == ("t/e.jpg", "s/c.jpg")
    ((_, relative),) = find_sources(["photos/*/../b.png"]).pictures
    assert relative == Path("b.png")


def test_what_matches_nothing_is_named(photos, capsys) -> None:
    with pytest.raises(InputError, match=r"no pictures found in photos/\*\.gif, photos/\[xy\]\.png\. Name"):
        find_sources(["photos/*.gif", "photos/[xy].png"])
    assert names("photos/*.gif", "photos/a.jpg", "absent/**/*.png") == ["photos/a.jpg"]
    assert capsys.readouterr().err.splitlines() == [
        "mien: note: no pictures in photos/*.gif",
        "mien: note: no pictures in absent/**/*.png",
    ]


def test_a_missing_file_without_wildcards_is_left_to_its_reading(photos) -> None:
    assert names("photos/absent.jpg") == ["photos/absent.jpg"]


def test_a_glob_reaches_the_command(photos, model_file, capsys) -> None:
    assert run(["predict", "photos/**/?.jpg", "--crops", "--json", "--model", str(model_file)]) == 1
    assert capsys.readouterr().out.count("is empty (0 bytes)") == 3


@pytest.mark.parametrize("verb", ["predict", "watch"])
def test_an_address_is_refused_as_it_was_written(verb, capsys) -> None:
    assert run([verb, "https://example.org/a.mp4"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("mien: error: https://example.org/a.mp4 is an address")
    assert "ownload it first" in told
    assert run([verb, "https:/example.org"]) == 1, "the control: that is a path"
    assert "address" not in "".join(capsys.readouterr())
