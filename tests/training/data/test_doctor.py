import json

import numpy as np
import pytest
from pydantic import ValidationError

from mien.training.data import marks
from mien.training.data.diagnosis import Diagnosis
from mien.training.data.doctor import examine
from mien.training.data.importing import import_data
from mien.training.data.table import UNUSED, open_dataset

TRAIN, VALIDATION, TEST = 0, 1, 2
ANGRY, HAPPY, SAD = 0, 3, 4

ARCHITECTURE_FIELDS = [
    "rows", "classes", "twins_in_train", "redundant", "contradicting_groups", "not_a_face", "single_value",
    "unreadable",
]  # fmt: skip


@pytest.fixture
def leaky(make_dataset):
    """Shade 1 is in train and test, 2 in train and validation (once relabeled), 3 twice in train, 4 in both others."""
    return make_dataset(
        (TRAIN, HAPPY, 1),
        (TRAIN, HAPPY, 2),
        (TRAIN, SAD, 3),
        (TRAIN, ANGRY, 3),
        (TRAIN, SAD, 9),
        (VALIDATION, HAPPY, 2),
        (VALIDATION, SAD, 2),
        (VALIDATION, SAD, 4),
        (TEST, HAPPY, 1),
        (TEST, SAD, 4),
        (TEST, SAD, 5),
        first_row=100,
    )


def test_clean_data_has_no_findings(make_dataset):
    diagnosis = examine(make_dataset((TRAIN, HAPPY, 1), (TRAIN, SAD, 2), (VALIDATION, SAD, 3), (TEST, SAD, 4)))
    assert not diagnosis.is_leaking
    assert not diagnosis.is_contradicting
    assert (diagnosis.rows, diagnosis.redundant, diagnosis.single_value, diagnosis.unreadable) == (4, 0, 0, 0)


def test_twins_between_parts_are_counted_and_named(leaky):
    diagnosis = examine(leaky)
    assert diagnosis.is_leaking
    assert diagnosis.twins_in_train.model_dump() == {"validation": 2, "test": 1}
    assert diagnosis.twins_same_label.model_dump() == {"validation": 1, "test": 1}
    assert diagnosis.test_twins_in_validation == 1
    assert diagnosis.found.twins_in_train.validation == (105, 106)
    assert diagnosis.found.twins_in_train.test == (108,)
    assert diagnosis.found.test_twins_in_validation == (109,)


def test_near_twins_of_train_are_counted_and_named_beside_its_twins(leaky):
    """All shades have one lit pixel on an even ground, so all are the same photo in another light."""
    diagnosis = examine(leaky)
    assert diagnosis.near_twins_in_train.model_dump() == {"validation": 1, "test": 2}
    assert diagnosis.found.near_twins_in_train.model_dump() == {"validation": (107,), "test": (109, 110)}


def test_redundant_is_rows_minus_distinct_pictures(leaky):
    diagnosis = examine(leaky)
    distinct = len({image.tobytes() for image in leaky.images})
    assert diagnosis.redundant == diagnosis.rows - distinct == 5
    assert diagnosis.found.redundant == (103, 105, 106, 108, 109)
    assert diagnosis.twins_within.model_dump() == {"train": 1, "validation": 1, "test": 0}


def test_contradicting_groups_keep_twins_side_by_side(leaky):
    diagnosis = examine(leaky)
    assert diagnosis.is_contradicting
    assert (diagnosis.contradicting_groups, diagnosis.contradicting_rows) == (2, 5)
    assert diagnosis.found.contradicting == (101, 105, 106, 102, 103)


def test_a_leak_between_validation_and_test_alone_is_a_leak(make_dataset):
    diagnosis = examine(make_dataset((TRAIN, SAD, 1), (VALIDATION, SAD, 2), (TEST, SAD, 2)))
    assert diagnosis.twins_in_train.model_dump() == {"validation": 0, "test": 0}
    assert diagnosis.is_leaking


def test_rows_of_no_part_do_not_leak_but_are_counted(make_dataset):
    diagnosis = examine(make_dataset((TRAIN, SAD, 1), (UNUSED, HAPPY, 1), (TEST, SAD, 2)))
    assert not diagnosis.is_leaking
    assert (diagnosis.redundant, diagnosis.contradicting_groups) == (1, 1)
    assert diagnosis.classes["unused"]["happy"] == 1
    assert diagnosis.classes["train"] | {"sad": 0} == dict.fromkeys(diagnosis.classes["train"], 0)


@pytest.mark.parametrize("channels", [1, 3])
def test_flat_pictures_are_found_in_every_chunk(make_dataset, channels, monkeypatch):
    monkeypatch.setattr(marks, "CHUNK_BYTES", 2 * 4 * 4 * channels)  # two pictures at a time
    dataset = make_dataset(*[(TRAIN, SAD, shade) for shade in range(7)], channels=channels)
    dataset.images[[0, 3, 5, 6]] = 77
    dataset.images[5, -1, -1] += 1  # the last pixel alone differs: not flat
    diagnosis = examine(dataset)
    assert diagnosis.single_value == 3
    assert diagnosis.found.single_value == (0, 3, 6)


