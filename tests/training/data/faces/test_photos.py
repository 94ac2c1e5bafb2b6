import json
import shutil

import numpy as np
import pytest

from mien.core.errors import DataError, InputError
from mien.training.data.faces.photos import FACE, PHOTO, open_photos, save_photos

FACTS = {"name": "small", "license": "none", "source": "memory", "split": "official", "seed": 3}
SIZES = ((4, 3), (2, 5), (6, 6))


def make(sizes=SIZES, counts=(2, 0, 1)):
    """Return photos of the given (width, height), one of each split, with their faces and pixels."""
    photos, faces = np.zeros(len(sizes), PHOTO), np.zeros(sum(counts), FACE)
    photos["width"], photos["height"] = np.array(sizes).T
    pixels = np.prod(sizes, axis=1) * 3
    photos["start"] = np.cumsum(pixels) - pixels
    photos["split"] = np.arange(len(sizes)) % 3
    photos["count"] = counts
    photos["first"] = np.cumsum(counts) - counts
    faces["box"] = np.arange(len(faces) * 4).reshape(-1, 4)
    faces["landmarks"][1:] = np.nan
    random = np.random.default_rng(0)
    return photos, faces, [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for width, height in sizes]


@pytest.fixture
def saved(tmp_path):
    save_photos(tmp_path / "set", *make(), **FACTS)
    return tmp_path / "set"


def test_a_set_comes_back_as_it_was_saved(tmp_path):
    photos, faces, pictures = make()
    manifest = save_photos(tmp_path / "set", photos, faces, iter(pictures), **FACTS)
    opened = open_photos(tmp_path / "set")
    assert opened.manifest == manifest
    assert manifest.model_dump(include=set(FACTS)) == FACTS
    assert np.array_equal(opened.photos, photos)
    assert opened.faces.tobytes() == faces.tobytes()
    for row, picture in enumerate(pictures):
        assert np.array_equal(opened.picture(row), picture)
    assert [opened.faces_of(row)["box"].tolist() for row in range(3)] == [
        [[0, 1, 2, 3], [4, 5, 6, 7]],
        [],
        [[8, 9, 10, 11]],
    ]
    opened.verify()


def test_the_files_are_those_of_the_docstring_and_of_numpy(saved):
    assert sorted(path.name for path in saved.iterdir()) == ["boxes.npy", "dataset.json", "photos.npy", "pixels.npy"]
    photos, faces, pictures = make()
    assert np.array_equal(np.load(saved / "photos.npy"), photos)
    assert np.load(saved / "boxes.npy").tobytes() == faces.tobytes()
    assert np.array_equal(np.load(saved / "pixels.npy"), np.concatenate([picture.ravel() for picture in pictures]))
    assert json.loads((saved / "dataset.json").read_text())["task"] == "faces"


def test_pixels_are_mapped_and_read_only(saved):
    opened = open_photos(saved)
    assert isinstance(opened.pixels, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        opened.picture(0)[0, 0, 0] = 1


def test_rows_of_a_split(saved):
    opened = open_photos(saved)
    assert [opened.rows_of(split).tolist() for split in ("train", "validation", "test")] == [[0], [1], [2]]


def test_a_split_without_photos_is_told(tmp_path):
    save_photos(tmp_path / "set", *make(SIZES[:2], (0, 0)), **FACTS)
    with pytest.raises(DataError, match=r"no test photos \(it has train, validation\)"):
        open_photos(tmp_path / "set").rows_of("test")


def test_a_set_without_any_face_can_be_kept(tmp_path):
    save_photos(tmp_path / "set", *make(SIZES, (0, 0, 0)), **FACTS)
    opened = open_photos(tmp_path / "set")
    assert opened.faces.shape == opened.faces_of(1).shape == (0,)
    opened.verify()


def swap_sides(pictures):
    pictures[1] = pictures[1].transpose(1, 0, 2)


def drop_color(pictures):
    pictures[2] = pictures[2][..., 0]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (swap_sides, r"picture 1 is \(2, 5, 3\), but its row says \[\(5, 2\)\]"),
        (drop_color, r"picture 2 is \(6, 6\)"),
        (lambda pictures: pictures.append(pictures[0]), r"picture 3 is \(3, 4, 3\), but its row says nothing"),
        (lambda pictures: pictures.pop(), "expected 174 bytes of pixels, got 66"),
    ],
)
def test_pictures_of_other_sizes_are_refused_and_nothing_is_left(tmp_path, spoil, message):
    photos, faces, pictures = make()
    spoil(pictures)
    with pytest.raises(DataError, match=message):
        save_photos(tmp_path / "set", photos, faces, pictures, **FACTS)
    assert not list(tmp_path.iterdir())


