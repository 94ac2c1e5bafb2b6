"""Training learns, writes what it promises, and refuses what can't work before it begins."""

import csv
import json

import numpy as np
import pytest
import torch

from mien.core.errors import DataError, RecipeError, RunError
from mien.training.data.sections import Augment
from mien.training.data.table import open_dataset, save_dataset
from mien.training.fit.checkpoint import load_checkpoint
from mien.training.fit.expression.rows import choose_rows, weigh_classes
from mien.training.fit.history import find_best_epoch
from mien.training.fit.recipes import make_recipe
from mien.training.fit.restore import restore_network
from mien.training.fit.trainer import train
from mien.training.models.preprocess import standardize, to_planes

SMALL = {"network": "vgg-bn", "options": {"width": 4}, "epochs": 1, "batch_size": 32}


def test_a_run_holds_what_the_architecture_says(trained):
    names = {path.name for path in trained.path.iterdir()}
    expected = {"recipe.toml", "data.json", "environment.json", "history.csv", "best.ckpt", "last.ckpt"}
    assert names - {".lock"} == expected | {"temperature.json"}
    with trained.history_path.open() as text:
        rows = list(csv.DictReader(text))
    header = "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,lr,seconds"
    assert ",".join(rows[0]) == header
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert json.loads(trained.temperature_path.read_text())["temperature"] > 0


def test_training_learns_what_can_be_learned(faces, tmp_path):
    plain = dict.fromkeys(Augment.model_fields, 0.0)
    recipe = make_recipe(
        {
            "network": "vgg-bn",
            "options": {"width": 8},
            "epochs": 12,
            "batch_size": 16,
            "ema": 0,
            "augment": plain,
            "optimizer": {"name": "adam", "lr": 0.003},
        }
    )
    history = train(recipe, faces, tmp_path / "run").history()
    assert history[-1].train_accuracy > 0.8
    assert max(record.validation_accuracy for record in history) > 0.6  # chance is 0.14


def test_the_history_tells_the_kept_weights_accuracy(trained, faces):
    """The validation figure of the best epoch is that of the network that is exported."""
    dataset = open_dataset(faces)
    rows = dataset.rows_of("validation")
    with torch.inference_mode():
        images = torch.from_numpy(np.array(dataset.images[rows]))
        read = restore_network(trained)(standardize(to_planes(images))).argmax(1).numpy()
    best = trained.history()[trained.calibration().best_epoch]
    assert best.validation_accuracy == pytest.approx((read == dataset.table["label"][rows]).mean(), abs=1e-6)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop", "adamax"])
def test_every_optimizer_trains(faces, tmp_path, name):
    recipe = make_recipe(SMALL | {"optimizer": {"name": name, "lr": 0.001}})
    assert np.isfinite(train(recipe, faces, tmp_path / "run").history()[0].train_loss)


def test_early_stopping_stops(faces, tmp_path):
    recipe = make_recipe(
        SMALL | {"epochs": 30, "stop_after_epochs": 1, "best_by": "loss", "optimizer": {"lr": 1e-9}, "ema": 0.9999}
    )
    run = train(recipe, faces, tmp_path / "run")
    assert len(run.history()) == run.calibration().best_epoch + 1 + 1 < 30


def test_the_last_epoch_is_kept_where_the_recipe_says_so(faces, tmp_path):
    standing = SMALL | {
        "epochs": 3,
        "optimizer": {"lr": 1e-9},
        "ema": 0.9999,
    }  # all epochs alike: the first is the best
    run = train(make_recipe(standing | {"best_by": "last"}), faces, tmp_path / "run")
    assert len({record.validation_accuracy for record in run.history()}) == 1
    assert find_best_epoch(run.history()).epoch == 0, "the control"
    assert run.best_epoch == 2
    assert load_checkpoint(run.best_path)["epoch"] == 2


def test_a_run_that_diverges_says_so_and_is_not_called_finished(faces, tmp_path):
    with pytest.raises(RunError, match="lower --lr"):
        train(make_recipe(SMALL | {"optimizer": {"lr": 1e30}}), faces, tmp_path / "run")
    assert not (tmp_path / "run" / "temperature.json").exists()


