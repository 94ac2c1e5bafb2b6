from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.labels import EXPRESSIONS
from mien.training.data.sources.class_folders import MAX_CLASSES, find_class_folders, read_class_folders
from mien.training.data.sources.pictures import PictureForm
from mien.training.data.sources.tree import Folder, Listing
from mien.training.data.sources.zipped import Zip
from mien.training.data.table import UNUSED

TRAIN, VALIDATION, TEST = 0, 1, 2


@pytest.fixture
def find(tmp_path):
    """Return a function that labels a tree given by its files; folders that end with `/` are empty."""

    def find_in(*paths):
        folders = {path[:place] for path in paths for place, letter in enumerate(path) if letter == "/"}
        return find_class_folders(Listing.of(folders, [path for path in paths if path[-1] != "/"]), tmp_path / "faces")

    return find_in


def rows_of(found):
    return [(file.part, found.labels[file.label], file.file) for file in found.files]


def test_folders_are_labels_and_there_are_no_parts(find):
    found = find("tired/1.png", "awake/2.png", "awake/1.png")
    assert found.labels == ("awake", "tired")
    assert rows_of(found) == [
        (UNUSED, "awake", "awake/1.png"),
        (UNUSED, "awake", "awake/2.png"),
        (UNUSED, "tired", "tired/1.png"),
    ]
    assert found.parts == set()
    assert found.name == "faces"


def test_the_seven_stand_in_the_order_of_fer2013(find):
    found = find(*(f"{name}/1.png" for name in sorted(EXPRESSIONS)))
    assert found.labels == EXPRESSIONS
    assert [label for _, label, _ in rows_of(found)] == sorted(EXPRESSIONS)


def test_pictures_deeper_in_a_class_folder_are_of_that_class(find):
    found = find("happy/anna/1.png", "happy/2.png", "sad/anna/left/1.png")
    assert [label for _, label, _ in rows_of(found)] == ["happy", "happy", "sad"]


def test_part_folders_are_told_by_their_words_and_sorted_by_part(find):
    found = find("Test/sad/1.png", "TRAIN/sad/1.png", "train/happy/2.png", "Valid/happy/1.png")
    assert rows_of(found) == [
        (TRAIN, "sad", "TRAIN/sad/1.png"),
        (TRAIN, "happy", "train/happy/2.png"),
        (VALIDATION, "happy", "Valid/happy/1.png"),
        (TEST, "sad", "Test/sad/1.png"),
    ]
    assert found.parts == {TRAIN, VALIDATION, TEST}


@pytest.mark.parametrize(
    ("word", "part"),
    [("training", TRAIN), ("val", VALIDATION), ("validation", VALIDATION), ("dev", VALIDATION), ("testing", TEST),
     ("PublicTest", VALIDATION), ("PrivateTest", TEST)],
)  # fmt: skip
def test_every_word_for_a_part_is_known(find, word, part):
    assert {file.part for file in find(f"{word}/sad/1.png", f"{word}/happy/1.png").files} == {part}


@pytest.mark.parametrize("wrapper", ["archive/", "faces/images/", "test/", "data/train/"])
def test_a_lone_folder_around_all_is_looked_through(find, wrapper):
    found = find(f"{wrapper}train/sad/1.png", f"{wrapper}test/happy/1.png")
    assert [(part, label) for part, label, _ in rows_of(found)] == [(TRAIN, "sad"), (TEST, "happy")]
    assert [label for _, label, _ in rows_of(find(f"a/{wrapper}sad/1.png", f"a/{wrapper}happy/1.png"))][::-1] == [
        "sad", "happy",
    ]  # fmt: skip


def test_a_folder_without_pictures_beside_the_parts_does_not_matter(find):
    assert find("train/sad/1.png", "train/happy/1.png", "models/", "val/").parts == {TRAIN}


def test_a_class_that_one_part_lacks_is_still_a_class(find):
    found = find("train/sad/1.png", "train/happy/1.png", "test/sad/1.png", "test/happy/")
    assert found.labels == ("happy", "sad")


def test_spellings_of_different_parts_that_mean_one_of_the_seven_are_one_label(find):
    found = find("train/Happy/1.png", "train/Sad/1.png", "test/happiness/1.png", "test/SAD/1.png")
    assert [label for _, label, _ in rows_of(found)] == ["happy", "sad", "sad", "happy"]


def test_the_two_spellings_of_an_accent_are_one_class(find):
    found = find("train/fr\u00f6hlich/1.png", "train/ernst/1.png", "test/fro\u0308hlich/1.png")
    assert found.labels == ("ernst", "fr\u00f6hlich")
    assert len(found.files) == 3


@pytest.mark.parametrize(
    "paths",
    [
        ["Bored/1.png", "bored/1.png", "keen/1.png"],
        ["train/Bored/1.png", "train/keen/1.png", "test/bored/1.png"],
        ["Happy/1.png", "happy/1.png", "sad/1.png"],
        ["train/Happy/1.png", "train/happy/1.png", "train/sad/1.png"],
    ],
)
def test_classes_that_differ_only_by_case_are_refused_with_both_names(find, paths):
    with pytest.raises(
        DataError, match=r"faces: the class folders (Bored and bored|Happy and happy) differ only by case"
    ):
        find(*paths)


