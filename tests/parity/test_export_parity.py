"""The exported file answers what the torch network answers, on every network and on real pictures."""

import copy

import numpy as np
import pytest
import torch

from mien.core.card import ModelCard, ModelInput, TrainingData
from mien.inference.runtime.envelope import hash_graph, write_card
from mien.inference.runtime.session import load_model
from mien.training.data.sources.synthetic import draw_faces
from mien.training.export.graph import CalibratedNetwork, build_graph
from mien.training.export.parity import TOLERANCE, largest_difference
from mien.training.models.preprocess import standardize, to_planes
from mien.training.models.registry import NETWORKS, build_network

REAL_PICTURES = 48


def draw_pictures(channels):
    images = draw_faces(21).images
    return images if channels == 1 else np.stack([images, images[::-1], 255 - images], axis=-1)


def trained_looking_network(name: str, classes: int, channels: int) -> CalibratedNetwork:
    """Build a network whose batch norms have seen pictures and whose answers differ from picture to picture."""
    torch.manual_seed(0)
    network = build_network(name, classes=classes, channels=channels).train()
    planes = standardize(to_planes(torch.from_numpy(draw_pictures(channels))))
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() == 1:  # biases, and batch norm's scales and shifts, which begin at 1 and 0
                parameter.add_(0.1 * torch.randn_like(parameter))
        for _ in range(3):
            network(planes)
        head = [child for child in network.eval() if any(True for _ in child.parameters())][-1]
        head.bias.zero_()
        logits = network(planes)
        scale = 2 / logits.std(dim=0).mean()
        head.weight.mul_(scale)
        head.bias.copy_(-scale * logits.mean(dim=0))
    return CalibratedNetwork(network, temperature=1.3)


def open_graph(path, network, classes, channels):
    graph = build_graph(network, channels, 48)
    card = ModelCard(
        name="parity",
        labels=tuple(f"label {number}" for number in range(classes)),
        input=ModelInput(
            layout="NHW" if channels == 1 else "NHWC", size_px=48, color="gray" if channels == 1 else "rgb"
        ),
        crop="none",
        temperature=1.3,
        data=TrainingData(name="none", license="none", sha256="0" * 64),
        recipe="none",
        recipe_sha256="0" * 64,
        commit="unknown",
        parameters=1,
        limits=(),
        license="none",
        graph_sha256=hash_graph(graph),
    )
    path.write_bytes(write_card(graph, card))
    return load_model(path)


@pytest.fixture(scope="module", params=sorted(NETWORKS))
def exported(request, tmp_path_factory):
    """Return each network in turn with its file, exported once for all tests."""
    network = trained_looking_network(request.param, 7, 1)
    path = tmp_path_factory.mktemp("exported") / "a.onnx"
    return network, open_graph(path, network, 7, 1)


def test_every_network_and_its_file_agree(exported):
    network, model = exported
    images = draw_pictures(1)
    assert model.run(images).std(axis=0).min() > 0.02  # else there is little to agree on
    assert largest_difference(network, model, images) < TOLERANCE


def test_every_network_and_its_file_agree_on_real_pictures(exported, fer2013):
    assert largest_difference(*exported, np.array(fer2013.images[:REAL_PICTURES])) < TOLERANCE


def test_a_changed_weight_is_noticed_in_every_network(exported):
    """The control: parity is not passed by answers that are merely alike."""
    network, model = exported
    weights = [number for number, weight in enumerate(network.parameters()) if weight.dim() > 1]
    for number in (weights[0], weights[len(weights) // 2], weights[-1]):
        changed = copy.deepcopy(network)
        with torch.no_grad():
            list(changed.parameters())[number].mul_(1.02)
        assert largest_difference(changed, model, draw_pictures(1)) > TOLERANCE


@pytest.mark.parametrize("name", ["cnn3", "mini-xception"])
def test_networks_for_other_labels_and_colors_and_their_files_agree(tmp_path, name):
    network = trained_looking_network(name, classes=3, channels=3)
    model = open_graph(tmp_path / "a.onnx", network, classes=3, channels=3)
    assert largest_difference(network, model, draw_pictures(3)) < TOLERANCE


def test_a_trained_network_and_its_file_agree_on_real_pictures(trained, tmp_path, fer2013):
    from mien.training.export.artefact import export_run
    from mien.training.fit.restore import restore_network

    card = export_run(trained, tmp_path / "a.onnx")
    network = CalibratedNetwork(restore_network(trained), card.temperature)
    images = np.array(fer2013.images[:500])
    assert largest_difference(network, load_model(tmp_path / "a.onnx"), images) < TOLERANCE
