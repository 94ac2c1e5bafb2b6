"""A detector is trained, resumed, exported and scored by the same engine as a classifier."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the train extra")

from mien.apps.cli.main import run as run_command  # noqa: E402
from mien.core.card import FacesCard  # noqa: E402
from mien.core.errors import DataError, ModelError, RecipeError, RunError  # noqa: E402
from mien.inference.expression.model import load_model  # noqa: E402
from mien.inference.faces.detector import Detector  # noqa: E402
from mien.training.evaluate.detections.matching import FoundFaces, TrueFaces  # noqa: E402
from mien.training.evaluate.faces import score_detector  # noqa: E402
from mien.training.export.ancestry import describe_terms  # noqa: E402
from mien.training.export.detector import check_parity, draw_probe, export_detector  # noqa: E402
from mien.training.export.face_graph import DecodingNetwork  # noqa: E402
from mien.training.fit.checkpoint import load_checkpoint  # noqa: E402
from mien.training.fit.faces.beginning import begin_detector  # noqa: E402
from mien.training.fit.faces.history import FaceRecord  # noqa: E402
from mien.training.fit.faces.threshold import LEAST, find_threshold  # noqa: E402
from mien.training.fit.recipes import make_recipe  # noqa: E402
from mien.training.fit.restore import restore_network  # noqa: E402
from mien.training.fit.run import Run  # noqa: E402
from mien.training.fit.trainer import train  # noqa: E402

FIELDS = {
    "task": "faces",
    "name": "tiny",
    "network": "face-pyramid",
    "options": {"width": 8, "depth": 1},
    "epochs": 3,
    "batch_size": 3,
    "ema": 0.9,
    "scenes": {"size_px": 96},
    "optimizer": {"name": "adamw", "lr": 0.003},
}


@pytest.fixture(scope="module")
def finished(photo_set, tmp_path_factory):
    return train(make_recipe(FIELDS), photo_set.path, tmp_path_factory.mktemp("faces") / "run")


@pytest.fixture(scope="module")
def exported(finished, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "tiny-faces.onnx"
    assert export_detector(finished, out).data.license == describe_terms(finished)
    return out


def test_a_finished_run_holds_its_history_and_threshold(finished):
    history = finished.history()
    assert [record.epoch for record in history] == [0, 1, 2]
    assert all(isinstance(record, FaceRecord) for record in history)
    assert 0 <= finished.threshold().min_score <= 1
    assert finished.best_epoch == max(history, key=lambda record: record.validation_ap).epoch
    assert not finished.temperature_path.exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from mien.training.fit import trainer
from mien.training.fit.learner import Learner
from mien.training.fit.recipes import load_recipe

recipe, data, out = sys.argv[1:]
begin = Learner.on_train_epoch_start
def stop(self):
    if self.current_epoch == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    begin(self)
Learner.on_train_epoch_start = stop
trainer.train(load_recipe(Path(recipe)), Path(data), Path(out))
"""


def test_a_killed_run_goes_on_to_the_same_weights(finished, photo_set, tmp_path):
    out = tmp_path / "run"
    arguments = [sys.executable, "-c", KILLED, finished.recipe_path, photo_set.path, out]
    assert subprocess.run([str(part) for part in arguments], capture_output=True).returncode == -9
    assert not (out / "threshold.json").exists()
    again = train(make_recipe(FIELDS), photo_set.path, out, resume=True)
    one, two = (load_checkpoint(run.last_path)["state_dict"] for run in (finished, again))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert [tuple(record)[:-1] for record in again.history()] == [tuple(record)[:-1] for record in finished.history()]


def test_the_file_finds_what_the_network_finds(exported, finished, photo_set):
    detector, network = Detector.load(exported), DecodingNetwork(restore_network(finished))
    for picture in (draw_probe(), photo_set.picture(2).copy()):
        check_parity(network, detector, picture)
    other = DecodingNetwork(restore_network(finished))
    with torch.no_grad():
        for weights in other.parameters():
            weights.add_(0.05)
    with pytest.raises(ModelError, match=r"differs|finds nothing"):
        check_parity(other, detector, draw_probe())  # the control: another network is told apart


def test_the_card_says_what_it_is(exported, finished):
    card = Detector.load(exported).card
    assert isinstance(card, FacesCard)
    assert (card.task, card.recipe, card.max_side_px) == ("faces", "tiny", 640)
    assert card.min_score == pytest.approx(finished.threshold().min_score, abs=1e-4)
    with pytest.raises(ModelError, match="is one for faces"):
        load_model(exported)


def test_the_file_is_scored_on_a_split(exported, photo_set):
    scores, card = score_detector(exported, photo_set.path, "test", command="here")
    assert (scores.n_pictures, scores.split, scores.command) == (2, "test", "here")
    assert scores.min_score == card.min_score
    assert json.loads(scores.model_dump_json())["model"] == "tiny-faces.onnx"


