import pytest

from mien.core.labels import EXPRESSIONS
from mien.training.data.sources import kaggle
from mien.training.data.sources.class_folders import LICENSE, find_class_folders
from mien.training.data.sources.kaggle import name_kaggle_copy
from mien.training.data.sources.tree import Listing

TRAIN, VALIDATION, TEST = 0, 1, 2
NAMED = [f"train/{label}/Training_{number}.jpg" for number, label in enumerate(EXPRESSIONS)] + [
    "test/angry/PublicTest_10.jpg",
    "test/angry/PrivateTest_2.jpg",
    "test/neutral/PublicTest_1.jpg",
]


@pytest.fixture
def name(tmp_path):
    """Return a function that labels a tree given by its files, and names it."""

    def find_and_name(paths):
        folders = {path[:place] for path in paths for place, letter in enumerate(path) if letter == "/"}
        return name_kaggle_copy(find_class_folders(Listing.of(folders, paths), tmp_path / "archive.zip"))

    return find_and_name


def test_the_files_names_give_the_official_parts_back(name):
    found = name(NAMED)
    assert [(file.part, file.file) for file in found.files if file.part != TRAIN] == [
        (VALIDATION, "test/angry/PublicTest_10.jpg"),
        (VALIDATION, "test/neutral/PublicTest_1.jpg"),
        (TEST, "test/angry/PrivateTest_2.jpg"),
    ]
    assert found.parts == {TRAIN, VALIDATION, TEST}
    assert (found.name, found.labels) == ("FER2013", EXPRESSIONS)


def test_the_alphabets_order_of_the_folders_is_not_the_labels(name):
    found = name(NAMED)
    label_of = {file.file: found.labels[file.label] for file in found.files}
    assert all(label_of[path] == path.split("/")[1] for path in NAMED)
    assert [path.split("/")[1] for path in sorted(NAMED) if "train" in path] != list(EXPRESSIONS)


def test_jpeg_copies_are_called_so_and_others_are_not(name):
    assert "JPEG copies" in name(NAMED).license
    assert "JPEG" not in name([path.replace(".jpg", ".png") for path in NAMED]).license
    assert "FER2013" in name([path.replace(".jpg", ".png") for path in NAMED]).license


def test_without_such_names_test_stays_test_and_the_pictures_are_the_users(name):
    found = name([path.replace("Test_", "_") for path in NAMED])
    assert found.parts == {TRAIN, TEST}
    assert (found.name, found.license) == ("archive", LICENSE)


def test_one_file_of_test_without_such_a_name_leaves_all_of_it_test(name):
    assert name([*NAMED, "test/sad/1.jpg"]).parts == {TRAIN, TEST}


def test_the_whole_copy_is_known_by_its_numbers_too(name, monkeypatch):
    monkeypatch.setattr(kaggle, "PICTURES", {TRAIN: 7, TEST: 3})
    found = name([path.replace("Test_", "_") for path in NAMED])
    assert (found.name, found.parts) == ("FER2013", {TRAIN, TEST})


def test_a_slice_without_some_expression_keeps_the_numbers_of_fer2013(name):
    found = name([path for path in NAMED if "disgust" not in path and "sad" not in path])
    assert found.labels == EXPRESSIONS
    assert all(found.labels[file.label] == file.file.split("/")[1] for file in found.files)


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.replace("neutral", "contempt"),
        lambda path: path.replace("train/", "validation/"),
        lambda path: path.removeprefix("train/").removeprefix("test/"),
    ],
    ids=["other labels", "other parts", "no parts"],
)
def test_other_trees_stay_as_they_are(name, change):
    found = name([change(path) for path in NAMED])
    assert (found.name, found.license) == ("archive", LICENSE)
