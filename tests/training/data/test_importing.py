import gzip
import lzma
import os
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import DataError, InputError
from mien.core.labels import EXPRESSIONS
from mien.training.data import importing
from mien.training.data.importing import import_data
from mien.training.data.sources import recognize
from mien.training.data.table import SPLITS, UNUSED, open_dataset

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
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
    """Fail if more than the header or the names of the source is read."""

    def fail(*_):
        pytest.fail("the source was read")

    monkeypatch.setattr(recognize, "TABLES", tuple(replace(table, read=fail) for table in recognize.TABLES))
    monkeypatch.setattr(recognize, "read_class_folders", fail)
    monkeypatch.setattr(importing, "draw_faces", fail)


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


@pytest.fixture(params=["synthetic", "csv", "folder"])
def any_source(request, source, write_pictures):
    """A source of each kind, all with a test part."""
    if request.param == "folder":
        return write_pictures("faces", {"train/sad/1.png": 1, "train/happy/1.png": 2, "test/sad/1.png": 3})
    return {"synthetic": "synthetic", "csv": source}[request.param]


@pytest.mark.usefixtures("unread")
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
def test_what_cannot_work_is_refused_before_the_source_is_read(any_source, tmp_path, options):
    if "votes" in options:
        options = {"votes": tmp_path / options["votes"]}
    before = names(tmp_path)
    with pytest.raises(DataError):
        import_data(any_source, tmp_path / "out", **options)
    assert names(tmp_path) == before


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
    with pytest.raises(DataError, match=r"--votes goes with fer2013.csv and icml_face_data.csv only.*for synthetic"):
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


@pytest.fixture
def slice_of_fer2013(source, tmp_path, noise):
    """Return a function that makes a source of the same rows as `fer2013.csv`, and gives the row of each file."""

    def make(kind, suffix="png"):
        if kind == "icml_face_data.csv":
            header, *lines = source.read_text().splitlines()
            assert header == "emotion,pixels,Usage"
            fields = [line.split(",") for line in lines]
            turned = ["emotion, Usage, pixels", *(f"{label},{part},{pixels}" for label, pixels, part in fields)]
            (tmp_path / kind).write_text("\n".join(turned) + "\n")
            return tmp_path / kind, {}
        row_of = {}
        for row, (label, part) in enumerate(ROWS):
            folder = "train" if part == "Training" else "test"
            file = f"{folder}/{EXPRESSIONS[label]}/{part}_{1000 - row}.{suffix}"
            (tmp_path / "archive" / file).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise(row)).save(tmp_path / "archive" / file)
            row_of[file] = row
        if kind == "folder":
            return tmp_path / "archive", row_of
        with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
            for file in row_of:
                archive.write(tmp_path / "archive" / file, f"wrapped/{file}")
        return tmp_path / "archive.zip", {f"wrapped/{file}": row for file, row in row_of.items()}

    return make


def test_icml_face_data_with_votes_is_the_same_data_set_as_fer2013(source, votes, slice_of_fer2013, tmp_path):
    other, _ = slice_of_fer2013("icml_face_data.csv")
    first = import_data(source, tmp_path / "first", votes=votes)
    second = import_data(other, tmp_path / "second", votes=votes)
    assert (first.sha256, first.labels, first.license) == (second.sha256, second.labels, second.license)
    assert second.source == "icml_face_data.csv"
    assert names(tmp_path / "second") == ["dataset.json", "images.npy", "table.npy"]


@pytest.mark.parametrize(("kind", "suffix"), [("folder", "png"), ("zip", "png"), ("folder", "jpg"), ("zip", "jpg")])
def test_kaggles_pictures_are_row_by_row_those_of_the_table(source, slice_of_fer2013, tmp_path, kind, suffix):
    path, row_of = slice_of_fer2013(kind, suffix)
    import_data(source, tmp_path / "first")
    manifest = import_data(path, tmp_path / "second")
    table, pictures = open_dataset(tmp_path / "first"), open_dataset(tmp_path / "second")
    rows = [row_of[file.file] for file in pictures.files()]
    assert sorted(rows) == list(range(98))
    assert (manifest.name, manifest.split, manifest.labels) == ("FER2013", "official", EXPRESSIONS)
    for column in ("label", "part", "split"):
        assert np.array_equal(pictures.table[column], table.table[column][rows])
    difference = np.abs(pictures.images.astype(int) - table.images[rows])
    assert difference.max() == 0 if suffix == "png" else 0 < difference.mean() < 40
    assert names(tmp_path / "second") == ["dataset.json", "files.csv", "images.npy", "table.npy"]