def test_one_flat_color_is_single_valued_too(make_dataset):
    dataset = make_dataset((TRAIN, SAD, 1), (TRAIN, SAD, 2), channels=3)
    dataset.images[1] = (10, 20, 30)
    assert examine(dataset).found.single_value == (1,)


def test_not_a_face_is_unknown_without_votes_and_a_number_with_them(make_dataset):
    rows = (TRAIN, SAD, 1), (TRAIN, SAD, 2)
    assert examine(make_dataset(*rows)).not_a_face is None
    voted = make_dataset(*rows, has_votes=True)
    assert examine(voted).not_a_face == 0
    voted.table["is_face"][1] = False
    assert examine(voted).not_a_face == 1
    assert examine(voted).found.not_a_face == (1,)


@pytest.fixture
def own(write_pictures, tmp_path):
    """An imported folder with two files that can't be read, a photo among crops, and a crop that is not square."""
    pictures = {f"{label}/{number}.png": 10 * place + number for place, label in enumerate(("happy", "sad"))
                for number in range(10)}  # fmt: skip
    odd = {
        "happy/broken.png": b"no picture",
        "sad/empty.jpg": b"",
        "happy/photo.png": np.full((1000, 1200), 7, np.uint8),
        "sad/narrow.png": np.full((48, 20), 8, np.uint8),
    }
    import_data(write_pictures("faces", pictures | odd), tmp_path / "own")
    return open_dataset(tmp_path / "own")


def test_files_that_could_not_be_read_or_had_another_size_are_counted_and_named(own):
    diagnosis = examine(own)
    assert (diagnosis.rows, diagnosis.unreadable, diagnosis.wrong_size) == (22, 2, 2)
    assert diagnosis.found.unreadable == ("happy/broken.png", "sad/empty.jpg")
    assert diagnosis.found.wrong_size == ("happy/photo.png", "sad/narrow.png")
    assert (diagnosis.smallest_size, diagnosis.largest_size) == ((20, 48), (1200, 1000))
    assert Diagnosis.model_validate_json(diagnosis.to_json()) == diagnosis


def test_lists_of_files_stop_at_the_limit_too(own):
    diagnosis = examine(own, listed_rows=1)
    assert (diagnosis.unreadable, diagnosis.wrong_size) == (2, 2)
    assert diagnosis.found.unreadable == ("happy/broken.png",)
    assert diagnosis.found.wrong_size == ("happy/photo.png",)


def test_a_table_of_pixels_has_no_files_to_name(leaky):
    diagnosis = examine(leaky)
    assert (diagnosis.unreadable, diagnosis.wrong_size, diagnosis.smallest_size) == (0, 0, None)


def test_lists_stop_at_the_limit_and_counts_do_not(leaky):
    diagnosis = examine(leaky, listed_rows=2)
    assert diagnosis.listed_rows == 2
    assert diagnosis.redundant == 5
    assert diagnosis.found.redundant == (103, 105)
    assert diagnosis.found.contradicting == (101, 105)


def test_json_begins_with_the_architecture_fields_and_reads_back(leaky):
    diagnosis = examine(leaky)
    assert list(json.loads(diagnosis.to_json()))[: len(ARCHITECTURE_FIELDS)] == ARCHITECTURE_FIELDS
    assert Diagnosis.model_validate_json(diagnosis.to_json()) == diagnosis


def test_a_diagnosis_is_frozen(leaky):
    with pytest.raises(ValidationError, match="frozen"):
        examine(leaky).rows = 0


def test_fer2013_has_the_known_faults(fer2013):
    """Figures of ../shared/design/facts.md; the near twins are our own count."""
    diagnosis = examine(fer2013)
    assert diagnosis.rows == 35_887
    assert diagnosis.twins_in_train.model_dump() == {"validation": 280, "test": 288}
    assert diagnosis.twins_same_label.model_dump() == {"validation": 273, "test": 280}
    assert diagnosis.near_twins_in_train.model_dump() == {"validation": 209, "test": 226}
    assert diagnosis.redundant == 1_854
    assert (diagnosis.contradicting_groups, diagnosis.contradicting_rows) == (57, 160)
    assert (diagnosis.not_a_face, diagnosis.single_value, diagnosis.unreadable) == (173, 12, 0)
    assert list(diagnosis.classes["train"].values()) == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    assert list(diagnosis.classes["validation"].values()) == [467, 56, 496, 895, 653, 415, 607]
    assert list(diagnosis.classes["test"].values()) == [491, 55, 528, 879, 594, 416, 626]


def test_fer2013_rows_named_by_the_doctor_are_what_it_says(fer2013):
    found = examine(fer2013).found
    train = {image.tobytes() for image in fer2013.images[fer2013.rows_of("train")]}
    assert all(fer2013.images[row].tobytes() in train for row in found.twins_in_train.test)
    assert np.ptp(fer2013.images[list(found.single_value)].reshape(12, -1), axis=1).max() == 0
