"""A class that nothing shows is named before training; data are what their hash says when they are trained on."""

import re
import shutil

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.training.data.table import SPLITS, open_dataset, save_dataset
from mien.training.fit.expression import task
from mien.training.fit.expression.rows import check_classes, choose_rows, find_unvalidated
from mien.training.fit.recipes import make_recipe
from mien.training.fit.trainer import train

SMALL = {"network": "vgg-bn", "options": {"width": 4}, "epochs": 1, "batch_size": 32}


def without(faces, folder, label, split):
    """Save the drawn faces again; pictures of one label leave one part."""
    dataset = open_dataset(faces)
    table = dataset.table.copy()
    gone = (table["label"] == dataset.labels.index(label)) & (table["split"] == SPLITS.index(split))
    table["split"][gone] = 255
    facts = dataset.manifest.model_dump(include={"name", "license", "source", "labels", "has_votes", "split", "seed"})
    save_dataset(folder, table, dataset.images, **facts)
    return folder


def test_a_class_without_training_pictures_is_refused_before_anything_is_written(faces, tmp_path):
    data = without(faces, tmp_path / "data", "fear", "train")
    with pytest.raises(DataError, match="train has no picture of fear, so"):
        train(make_recipe(SMALL), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_class_without_validation_pictures_is_trained_and_noted(faces, tmp_path, capsys):
    data = without(faces, tmp_path / "data", "fear", "validation")
    assert find_unvalidated(open_dataset(data)) == ("fear",)
    assert find_unvalidated(open_dataset(faces)) == ()
    assert train(make_recipe(SMALL), data, tmp_path / "run").is_finished
    assert "note: validation has no picture of fear, so" in capsys.readouterr().err


@pytest.mark.parametrize("rows", [{"drop_contradicting": True}, {"drop_not_a_face": True}])
def test_a_class_that_the_recipe_empties_is_named(make_dataset, rows):
    dataset = make_dataset((0, 0, 5), (0, 1, 5), (0, 0, 6), (0, 0, 7), labels=("one", "two"))
    dataset.table["is_face"][1] = False
    settings = make_recipe({"rows": {"drop_not_a_face": False} | rows}).rows
    with pytest.raises(DataError, match=re.escape("the recipe's [rows] leave out all training pictures of two, so")):
        check_classes(dataset, choose_rows(dataset, settings))
    check_classes(dataset, dataset.rows_of("train"))


def test_a_class_that_the_data_lack_is_not_blamed_on_the_recipe(make_dataset):
    dataset = make_dataset((0, 0, 5), (0, 0, 6), (0, 2, 7), (1, 1, 8), labels=("one", "two", "three"))
    with pytest.raises(DataError, match="train has no picture of two, so"):
        check_classes(dataset, dataset.rows_of("train"))


def test_data_that_change_while_they_are_read_are_noticed(faces, tmp_path, monkeypatch):
    data = shutil.copytree(faces, tmp_path / "data")
    load = task.load_pictures

    def change_and_load(dataset, rows, **settings):
        images = np.load(data / "images.npy", mmap_mode="r+")
        images[:] = 0
        images.flush()
        return load(dataset, rows, **settings)

    monkeypatch.setattr(task, "load_pictures", change_and_load)
    with pytest.raises(DataError, match="changed after its import"):
        train(make_recipe(SMALL), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()