@pytest.mark.parametrize(
    ("paths", "named"),
    [
        (["sad/1.png", "happy/1.png", "bored/"], "class folders without pictures: bored"),
        (["train/sad/1.png", "train/happy/1.png", "test/bored/"], "class folders without pictures: bored"),
        (["sad/1.png", "happy/1.png", "a/", "b/deep/"], "class folders without pictures: a, b"),
    ],
)
def test_a_class_without_pictures_is_named(find, paths, named):
    if "test" in paths[-1]:
        paths = [*paths, "test/sad/1.png"]
    with pytest.raises(DataError, match=named):
        find(*paths)


@pytest.mark.parametrize(
    ("paths", "named"),
    [
        (["1.png", "2.png"], "in no class folder, and so without a label: 1.png, 2.png. Name"),
        (["cover.png", "sad/1.png", "happy/1.png"], "without a label: cover.png"),
        (["train/sad/1.png", "train/happy/1.png", "test/1.png"], "without a label: test/1.png"),
        (["train/1.png", "test/2.png"], "without a label: test/2.png, train/1.png"),
        ([f"{number}.png" for number in range(9)], "4.png and 4 more. Name"),
    ],
)
def test_pictures_without_a_class_are_named(find, paths, named):
    with pytest.raises(DataError, match=named):
        find(*paths)


@pytest.mark.parametrize(
    "paths", [["sad/1.png"], ["train/sad/1.png", "test/sad/1.png"], ["a/sad/1.png", "a/sad/2.png"]]
)
def test_a_single_class_is_refused(find, paths):
    with pytest.raises(DataError, match="all pictures are of one class, sad; it takes two"):
        find(*paths)


def test_parts_beside_folders_that_are_none_are_refused(find):
    with pytest.raises(DataError, match="test, train is named like a part, but extra, more beside it is not"):
        find("train/sad/1.png", "test/sad/1.png", "extra/sad/1.png", "more/happy/1.png")


def test_a_class_may_have_the_name_of_a_part_if_pictures_lie_in_it(find):
    assert find("train/1.png", "car/1.png").labels == ("car", "train")


@pytest.mark.parametrize(
    ("paths", "advice"),
    [
        ([], "Name a folder of class folders"),
        (["a/"], "Name a folder"),
        (["fer2013/fer2013.csv"], "fer2013/fer2013.csv"),
    ],
)
def test_no_pictures_at_all_are_refused_with_what_to_name(find, paths, advice):
    with pytest.raises(DataError, match=f"faces holds no picture files. .*{advice}"):
        find(*paths)


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31m", "\u202eabc", "a\udcff", " "])
def test_a_label_that_cannot_be_printed_is_refused(find, name):
    with pytest.raises(DataError, match=r"has a name that can't be printed"):
        find(f"{name}/1.png", "sad/1.png")


def test_too_many_classes_are_refused(find):
    with pytest.raises(DataError, match=f"{MAX_CLASSES + 1} class folders"):
        find(*(f"{number}/1.png" for number in range(MAX_CLASSES + 1)))


PICTURES = {"sad/1.png": 1, "happy/2.png": 2, "happy/broken.png": b"no picture", "sad/3.bmp": 3}


@pytest.mark.parametrize("name", ["faces", "faces.zip"])
def test_rows_are_the_readable_pictures_and_files_are_all_of_them(write_pictures, noise, name):
    path = write_pictures(name, PICTURES)
    tree = Folder(path) if path.is_dir() else Zip(path)
    found = find_class_folders(tree.list(), path)
    told = []
    rows = read_class_folders(tree, found, PictureForm(), lambda *numbers: told.append(numbers))
    assert np.array_equal(rows.images, [noise(2), noise(1), noise(3)])
    assert rows.labels.tolist() == [0, 1, 1]
    assert rows.label_names == ("happy", "sad")
    assert rows.parts.tolist() == [UNUSED] * 3
    assert (rows.name, rows.source) == ("faces", name)
    assert [(file.row, file.file) for file in rows.files] == [
        (0, "happy/2.png"), (None, "happy/broken.png"), (1, "sad/1.png"), (2, "sad/3.bmp"),
    ]  # fmt: skip
    assert "none of the formats" in rows.files[1].problem
    assert told == [(done, 4) for done in (1, 2, 3, 4)]


def test_a_class_of_which_nothing_can_be_read_is_named_with_a_reason(write_pictures):
    path = write_pictures("faces", {"sad/1.png": b"", "sad/2.png": b"x", "happy/1.png": 1})
    found = find_class_folders(Folder(path).list(), path)
    with pytest.raises(DataError, match=r"no picture of sad can be read, such as sad/1.png: .*empty"):
        read_class_folders(Folder(path), found, PictureForm())


def test_the_current_folder_has_a_name_too(write_pictures, monkeypatch):
    monkeypatch.chdir(write_pictures("my faces", {"sad/1.png": 1, "happy/1.png": 2}))
    tree = Folder(Path())
    assert read_class_folders(tree, find_class_folders(tree.list(), tree.path), PictureForm()).name == "my faces"