def test_the_threshold_lets_through_as_many_false_faces_as_allowed():
    nothing = TrueFaces(np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32))
    boxes = np.tile(np.float32([0, 0, 9, 9]), (3, 1))
    found = FoundFaces(boxes, np.float32([0.9, 0.6, 0.3]), np.zeros((3, 5, 2), np.float32))
    assert find_threshold([found], [nothing], most_false=1.0) == pytest.approx(0.6, abs=1e-3)
    assert find_threshold([found], [nothing], most_false=0.0) == pytest.approx(0.9, abs=1e-3)
    assert find_threshold([found], [nothing], most_false=3.0) == LEAST
    face = TrueFaces(boxes[:1], np.full((1, 5, 2), np.nan, np.float32))
    assert find_threshold([found], [face], most_false=0.0) == LEAST


def test_a_run_begins_with_the_weights_of_another(finished, photo_set, tmp_path):
    fields = {**FIELDS, "transfer": {"init": str(finished.path)}, "scenes": {"size_px": 64}, "seed": 9}
    network, taken = begin_detector(Run(tmp_path / "none"), make_recipe(fields))
    for mine, theirs in zip(
        network.state_dict().values(), restore_network(finished).state_dict().values(), strict=True
    ):
        assert torch.equal(mine, theirs)
    drawn, nothing = begin_detector(Run(tmp_path / "none"), make_recipe({**fields, "transfer": {}}))
    assert nothing is None
    assert not torch.equal(drawn.stem[0][0].weight, network.stem[0][0].weight), "the control"
    run = train(
        make_recipe({**fields, "epochs": 1, "optimizer": {"name": "adamw", "lr": 1e-6}}),
        photo_set.path,
        tmp_path / "run",
    )
    assert json.loads(run.init_path.read_text())["sha256"] == taken.sha256
    moved = (restore_network(run).stem[0][0].weight - network.stem[0][0].weight).detach()
    assert 0 < float(moved.abs().max()) < 1e-3
    begun = f"Began with weights of sha256 {taken.sha256}, trained on {finished.trained_on().name}"
    assert begun in describe_terms(run)


@pytest.mark.parametrize(
    ("options", "init", "message"),
    [({"width": 16, "depth": 1}, "", "as this recipe builds it"), (FIELDS["options"], "faces", "batch norms folded")],
)
def test_weights_that_do_not_fit_a_detector_are_refused(options, init, message, finished, photo_set, tmp_path):
    fields = {**FIELDS, "options": options, "transfer": {"init": init or str(finished.path)}}
    with pytest.raises(ModelError, match=message):
        train(make_recipe(fields), photo_set.path, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_data_of_the_other_task_are_refused(photo_set, faces, tmp_path):
    with pytest.raises(DataError, match=r"dataset\.json"):
        train(make_recipe(FIELDS), faces, tmp_path / "run")
    with pytest.raises(DataError, match=r"dataset\.json"):
        train(make_recipe({"network": "cnn3"}), photo_set.path, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "cnn3"}, "unknown for faces"),
        ({"transfer": {"init": "run", "freeze_layers": 1}}, "learns as a whole"),
        ({"optimizer": {"layer_decay": 0.7}}, "learns as a whole"),
        ({"augment": {"flip": 0.5}}, "augment is no field"),
        ({"task": "eyes"}, "none of the name 'eyes'"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(RecipeError, match=message):
        make_recipe({**FIELDS, "options": {}, **changes})


def test_photos_that_changed_are_noticed(photo_set, tmp_path):
    data = shutil.copytree(photo_set.path, tmp_path / "data")
    pixels = np.load(data / "pixels.npy", mmap_mode="r+")
    pixels[0] += 1
    pixels.flush()
    with pytest.raises(DataError, match="changed after its import"):
        train(make_recipe(FIELDS), data, tmp_path / "run")


def test_the_command_line_trains_and_exports(photo_set, tmp_path, capsys):
    out, model = tmp_path / "run", tmp_path / "mine.onnx"
    flags = ["--epochs", "1", "--scenes.size-px", "64", "--batch-size", "2", "--options.width", "8"]
    assert run_command(["train", "faces", "--data", str(photo_set.path), "--out", str(out), *flags]) == 0
    assert "validation AP" in capsys.readouterr().out
    assert run_command(["export", str(out), "--out", str(model)]) == 0
    assert "faces from score" in capsys.readouterr().out
    assert run_command(["info", str(model)]) == 0
    assert "five landmarks" in capsys.readouterr().out
    (out / "threshold.json").unlink()
    assert run_command(["export", str(out), "--out", str(model)]) == 1
    assert "threshold.json" in capsys.readouterr().err
    with pytest.raises(RunError):
        export_detector(finished_run(out), model)


def finished_run(path):
    from mien.training.fit.run import Run

    return Run(path)
