import hashlib
import json
import pickle
import resource
import shutil
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mien.core.errors import DataError, InputError
from mien.core.labels import EXPRESSIONS
from mien.training.data.files import PictureFile
from mien.training.data.table import ROW, SPLITS, UNUSED, number_twins, open_dataset, save_dataset

FACTS = {"name": "noise", "license": "none", "source": "a.csv", "has_votes": False, "split": "official", "seed": None}


def make_arrays(count=6, shape=(48, 48)):
    images = np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)
    table = np.zeros(count, ROW)
    table["row"] = np.arange(count)
    table["label"] = np.arange(count) % 7
    table["split"] = table["part"] = np.arange(count) % 3
    table["twins"] = number_twins(images)
    return table, images


@pytest.fixture
def saved(tmp_path):
    """A small data set on disk that a test may break."""
    table, images = make_arrays()
    save_dataset(tmp_path / "data", table, images, labels=EXPRESSIONS, **FACTS)
    return tmp_path / "data"


@pytest.mark.parametrize("shape", [(48, 48), (32, 32, 3)])
def test_a_data_set_comes_back_as_it_was_saved(tmp_path, shape):
    table, images = make_arrays(6, shape)
    manifest = save_dataset(tmp_path / "data", table, images, labels=EXPRESSIONS, **FACTS)
    dataset = open_dataset(tmp_path / "data")
    assert dataset.manifest == manifest
    assert np.array_equal(dataset.table, table)
    assert np.array_equal(dataset.images, images)
    assert (dataset.size_px, dataset.channels) == (shape[0], len(shape) - 1 if len(shape) == 2 else 3)
    assert dataset.labels == EXPRESSIONS


def test_the_files_are_those_of_the_docstring_and_of_numpy(saved):
    assert sorted(path.name for path in saved.iterdir()) == ["dataset.json", "images.npy", "table.npy"]
    table, images = make_arrays()
    assert np.array_equal(np.load(saved / "table.npy", allow_pickle=False), table)
    assert np.array_equal(np.load(saved / "images.npy", allow_pickle=False), images)


def test_picture_files_are_listed_beside_the_arrays_and_are_no_part_of_the_hash(saved, tmp_path):
    table, images = make_arrays()
    files = [PictureFile(row, f"sad/{row}.png", 48, 48) for row in range(6)]
    manifest = save_dataset(tmp_path / "other", table, images, labels=EXPRESSIONS, files=files, **FACTS)
    assert open_dataset(tmp_path / "other").files() == tuple(files)
    assert manifest == open_dataset(saved).manifest
    assert open_dataset(saved).files() == ()


def test_a_data_set_of_before_there_were_lists_of_files_is_read(saved):
    """As mien 0.1.0 wrote it."""
    manifest = json.loads((saved / "dataset.json").read_text())
    assert list(manifest) == [
        "schema_version", "name", "license", "source", "labels", "has_votes", "split", "seed", "sha256",
    ]  # fmt: skip
    open_dataset(saved).verify()
    assert not (saved / "files.csv").exists()


def test_views_of_other_arrays_are_saved_as_what_they_show(tmp_path):
    table, images = make_arrays(12)
    save_dataset(tmp_path / "data", table[::2], images.transpose(0, 2, 1)[::2], labels=EXPRESSIONS, **FACTS)
    dataset = open_dataset(tmp_path / "data")
    assert np.array_equal(dataset.images, images.transpose(0, 2, 1)[::2])
    assert np.array_equal(dataset.table, table[::2])


