"""The exported file answers what the torch network answers, on every network and on real pictures."""

import numpy as np
import pytest
import torch

from mien.core.card import ModelCard, ModelInput, TrainingData
from mien.inference.runtime.envelope import hash_graph, write_card
from mien.inference.runtime.session import load_model
from mien.training.data.sources.synthetic import draw_faces
from mien.training.export.graph import CalibratedNetwork, build_graph
from mien.training.export.parity import TOLERANCE, largest_difference
from mien.training.models.registry import NETWORKS, build_network


def trained_looking_network(name: str, classes: int, channels: int) -> CalibratedNetwork:
    """Build a network whose batch norms have seen pictures and whose answers differ from picture to picture."""
    torch.manual_seed(0)
    network = build_network(name, classes=classes, channels=channels)
    with torch.no_grad():
        for _ in range(3):
            network.train()(torch.randn(16, channels, 48, 48))
        for parameter in list(network.parameters())[-2:]:
            parameter.mul_(4)
    return CalibratedNetwork(network.eval(), temperature=1.3)


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


@pytest.mark.parametrize("name", sorted(NETWORKS))
@pytest.mark.parametrize(("classes", "channels"), [(7, 1), (3, 3)])
def test_every_network_and_its_file_agree(tmp_path, name, classes, channels):
    network = trained_looking_network(name, classes, channels)
    images = draw_faces(21).images
    images = images if channels == 1 else np.stack([images, images[::-1], 255 - images], axis=-1)
    assert largest_difference(network, open_graph(tmp_path / "a.onnx", network, classes, channels), images) < TOLERANCE


def test_a_changed_weight_is_noticed(tmp_path):
    """The control: parity is not passed by answers that are merely alike."""
    network = trained_looking_network("vgg-bn", 7, 1)
    model = open_graph(tmp_path / "a.onnx", network, 7, 1)
    with torch.no_grad():
        next(network.network.parameters()).mul_(1.02)
    assert largest_difference(network, model, draw_faces(21).images) > TOLERANCE


def test_a_trained_network_and_its_file_agree_on_real_pictures(trained, tmp_path, fer2013):
    from mien.training.export.artefact import export_run
    from mien.training.fit.restore import restore_network

    card = export_run(trained, tmp_path / "a.onnx")
    network = CalibratedNetwork(restore_network(trained), card.temperature)
    images = np.array(fer2013.images[:500])
    assert largest_difference(network, load_model(tmp_path / "a.onnx"), images) < TOLERANCE
