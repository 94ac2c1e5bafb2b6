"""A network with two heads, from training to the file that people ask for the one or the other."""

import numpy as np
import pytest
import torch

import mien
from mien.core.errors import InputError, ModelError
from mien.inference.expression.model import load_model
from mien.training.data.table import open_dataset
from mien.training.evaluate.score import score_model
from mien.training.export.artefact import export_run
from mien.training.export.graph import CalibratedNetwork
from mien.training.fit.recipes import make_recipe
from mien.training.fit.restore import restore_network
from mien.training.fit.trainer import train


@pytest.fixture(scope="module")
def exported(two_headed, tmp_path_factory):
    """Return the model file with two heads."""
    path = tmp_path_factory.mktemp("exported") / "two.onnx"
    export_run(two_headed, path)
    return path


def test_each_head_learns_what_it_is_shown(exported, voted_faces):
    """The drawn faces' voters see the next label: the first head says the label, the second one what they see."""
    dataset = open_dataset(voted_faces)
    rows = dataset.rows_of("train")
    images, labels = np.array(dataset.images[rows]), dataset.table["label"][rows]
    by_labels, by_votes = load_model(exported).run_heads(images)
    assert (by_labels.argmax(1) == labels).mean() > 0.6
    assert (by_votes.argmax(1) == (labels + 1) % 7).mean() > 0.6
    assert (by_votes.argmax(1) == labels).mean() < 0.3


def test_each_head_has_its_own_temperature(two_headed, exported):
    calibration, card = two_headed.calibration(), load_model(exported).card
    assert card.has_votes
    assert (card.temperature, card.votes_temperature) == (calibration.temperature, calibration.votes_temperature)
    assert calibration.temperature != calibration.votes_temperature


def test_the_file_answers_what_the_network_answers(two_headed, exported, voted_faces):
    calibration, images = two_headed.calibration(), np.array(open_dataset(voted_faces).images[:32])
    network = CalibratedNetwork(restore_network(two_headed), calibration.temperature, calibration.votes_temperature)
    with torch.inference_mode():
        expected = network(torch.from_numpy(images))
    for one, other in zip(expected, load_model(exported).run_heads(images), strict=True):
        np.testing.assert_allclose(one.numpy(), other, atol=5e-3)  # weights are stored in float16


def test_people_choose_between_labels_and_votes(exported, voted_faces, trained, tmp_path):
    images = np.array(open_dataset(voted_faces).images[:16])
    by_labels, by_votes = load_model(exported).run_heads(images)
    np.testing.assert_allclose(mien.Recognizer.load(exported).classify(images), by_labels, atol=1e-6)
    np.testing.assert_allclose(mien.Recognizer.load(exported, labels="votes").classify(images), by_votes, atol=1e-6)
    with pytest.raises(InputError, match="labels is one of fer2013, votes, got 'both'"):
        mien.Recognizer.load(exported, labels="both")
    export_run(trained, tmp_path / "one.onnx")
    with pytest.raises(ModelError, match="no head for votes"):
        mien.Recognizer.load(tmp_path / "one.onnx", labels="votes")
    assert not load_model(tmp_path / "one.onnx").card.has_votes


def test_both_heads_are_scored(exported, voted_faces):
    scores = score_model(exported, voted_faces, "validation").scores
    assert scores.votes is not None
    assert scores.fer_plus_agreement is not None
    assert scores.votes.n < scores.n  # nobody voted on every tenth picture
    assert scores.votes.agreement > scores.fer_plus_agreement + 0.2


def test_data_without_votes_train_the_first_head_alone_and_say_so(faces, tmp_path, capsys):
    recipe = make_recipe({"network": "vgg-bn", "options": {"width": 4}, "epochs": 1, "votes": {"weight": 0.5}})
    run = train(recipe, faces, tmp_path / "run")
    assert "no FER+ votes, so the recipe's second head is left out" in capsys.readouterr().err
    assert run.recipe() == recipe  # what was asked for stays on record
    assert run.calibration().votes_temperature is None
    assert not export_run(run, tmp_path / "one.onnx").has_votes
    assert train(recipe, faces, tmp_path / "run", resume=True).is_finished