def test_pictures_stay_on_disk_and_cannot_be_changed(saved):
    images = open_dataset(saved).images
    assert isinstance(images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


def test_the_hash_is_that_of_both_arrays(saved):
    dataset = open_dataset(saved)
    together = dataset.table.tobytes() + dataset.images.tobytes()
    assert dataset.manifest.sha256 == hashlib.sha256(together).hexdigest()


def test_another_split_gives_another_hash(saved, tmp_path):
    table, images = make_arrays()
    table["split"][0] = UNUSED
    other = save_dataset(tmp_path / "other", table, images, labels=EXPRESSIONS, **FACTS)
    assert other.sha256 != open_dataset(saved).manifest.sha256


def test_rows_of_a_split_come_in_the_order_of_the_source(saved):
    dataset = open_dataset(saved)
    assert [dataset.rows_of(split).tolist() for split in SPLITS] == [[0, 3], [1, 4], [2, 5]]


def test_a_split_without_rows_is_refused_with_those_that_there_are(make_dataset):
    dataset = make_dataset((0, 0, 1), (2, 0, 2))
    with pytest.raises(DataError, match=r"no validation rows \(it has train, test\).*--split"):
        dataset.rows_of("validation")
    with pytest.raises(DataError, match="none at all"):
        make_dataset((UNUSED, 0, 1)).rows_of("train")


def test_rows_with_a_twin_in_train_are_marked(make_dataset):
    dataset = make_dataset((0, 0, 1), (1, 0, 2), (2, 0, 1), (2, 0, 2), (2, 0, 3), (UNUSED, 0, 3))
    assert dataset.without_twins(dataset.rows_of("test")).tolist() == [False, True, True]


def test_the_test_part_is_known_by_its_pictures_alone(tmp_path):
    table, images = make_arrays()
    table["split"] = (0, 1, 2, 0, 1, 2)
    other = table.copy()
    other["split"], other["label"] = (0, 0, 2, 1, UNUSED, 2), 3  # what is learned changes, what is left alone stays
    moved = table.copy()
    moved["split"] = (2, 1, 0, 0, 1, 2)
    hashes = {}
    for name, rows in (("one", table), ("other", other), ("moved", moved)):
        save_dataset(tmp_path / name, rows, images, labels=EXPRESSIONS, **FACTS)
        hashes[name] = open_dataset(tmp_path / name).test_sha256
    assert hashes["one"] == hashlib.sha256(images[[2, 5]].tobytes()).hexdigest()
    assert hashes["other"] == hashes["one"] != hashes["moved"]
    table["split"] = 0
    save_dataset(tmp_path / "none", table, images, labels=EXPRESSIONS, **FACTS)
    assert open_dataset(tmp_path / "none").test_sha256 is None


@given(arrays(np.uint8, (12, 2, 2), elements=st.integers(0, 1)))
def test_twins_have_the_same_number_and_others_have_not(images):
    numbers = number_twins(images)
    assert numbers.dtype == np.int32
    for row, image in enumerate(images):
        equal = (images == image).all(axis=(1, 2))
        assert np.array_equal(equal, numbers == numbers[row])
    first = np.unique(numbers, return_index=True)[1]
    assert (np.diff(first) > 0).all(), "counted in the order of their first rows"


def test_a_folder_in_use_is_refused(saved):
    table, images = make_arrays()
    with pytest.raises(InputError, match="exists already"):
        save_dataset(saved, table, images, labels=EXPRESSIONS, **FACTS)


def test_a_full_disk_leaves_no_folder(tmp_path):
    """The limit makes `write` fail half-way in the pictures, as a full disk does."""
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from mien.core.errors import InputError\n"
        "from mien.training.data.importing import import_data\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "try:\n"
        "    import_data('synthetic', Path(sys.argv[1]), count=42)\n"
        "except InputError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "data"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "can't write" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["dataset.json", "table.npy", "images.npy"])
def test_a_missing_file_is_named_with_the_command_that_makes_it(saved, name):
    (saved / name).unlink()
    with pytest.raises(DataError, match=rf"{name} is missing. Run: mien data import"):
        open_dataset(saved)


def test_a_file_or_nothing_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "fer2013.csv").write_text("emotion,pixels,Usage")
    for name in ("fer2013.csv", "nothing"):
        with pytest.raises(DataError, match=f"{name} is no imported data set.*mien data import"):
            open_dataset(tmp_path / name)


@pytest.mark.parametrize("name", ["table.npy", "images.npy"])
@pytest.mark.parametrize("kept", [0, 5, 60, 127, -1])
def test_an_array_that_is_cut_short_is_refused(saved, name, kept):
    data = (saved / name).read_bytes()
    (saved / name).write_bytes(data[:kept])
    with pytest.raises(DataError, match=f"{name} is broken or cut short"):
        open_dataset(saved)


class Trap:
    """Says so if anybody unpickles it."""

    sprung = False

    def __reduce__(self):
        return (setattr, (Trap, "sprung", True))