def test_real_rows_as_pictures_come_back_bit_for_bit(fer2013, tmp_path):
    rows = np.flatnonzero(fer2013.table["part"] < UNUSED)[::90]
    for row in rows.tolist():
        label, part = EXPRESSIONS[fer2013.table["label"][row]], fer2013.table["part"][row]
        name = ("Training", "PublicTest", "PrivateTest")[part]
        path = tmp_path / "archive" / ("test" if part else "train") / label / f"{name}_{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(fer2013.images[row]).save(path)
    import_data(tmp_path / "archive", tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    order = [int(file.file.split("_")[-1].removesuffix(".png")) for file in dataset.files()]
    assert sorted(order) == rows.tolist()
    assert np.array_equal(dataset.images, fer2013.images[order])
    assert np.array_equal(dataset.table["label"], fer2013.table["label"][order])
    assert np.array_equal(dataset.table["part"], fer2013.table["part"][order])


def test_a_folder_gives_the_same_data_set_as_its_zip_and_from_wherever_it_is_named(
    slice_of_fer2013, tmp_path, monkeypatch
):
    hashes = {import_data(slice_of_fer2013(kind)[0], tmp_path / kind).sha256 for kind in ("folder", "zip")}
    monkeypatch.chdir(tmp_path / "archive")
    hashes.add(import_data(".", tmp_path / "here").sha256)
    assert len(hashes) == 1


@pytest.fixture
def own(write_pictures):
    """A folder of two classes of the user's own, ten pictures each; its parts are prefixed by the test."""

    def make(**parts):
        return write_pictures(
            "own faces",
            {
                f"{prefix}{label}/{number}.png": 1000 * place + 100 * (label == "tired") + number
                for place, (part, count) in enumerate(parts.items())
                for prefix in [f"{part}/" if part != "no" else ""]
                for label in ("tired", "awake")
                for number in range(count)
            },
        )

    return make


@pytest.mark.parametrize(
    ("parts", "split", "counts"),
    [
        ({"no": 20}, "80/10/10 --pool", [32, 4, 4, 0]),
        ({"train": 20}, "80/10/10 --pool", [32, 4, 4, 0]),
        ({"train": 10, "test": 4}, "80/20", [16, 4, 8, 0]),
        ({"train": 10, "val": 2}, "official", [20, 4, 0, 0]),
        ({"train": 10, "val": 2, "test": 3}, "official", [20, 4, 6, 0]),
        ({"test": 3}, "official", [0, 0, 6, 0]),
    ],
)
def test_an_open_split_is_settled_by_the_parts_that_there_are(own, tmp_path, parts, split, counts):
    manifest = import_data(own(**parts), tmp_path / "out", seed=3)
    assert (manifest.split, manifest.seed) == (split, None if split == "official" else 3)
    assert (manifest.name, manifest.labels) == ("own faces", ("awake", "tired"))
    used = open_dataset(tmp_path / "out").table["split"]
    assert [(used == number).sum() for number in (0, 1, 2, UNUSED)] == counts


@pytest.mark.parametrize(("split", "counts"), [("80/20", [32, 8, 0]), ("50/25/25", [20, 10, 10])])
def test_shares_are_drawn_from_all_of_a_source_without_parts(own, tmp_path, split, counts):
    assert import_data(own(no=20), tmp_path / "out", split=split).split == f"{split} --pool"
    used = open_dataset(tmp_path / "out").table["split"]
    assert [(used == number).sum() for number in range(3)] == counts


@pytest.mark.usefixtures("unread")
def test_a_source_without_parts_has_no_official_split(own, tmp_path):
    with pytest.raises(DataError, match=r"--split official: .* makes no parts of its own. Leave it out"):
        import_data(own(no=2), tmp_path / "out", split="official")


@pytest.mark.parametrize("split", [None, "80/20"])
def test_a_class_that_train_would_lack_is_refused_unless_the_parts_are_official(write_pictures, tmp_path, split):
    files = {f"train/{label}/{number}.png": number for label in ("happy", "sad") for number in range(9)}
    path = write_pictures("faces", {**files, "test/fear/1.png": 50})
    with pytest.raises(DataError, match=r"--split 80/20: train would get none of the 1 pictures of fear"):
        import_data(path, tmp_path / "out", split=split)
    assert not (tmp_path / "out").exists()
    import_data(path, tmp_path / "out", split="official")


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("options", [{"size_px": 48}, {"color": "gray"}])
def test_a_form_of_pictures_is_refused_where_there_is_no_choice(source, tmp_path, options):
    for table in ("synthetic", source):
        with pytest.raises(DataError, match="--size-px and --color go with folders of pictures"):
            import_data(table, tmp_path / "out", **options)


def test_pictures_come_in_the_form_asked_for(own, tmp_path):
    import_data(own(no=10), tmp_path / "out", size_px=24, color="rgb")
    dataset = open_dataset(tmp_path / "out")
    assert (dataset.size_px, dataset.channels) == (24, 3)
    dataset.verify()


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("place", ["out", "deeper/out", "awake/out"])
def test_a_folder_inside_the_source_is_refused(own, tmp_path, place):
    path = own(no=2)
    with pytest.raises(InputError, match=r"lies inside .*own faces, whose folders are its classes"):
        import_data(path, path / place)
    assert names(path) == ["awake", "tired"]


def test_an_empty_source_is_not_the_current_folder(own, tmp_path, monkeypatch):
    monkeypatch.chdir(own(no=10))
    with pytest.raises(DataError, match="the source is empty"):
        import_data("", tmp_path / "out")


@pytest.mark.parametrize("limit", [1_000, 60_000])
def test_a_full_disk_while_importing_pictures_leaves_nothing(own, tmp_path, limit):
    """The limit makes `write` fail in one of the files, as a full disk does."""
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from mien.core.errors import InputError\n"
        "from mien.training.data.importing import import_data\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)\n"
        "try:\n"
        "    import_data(sys.argv[1], Path(sys.argv[2]))\n"
        "except InputError as error:\n"
        "    print(error)\n"
    )
    source = own(no=25)
    done = subprocess.run(
        [sys.executable, "-c", script, source, tmp_path / "out", str(limit)],
        capture_output=True, text=True, check=True, timeout=60, env=ENVIRONMENT,
    )  # fmt: skip
    assert f"can't write {tmp_path / 'out'}: File too large" in done.stdout
    assert names(tmp_path) == ["own faces"]


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
        env=ENVIRONMENT,
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