def test_a_file_in_the_place_of_the_run_is_refused(faces, tmp_path):
    (tmp_path / "file.txt").write_text("dear all")
    with pytest.raises(RunError, match="no run"):
        train(make_recipe(SMALL), faces, tmp_path / "file.txt")
    assert (tmp_path / "file.txt").read_text() == "dear all"


@pytest.mark.parametrize(("warmup", "epochs"), [(0.1, 2), (0.5, 1), (0.0, 1)])
def test_a_run_of_a_few_steps_rises_and_falls_all_the_same(faces, tmp_path, warmup, epochs):
    recipe = make_recipe(SMALL | {"batch_size": 74, "epochs": epochs, "schedule": {"warmup": warmup}})
    assert len(train(recipe, faces, tmp_path / "run").history()) == epochs


def test_labels_of_other_parts_do_not_decide_which_rows_train(make_dataset):
    same, other = 5, 6
    dataset = make_dataset((0, 0, same), (0, 1, other), (0, 1, 7), (2, 3, same))
    assert len(choose_rows(dataset, make_recipe({"rows": {"drop_contradicting": True}}).rows)) == 3
    twice = make_dataset((0, 0, same), (0, 1, same), (0, 1, 7), (0, 1, 8))
    assert len(choose_rows(twice, make_recipe({"rows": {"drop_contradicting": True}}).rows)) == 2


def test_a_data_set_without_validation_is_refused_before_anything_is_written(faces, tmp_path):
    dataset = open_dataset(faces)
    table = dataset.table.copy()
    table["split"][table["split"] == 1] = 255
    facts = dataset.manifest.model_dump(include={"name", "license", "source", "labels", "has_votes", "split", "seed"})
    save_dataset(tmp_path / "data", table, dataset.images, **facts)
    with pytest.raises(DataError, match="no validation rows"):
        train(make_recipe(SMALL), tmp_path / "data", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_pictures_too_small_for_the_network_are_refused_before_they_are_read(faces, tmp_path, monkeypatch):
    dataset = open_dataset(faces)
    facts = dataset.manifest.model_dump(include={"name", "license", "source", "labels", "has_votes", "split", "seed"})
    small = np.ascontiguousarray(dataset.images[:, ::4, ::4])  # 12x12
    save_dataset(tmp_path / "data", dataset.table, small, **facts)
    load = "mien.training.fit.expression.task.load_pictures"
    with monkeypatch.context() as patch:
        patch.setattr(load, lambda *_, **__: pytest.fail("pictures were read"))
        with pytest.raises(RecipeError, match=r"cnn4-bn reads pictures of 16x16 .* these have 12x12"):
            train(make_recipe(SMALL | {"network": "cnn4-bn", "options": {}}), tmp_path / "data", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert train(make_recipe(SMALL), tmp_path / "data", tmp_path / "run").is_finished


def test_votes_that_are_not_there_are_refused(faces, tmp_path):
    with pytest.raises(DataError, match="--votes"):
        train(make_recipe(SMALL | {"loss": {"votes_share": 0.5}}), faces, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused(faces, tmp_path):
    with pytest.raises(RecipeError, match="--device cpu"):
        train(make_recipe(SMALL | {"device": "cuda"}), faces, tmp_path / "run")


def test_rows_that_are_no_faces_are_left_out_of_training_alone(fer2013):
    kept = choose_rows(fer2013, make_recipe({}).rows)
    dropped = np.setdiff1d(fer2013.rows_of("train"), kept)
    assert len(kept) + len(dropped) == 28_709
    assert not fer2013.table["is_face"][dropped].all()
    assert fer2013.table["is_face"][kept].all()
    without = choose_rows(fer2013, make_recipe({"rows": {"drop_contradicting": True}}).rows)
    assert 0 < len(kept) - len(without) <= 160


def test_class_weights_have_a_mean_of_one_over_the_rows():
    labels = torch.tensor([0, 0, 0, 1])
    weights = weigh_classes(labels, 3)
    assert weights[labels].mean() == pytest.approx(1.0)
    assert weights[1] == pytest.approx(3 * weights[0])
    assert weights[2] == 0
