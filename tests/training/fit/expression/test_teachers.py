"""Distillation: model files teach, and a run goes on with the same ones only."""

import hashlib

import numpy as np
import pytest
import torch
from torch import nn

from mien.core.errors import ModelError, RecipeError, RunError
from mien.inference.expression.model import load_model
from mien.inference.runtime.envelope import write_card
from mien.training.data.table import open_dataset
from mien.training.export.ancestry import Ancestor, list_ancestors
from mien.training.export.artefact import export_run
from mien.training.export.graph import CalibratedNetwork, build_graph
from mien.training.fit.checkpoint import load_checkpoint
from mien.training.fit.expression.taught import read_taught
from mien.training.fit.expression.teachers import open_teachers
from mien.training.fit.notes import TrainedOn
from mien.training.fit.recipes import make_recipe
from mien.training.fit.restore import build_for, kept_weights, restore_network
from mien.training.fit.run import Run
from mien.training.fit.trainer import train
from mien.training.models.preprocess import standardize, to_planes

SMALL = {"network": "vgg-bn", "options": {"width": 4, "dropout": 0.0}, "epochs": 2, "batch_size": 32, "seed": 5}
SEVEN = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
GRAY = TrainedOn(name="none", license="none", sha256="0" * 64, labels=SEVEN, channels=1, size_px=48)


@pytest.fixture(scope="module")
def two(two_headed, tmp_path_factory):
    """Return a model file with two heads."""
    path = tmp_path_factory.mktemp("teachers") / "two.onnx"
    export_run(two_headed, path)
    return path


@pytest.fixture
def write_model(build_model, tmp_path):
    """Return a function that writes a model file with drawn weights, and gives its path."""

    def write(name, *labels, **facts):
        path = tmp_path / name
        path.write_bytes(build_model(labels or SEVEN, **facts))
        return path

    return write


def teach(*paths, **fields):
    return make_recipe({**SMALL, "distill": {"teachers": [str(path) for path in paths]}, **fields})


def test_teachers_may_see_the_mirror_image_too(write_model, tmp_path):
    one = write_model("a.onnx")
    pixels = np.random.default_rng(0).integers(0, 256, (6, 48, 48), np.uint8)
    planes = torch.from_numpy(pixels)[:, None] / 255
    recipe = teach(one, distill={"teachers": [str(one)], "mirrored": True})
    (both,) = open_teachers(Run(tmp_path / "run"), recipe, GRAY).answer(planes)
    upright, mirrored = load_model(one).run(pixels), load_model(one).run(np.ascontiguousarray(pixels[:, :, ::-1]))
    np.testing.assert_allclose(both.numpy(), (upright + mirrored) / 2, atol=1e-6)
    (plain,) = open_teachers(Run(tmp_path / "run"), teach(one), GRAY).answer(planes)
    assert np.abs(plain.numpy() - both.numpy()).max() > 0.01, "the control"


def test_teachers_answer_the_mean_of_what_they_see(write_model, tmp_path):
    one, other = write_model("a.onnx"), write_model("b.onnx", seed=1)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 48, 48), np.uint8)
    teachers = open_teachers(Run(tmp_path / "run"), teach(one, other), GRAY)
    (answer,) = teachers.answer(torch.from_numpy(pixels)[:, None] / 255)
    expected = (load_model(one).run(pixels) + load_model(other).run(pixels)) / 2
    np.testing.assert_allclose(answer.numpy(), expected, atol=1e-6)
    assert open_teachers(Run(tmp_path / "run"), teach(), GRAY) is None


def test_votes_are_taught_by_those_who_read_them(write_model, two, tmp_path):
    one, heads = write_model("a.onnx"), {"votes": {"weight": 0.5}}
    pixels = np.random.default_rng(0).integers(0, 256, (6, 48, 48), np.uint8)
    planes = torch.from_numpy(pixels)[:, None] / 255
    labels, votes = open_teachers(Run(tmp_path / "run"), teach(one, two, **heads), GRAY).answer(planes)
    by_labels, by_votes = load_model(two).run_heads(pixels)
    np.testing.assert_allclose(votes.numpy(), by_votes, atol=1e-5)
    np.testing.assert_allclose(labels.numpy(), (load_model(one).run(pixels) + by_labels) / 2, atol=1e-5)
    assert len(open_teachers(Run(tmp_path / "run"), teach(one, **heads), GRAY).answer(planes)) == 1
    assert len(open_teachers(Run(tmp_path / "run"), teach(two), GRAY).answer(planes)) == 1