def test_an_interrupted_writing_leaves_nothing(tmp_path):
    photos, faces, pictures = make()

    def interrupted():
        yield pictures[0]
        assert len(list(tmp_path.iterdir())) == 1  # control: it had begun
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_photos(tmp_path / "set", photos, faces, interrupted(), **FACTS)
    assert not list(tmp_path.iterdir())


def test_a_folder_in_use_is_refused_before_a_picture_is_read(saved):
    def unread():
        raise AssertionError("read")
        yield

    with pytest.raises(InputError, match="exists already"):
        save_photos(saved, *make()[:2], unread(), **FACTS)


@pytest.mark.parametrize("name", ["pixels.npy", "boxes.npy"])
def test_a_changed_bit_shows_in_the_hash(saved, name):
    data = bytearray((saved / name).read_bytes())
    data[-1] ^= 1
    (saved / name).write_bytes(data)
    opened = open_photos(saved)
    with pytest.raises(DataError, match="hash differs"):
        opened.verify()


def test_the_hash_covers_each_array(saved):
    opened = open_photos(saved)
    opened.verify()
    opened.faces["box"][2, 3] += 1
    with pytest.raises(DataError, match="hash differs"):
        opened.verify()
    opened = open_photos(saved)
    opened.photos["split"][0] = 2
    with pytest.raises(DataError, match="hash differs"):
        opened.verify()


@pytest.mark.parametrize("name", ["pixels.npy", "photos.npy", "boxes.npy", "dataset.json"])
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(DataError, match=f"{name} is missing. Run: mien data import"):
        open_photos(saved)


@pytest.mark.parametrize("name", ["pixels.npy", "photos.npy", "boxes.npy", "dataset.json"])
@pytest.mark.parametrize("keep", [0, 20, -1])
def test_a_file_cut_short_is_named(saved, name, keep):
    data = (saved / name).read_bytes()
    (saved / name).write_bytes(data[: keep if keep >= 0 or name != "dataset.json" else -5])
    with pytest.raises(DataError, match=name):
        open_photos(saved)


@pytest.mark.parametrize(
    ("column", "value"), [("split", 3), ("width", 0), ("width", -4), ("height", -3), ("count", -1)]
)
def test_numbers_out_of_range_are_refused(saved, column, value):
    photos = np.load(saved / "photos.npy")
    photos[column][1] = value
    np.save(saved / "photos.npy", photos)
    with pytest.raises(DataError, match=r"photos.npy, row 1: .* is out of range"):
        open_photos(saved)


@pytest.mark.parametrize(("column", "value"), [("start", 1), ("width", 5), ("height", 4), ("count", 2), ("first", 1)])
def test_rows_that_do_not_fit_together_are_refused(saved, column, value):
    photos = np.load(saved / "photos.npy")
    photos[column][0] = value if photos[column][0] != value else value + 1
    np.save(saved / "photos.npy", photos)
    with pytest.raises(DataError, match="don't fit together"):
        open_photos(saved)


@pytest.mark.parametrize("count", [2, 4])
def test_another_number_of_faces_is_refused(saved, count):
    np.save(saved / "boxes.npy", np.zeros(count, FACE))
    with pytest.raises(DataError, match="don't fit together"):
        open_photos(saved)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("photos.npy", np.zeros(3, FACE)),
        ("photos.npy", np.zeros((3, 1), PHOTO)),
        ("boxes.npy", np.zeros(3, PHOTO)),
        ("boxes.npy", np.zeros((3, 4), np.float32)),
    ],
)
def test_other_columns_are_refused(saved, name, array):
    np.save(saved / name, array)
    with pytest.raises(DataError, match=f"{name} has other columns"):
        open_photos(saved)


@pytest.mark.parametrize("array", [np.zeros(174, np.int8), np.zeros(173, np.uint8), np.zeros((58, 3), np.uint8)])
def test_other_pixels_are_refused(saved, array):
    np.save(saved / "pixels.npy", array)
    with pytest.raises(DataError, match="don't fit together"):
        open_photos(saved)


def test_objects_are_never_unpickled(saved):
    np.save(saved / "boxes.npy", np.array([print], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"boxes.npy is broken"):
        open_photos(saved)


def test_crops_with_labels_are_no_photos(saved, faces):
    with pytest.raises(DataError, match=r"dataset.json: task|dataset.json: labels"):
        open_photos(faces)
    manifest = json.loads((saved / "dataset.json").read_text())
    (saved / "dataset.json").write_text(json.dumps({**manifest, "task": "expressions"}))
    with pytest.raises(DataError, match="task"):
        open_photos(saved)


def test_a_moved_set_is_the_same(saved, tmp_path):
    shutil.move(saved, tmp_path / "elsewhere")
    open_photos(tmp_path / "elsewhere").verify()