@pytest.mark.parametrize("name", ["table.npy", "images.npy"])
def test_a_pickle_is_never_opened(saved, name):
    np.save(saved / name, np.array([Trap()], object), allow_pickle=True)
    with pytest.raises(DataError, match=name):
        open_dataset(saved)
    (saved / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataError, match=name):
        open_dataset(saved)
    assert not Trap.sprung


@pytest.mark.parametrize("name", ["table.npy", "images.npy"])
def test_what_is_no_array_file_is_refused(saved, name):
    with (saved / name).open("wb") as file:
        np.savez(file, a=np.zeros(3))
    with pytest.raises(DataError, match=name):
        open_dataset(saved)
    (saved / name).unlink()
    (saved / name).mkdir()
    with pytest.raises(DataError, match=f"{name} can't be read: Is a directory"):
        open_dataset(saved)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((6, 48, 48), np.float32), r"images.npy holds float32 \(6, 48, 48\)"),
        (np.zeros((6, 48, 32), np.uint8), r"\(6, 48, 32\), not square"),
        (np.zeros((6, 48, 48, 4), np.uint8), "not square uint8 pictures"),
        (np.zeros((6, 2304), np.uint8), "not square"),
        (np.zeros((5, 48, 48), np.uint8), "6 rows but 5 pictures"),
    ],
)
def test_pictures_of_another_kind_are_refused(saved, array, message):
    np.save(saved / "images.npy", array)
    with pytest.raises(DataError, match=message):
        open_dataset(saved)


@pytest.mark.parametrize(
    "table", [np.zeros(6, np.int64), np.zeros((6, 1), ROW), np.zeros((), ROW), np.zeros(6, [("row", np.int32)])]
)
def test_a_table_of_another_kind_is_refused(saved, table):
    np.save(saved / "table.npy", table)
    with pytest.raises(DataError, match=r"table.npy has other columns"):
        open_dataset(saved)


@pytest.mark.parametrize(
    ("column", "value"), [("label", -1), ("label", 7), ("split", 3), ("split", 254), ("part", 100)]
)
def test_a_number_out_of_range_is_named_by_row_and_column(saved, column, value):
    table, _ = make_arrays()
    table[column][4] = value
    np.save(saved / "table.npy", table)
    with pytest.raises(DataError, match=f"table.npy, row 4, column {column}: {value} is out of range"):
        open_dataset(saved)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # what numpy reads as Python text
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["dataset.json", "table.npy", "images.npy"]),
    place=st.integers(0, 140),
    byte=st.binary(max_size=3),
)
def test_a_damaged_file_gives_a_data_set_or_our_error_and_nothing_else(saved, name, place, byte):
    whole = (saved / name).read_bytes()
    (saved / name).write_bytes(whole[:place] + byte + whole[place + 1 :])
    try:
        with suppress(DataError):
            open_dataset(saved)
    finally:
        (saved / name).write_bytes(whole)


def test_a_header_that_promises_too_much_takes_no_memory(saved):
    header = {"descr": np.lib.format.dtype_to_descr(ROW), "fortran_order": False, "shape": (10**12,)}
    with (saved / "table.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=r"table.npy is broken or cut short"):
        open_dataset(saved)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_row_takes_as_many_bytes_as_before():
    """Imported data sets lie on people's disks: another form needs another schema version."""
    assert ROW.itemsize == 23


@pytest.mark.parametrize("name", ["images.npy", "table.npy"])
def test_a_changed_byte_is_noticed(synthetic, tmp_path, name):
    folder = tmp_path / "data"
    shutil.copytree(synthetic.path, folder)
    open_dataset(folder).verify()
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match="changed after its import"):
        open_dataset(folder).verify()


def test_some_rows_are_evenly_spread_faces_of_a_split(synthetic, monkeypatch):
    rows = synthetic.rows_of("train")
    assert np.array_equal(synthetic.some_rows_of("train", 0), rows)
    some = synthetic.some_rows_of("train", 10)
    assert (some[0], some[-1], len(some)) == (rows[0], rows[-1], 10)
    assert np.ptp(np.diff(np.searchsorted(rows, some))) <= 1
    assert len(synthetic.some_rows_of("train", 10**6)) == len(rows)
