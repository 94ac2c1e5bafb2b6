import gzip
import lzma
import os
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from mien.core.errors import DataError, InputError
from mien.training.data import importing
from mien.training.data.importing import import_data
from mien.training.data.table import SPLITS, UNUSED, open_dataset

ROWS = [(number % 7, part) for part, count in (("Training", 70), ("PublicTest", 14), ("PrivateTest", 14))
        for number in range(count)]  # fmt: skip
COUNTS = (1, 0, 2, 0, 7, 0, 0, 0, 0, 0)


@pytest.fixture
def source(tmp_path, fer2013_text):
    path = tmp_path / "fer 2013 ü.csv"
    path.write_text(fer2013_text(*ROWS))
    return path


@pytest.fixture
def votes(tmp_path, votes_text):
    path = tmp_path / "fer2013new.csv"
    path.write_text(votes_text(*((part, "" if row == 5 else "a.png", COUNTS) for row, (_, part) in enumerate(ROWS))))
    return path


@pytest.fixture
def unread(monkeypatch):
    """Fail if the source is opened."""
    monkeypatch.setattr(importing, "read_fer2013", lambda *_: pytest.fail("the source was read"))
    monkeypatch.setattr(importing, "draw_faces", lambda *_: pytest.fail("faces were drawn"))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_fer2013_becomes_a_table_row_by_row(source, tmp_path):
    manifest = import_data(source, tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    assert dataset.manifest == manifest
    assert dataset.table["row"].tolist() == list(range(98))
    assert dataset.table["label"].tolist() == [label for label, _ in ROWS]
    assert np.array_equal(dataset.table["split"], dataset.table["part"])
    assert [len(dataset.rows_of(split)) for split in SPLITS] == [70, 14, 14]
    assert dataset.table["is_face"].all()
    assert not dataset.table["votes"].any()
    assert (manifest.name, manifest.source, manifest.split, manifest.seed) == ("FER2013", source.name, "official", None)
    assert not manifest.has_votes


def test_packed_sources_give_the_same_data_set(source, tmp_path):
    data = source.read_bytes()
    (tmp_path / "a.gz").write_bytes(gzip.compress(data))
    (tmp_path / "a.xz").write_bytes(lzma.compress(data))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(source, "fer2013.csv")
    paths = [source, *(tmp_path / f"a.{ending}" for ending in ("gz", "xz", "zip"))]
    hashes = {import_data(path, tmp_path / f"out{number}").sha256 for number, path in enumerate(paths)}
    assert len(hashes) == 1


def test_votes_are_joined_row_by_row(source, votes, tmp_path):
    manifest = import_data(source, tmp_path / "out", votes=votes)
    table = open_dataset(tmp_path / "out").table
    assert (table["votes"] == COUNTS).all()
    assert np.flatnonzero(~table["is_face"]).tolist() == [5]
    assert manifest.has_votes
    assert manifest.license.endswith("FER+ votes: Microsoft, MIT.")


def test_synthetic_faces_are_a_data_set_too(synthetic):
    assert len(synthetic.table) == 210
    assert all(len(set(synthetic.table["label"][synthetic.rows_of(split)])) == 7 for split in SPLITS)
    assert (synthetic.manifest.name, synthetic.manifest.seed) == ("synthetic", 0)


@pytest.mark.parametrize(
    ("options", "text", "unused"),
    [
        ({"split": "80/20"}, "80/20", 14),
        ({"split": "80/10/10", "pool": True}, "80/10/10 --pool", 0),
        ({"split": "80/20", "twins": "ignore"}, "80/20 --twins ignore", 14),
    ],
)
def test_a_drawn_split_is_stored_with_its_rule_and_seed(source, tmp_path, options, text, unused):
    manifest = import_data(source, tmp_path / "out", seed=7, **options)
    assert (manifest.split, manifest.seed) == (text, 7)
    table = open_dataset(tmp_path / "out").table
    assert (table["split"] == UNUSED).sum() == unused
    assert not np.array_equal(table["split"], table["part"])


def test_the_same_seed_gives_the_same_files_and_another_others(source, tmp_path):
    hashes = [
        import_data(source, tmp_path / f"out{number}", split="80/20", seed=seed).sha256
        for number, seed in enumerate((7, 7, 8))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_progress_reaches_the_total(source, tmp_path):
    told = []
    import_data(source, tmp_path / "out", on_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (source.stat().st_size, source.stat().st_size)


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("source", ["synthetic", "absent.csv"])
@pytest.mark.parametrize(
    "options",
    [
        {"split": "80/21"},
        {"split": "half"},
        {"pool": True},
        {"split": "80/10/10"},
        {"split": "80/20", "seed": -1},
        {"twins": "apart"},
        {"votes": "no/such/votes.csv"},
    ],
)
def test_what_cannot_work_is_refused_before_the_source_is_read(source, tmp_path, options):
    if "votes" in options:
        options = {"votes": tmp_path / options["votes"]}
    with pytest.raises(DataError):
        import_data(source, tmp_path / "out", **options)
    assert names(tmp_path) == []


@pytest.mark.usefixtures("unread")
def test_a_folder_that_cannot_be_made_is_refused_before_the_source_is_read(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    for out in (tmp_path, tmp_path / "file", tmp_path / "file" / "out", tmp_path / "empty"):
        with pytest.raises(InputError, match=str(out)):
            import_data("synthetic", out)
    assert names(tmp_path) == ["empty", "file"]


@pytest.mark.usefixtures("unread")
def test_votes_without_fer2013_are_refused(votes, tmp_path):
    with pytest.raises(DataError, match=r"--votes goes with fer2013.csv only"):
        import_data("synthetic", tmp_path / "out", votes=votes)


@pytest.mark.usefixtures("unread")
def test_broken_votes_are_refused_before_the_source_is_read(source, votes, tmp_path):
    votes.write_text(votes.read_text().replace("a.png,1,", "a.png,99,", 1))
    with pytest.raises(DataError, match=r"row 0 .*column neutral: '99'"):
        import_data(source, tmp_path / "out", votes=votes)


@pytest.mark.parametrize("kept", [40, -1])
def test_votes_of_other_rows_leave_no_folder(source, votes, tmp_path, kept):
    votes.write_text("\n".join(votes.read_text().splitlines()[:kept]))
    with pytest.raises(DataError, match="the pictures have 98"):
        import_data(source, tmp_path / "out", votes=votes)
    assert not (tmp_path / "out").exists()


def test_a_bad_last_row_leaves_no_folder(source, tmp_path):
    source.write_text(source.read_text()[:-20])
    with pytest.raises(DataError, match="row 97 "):
        import_data(source, tmp_path / "out")
    assert names(tmp_path) == [source.name]


def test_an_import_that_is_interrupted_leaves_no_folder(source, tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_data(source, tmp_path / "out", on_progress=interrupt)
    assert names(tmp_path) == [source.name]


WAIT_IN_WRITING = """
import sys, time
from pathlib import Path
from mien.training.data import table
from mien.training.data.importing import import_data

def write_text(path, text):
    print("ready", flush=True)
    time.sleep(60)

table.write_text = write_text
import_data(sys.argv[1], Path(sys.argv[2]))
"""

WAIT_IN_READING = """
import sys, time
from pathlib import Path
from mien.training.data.importing import import_data

def wait(done, total):
    print("ready", flush=True)
    time.sleep(60)

import_data(sys.argv[1], Path(sys.argv[2]), on_progress=wait)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize(("script", "left"), [(WAIT_IN_READING, 0), (WAIT_IN_WRITING, 1)])
def test_an_import_that_is_killed_leaves_no_folder_and_the_next_one_works(source, tmp_path, script, left):
    place = tmp_path / "place"
    place.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", script, source, place / "out"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
    assert not (place / "out").exists()
    assert len(names(place)) == left
    import_data(source, place / "out")
    assert names(place) == ["out"]
    assert len(open_dataset(place / "out").table) == 98


def test_votes_in_another_order_are_refused(source, votes, tmp_path):
    lines = votes.read_text().splitlines()
    lines[1:] = lines[:0:-1]
    votes.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"row 0 .*PrivateTest, but the picture's is Training"):
        import_data(source, tmp_path / "out", votes=votes)