class Second(nn.Module):
    """The second head of a network alone."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, planes):
        return self.network(planes)[:, 7:]


def test_a_student_comes_to_answer_as_its_teacher(two_headed, build_card, faces, tmp_path):
    """The teacher says of every face the next label: who imitates it does so too, who does not says the label."""
    graph = build_graph(CalibratedNetwork(Second(restore_network(two_headed)), 1.0), channels=1, size_px=48)
    (tmp_path / "next.onnx").write_bytes(write_card(graph, build_card(graph)))
    dataset = open_dataset(faces)
    images, labels = np.array(dataset.images), dataset.table["label"]
    planes = standardize(to_planes(torch.from_numpy(images)))
    recipe = two_headed.recipe().model_dump() | {"votes": {"weight": 0.0}, "ema": 0.0, "epochs": 12}
    said = {}
    for share in (1.0, 0.0):
        distill = {"teachers": (str(tmp_path / "next.onnx"),), "share": share, "temperature": 1.0}
        run = train(make_recipe(recipe | {"distill": distill}), faces, tmp_path / f"run-{share}")
        network = build_for(run.recipe(), run.trained_on()).eval()
        network.load_state_dict(kept_weights(load_checkpoint(run.last_path)))  # the best epoch goes by the labels
        with torch.inference_mode():
            said[share] = network(planes).argmax(1).numpy()
    assert (said[1.0] == (labels + 1) % 7).mean() > 0.5
    assert (said[1.0] == labels).mean() < 0.3
    assert (said[0.0] == labels).mean() > 0.5


def test_run_and_card_tell_who_taught(two, faces, tmp_path, two_headed):
    run = train(teach(two, epochs=1), faces, tmp_path / "run")
    sha256 = hashlib.sha256(two.read_bytes()).hexdigest()
    assert [teacher.sha256 for teacher in read_taught(run).teachers] == [sha256]
    card = export_run(run, tmp_path / "student.onnx")
    data = two_headed.trained_on()
    assert f"Taught by the answers of weights of sha256 {sha256}, trained on synthetic" in card.data.license
    assert list_ancestors(card.data.license) == (
        Ancestor("learned from the answers of", sha256, "synthetic", data.sha256),
    )


def test_a_run_goes_on_with_the_same_teachers_only(write_model, faces, tmp_path):
    teacher = write_model("a.onnx")
    train(teach(teacher), faces, tmp_path / "run")
    (tmp_path / "run" / "temperature.json").unlink()
    write_model("a.onnx", seed=9)
    with pytest.raises(RunError, match=r"begun with the teacher of sha256 .* another now"):
        train(teach(teacher), faces, tmp_path / "run", resume=True)
    write_model("a.onnx")
    assert train(teach(teacher), faces, tmp_path / "run", resume=True).is_finished


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"labels": ("calm", "tense")}, "answers calm, tense, the data have angry"),
        ({"size_px": 32}, "reads gray pictures of 32 px, the data are gray of 48 px"),
        ({"color": "rgb"}, "reads rgb pictures of 48 px, the data are gray"),
    ],
)
def test_teachers_that_cannot_be_asked_are_refused(write_model, faces, tmp_path, facts, message):
    teacher = write_model("a.onnx", *facts.pop("labels", ()), **facts)
    with pytest.raises(RecipeError, match=message):
        train(teach(teacher), faces, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_teacher_that_is_not_there_is_named(faces, tmp_path):
    with pytest.raises(ModelError, match=r"distill.teachers: there is no model 'gone.onnx'"):
        train(teach("gone.onnx"), faces, tmp_path / "run")
