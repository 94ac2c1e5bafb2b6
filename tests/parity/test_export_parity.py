"""The exported file answers what the torch network answers, on every network and on real pictures."""

import copy

import numpy as np
import pytest
import torch

from mien.inference.expression.model import load_model
from mien.training.export.graph import CalibratedNetwork
from mien.training.export.parity import TOLERANCE, largest_difference
from mien.training.models.registry import NETWORKS

REAL_PICTURES = 48


@pytest.fixture(scope="module", params=sorted(NETWORKS["expression"]))
def exported(request, export_network):
    """Return each network in turn with its file and pictures."""
    return export_network(request.param)


def test_every_network_and_its_file_agree(exported):
    network, path, pictures = exported
    model = load_model(path)
    assert model.run(pictures).std(axis=0).min() > 0.02  # else there is little to agree on
    assert largest_difference(network, model, pictures) < TOLERANCE


def test_every_network_and_its_file_agree_on_real_pictures(exported, fer2013):
    images = np.array(fer2013.images[:REAL_PICTURES])
    assert largest_difference(exported.network, load_model(exported.path), images) < TOLERANCE


def test_a_changed_weight_is_noticed_in_every_network(exported):
    """The control: parity is not passed by answers that are merely alike."""
    network, path, pictures = exported
    model = load_model(path)
    weights = [number for number, weight in enumerate(network.parameters()) if weight.dim() > 1]
    for number in (weights[0], weights[len(weights) // 2], weights[-1]):
        changed = copy.deepcopy(network)
        with torch.no_grad():
            list(changed.parameters())[number].mul_(1.02)
        assert largest_difference(changed, model, pictures) > TOLERANCE


@pytest.mark.parametrize("name", ["cnn3", "mini-xception"])
def test_networks_for_other_labels_and_colors_and_their_files_agree(export_network, name):
    network, path, pictures = export_network(name, classes=3, channels=3)
    assert largest_difference(network, load_model(path), pictures) < TOLERANCE


def test_a_trained_network_and_its_file_agree_on_real_pictures(trained, tmp_path, fer2013):
    from mien.training.export.artefact import export_run
    from mien.training.fit.restore import restore_network

    card = export_run(trained, tmp_path / "a.onnx", weights="float32")
    network = CalibratedNetwork(restore_network(trained), card.temperature)
    images = np.array(fer2013.images[:500])
    assert largest_difference(network, load_model(tmp_path / "a.onnx"), images) < TOLERANCE
