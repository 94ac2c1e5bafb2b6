"""A teacher built again from its file answers what the file answers; a file without a network is asked as it is."""

import numpy as np
import pytest
import torch

from mien.core.card import Architecture
from mien.core.errors import ModelError
from mien.inference.expression.model import load_model
from mien.inference.runtime.bundled import read_model
from mien.inference.runtime.envelope import hash_graph, write_card
from mien.training.export.artefact import export_run
from mien.training.fit.expression.answering import AsFile, Rebuilt, open_answers
from mien.training.models.registry import NETWORKS

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 48, 48), np.uint8)
PLANES = torch.from_numpy(PIXELS)[:, None] / 255


def open_file(path):
    return open_answers(str(path), load_model(path))


@pytest.mark.parametrize("name", NETWORKS["expression"])
def test_every_network_answers_as_its_file(name, export_network):
    path = export_network(name).path
    teacher = open_file(path)
    assert isinstance(teacher, Rebuilt)
    (answer,) = teacher.answer(PLANES)
    np.testing.assert_allclose(answer.numpy(), load_model(path).run(PIXELS), atol=1e-5)


def test_an_exported_run_is_built_again_with_both_heads(two_headed, tmp_path):
    card = export_run(two_headed, tmp_path / "two.onnx")
    assert card.network == Architecture(name="vgg-bn", options={"width": 8, "dropout": 0.0})
    teacher = open_file(tmp_path / "two.onnx")
    assert isinstance(teacher, Rebuilt)
    exact = load_model(tmp_path / "two.onnx").run_heads(PIXELS)
    for answer, expected in zip(teacher.answer(PLANES), exact, strict=True):
        np.testing.assert_allclose(answer.numpy(), expected, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):  # as it is asked while a run learns
        halved = teacher.answer(PLANES)
    for answer, expected in zip(halved, exact, strict=True):
        assert answer.dtype == torch.float32
        assert 0 < np.abs(answer.numpy() - expected).max() < 0.03


def test_the_bundled_model_can_be_built_again():
    teacher = open_file("expression")
    assert isinstance(teacher, Rebuilt)
    for answer, expected in zip(teacher.answer(PLANES), load_model("expression").run_heads(PIXELS), strict=True):
        np.testing.assert_allclose(answer.numpy(), expected, atol=1e-5)


def test_a_file_that_names_no_network_answers_as_it_is(model_file):
    teacher = open_file(model_file)
    assert isinstance(teacher, AsFile)
    (answer,) = teacher.answer(PLANES)
    np.testing.assert_allclose(answer.numpy(), load_model(model_file).run(PIXELS), atol=1e-6)


@pytest.mark.parametrize(
    "network",
    [{"name": "vgg-bn", "options": {"width": 4}}, {"name": "gone", "options": {}}, {"name": "cnn3", "options": {}}],
)
def test_a_card_that_names_another_network_is_refused(two_headed, tmp_path, network):
    export_run(two_headed, tmp_path / "two.onnx")
    _, data, card = read_model(tmp_path / "two.onnx")
    assert card.graph_sha256 == hash_graph(data)
    (tmp_path / "two.onnx").write_bytes(write_card(data, card.model_copy(update={"network": Architecture(**network)})))
    with pytest.raises(ModelError, match=f"two.onnx says that it holds the network {network['name']}, and does not"):
        open_file(tmp_path / "two.onnx")
