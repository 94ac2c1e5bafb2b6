"""Model files with a valid card: a tiny one with random weights, and every network with weights that look trained."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from once import make_once

from mien.core.card import Architecture, ExpressionCard, ModelInput, TrainingData
from mien.core.labels import EXPRESSIONS
from mien.inference.runtime.envelope import hash_graph, write_card
from mien.training.data.sources.synthetic import draw_faces

TEMPERATURE = 1.3
"""Of the networks that `export_network` gives."""

BuildGraph = Callable[..., bytes]
BuildModel = Callable[..., bytes]


class Exported(NamedTuple):
    """A network, its model file, and pictures that it answers differently."""

    network: Any
    path: Path
    pictures: np.ndarray


def _build_graph(
    outputs: int = 7,
    *,
    color: str = "gray",
    size_px: int = 48,
    batch: str | int = "batch",
    output_name: str = "probabilities",
    has_softmax: bool = True,
    external: str | None = None,
    seed: int = 0,
) -> bytes:
    """Return an .onnx without metadata: pixels / 255, one dense layer with random weights, softmax."""
    onnx = pytest.importorskip("onnx", reason="building model files needs the train extra")
    helper, kinds = onnx.helper, onnx.TensorProto
    picture = [size_px, size_px] if color == "gray" else [size_px, size_px, 3]
    pixels = int(np.prod(picture))
    weights = np.random.default_rng(seed).normal(0, 0.2, (pixels, outputs)).astype(np.float32)
    weights -= weights.mean(axis=0)  # brightness alone doesn't move the answer
    tensors = [
        onnx.numpy_helper.from_array(weights, "weights"),
        onnx.numpy_helper.from_array(np.array([-1, pixels], np.int64), "flat"),
        onnx.numpy_helper.from_array(np.array(255, np.float32), "white"),
    ]
    if external is not None:
        tensors[0].ClearField("raw_data")
        tensors[0].data_location = kinds.EXTERNAL
        tensors[0].external_data.add(key="location", value=external)
    nodes = [
        helper.make_node("Cast", ["images"], ["float"], to=kinds.FLOAT),
        helper.make_node("Div", ["float", "white"], ["scaled"]),
        helper.make_node("Reshape", ["scaled", "flat"], ["rows"]),
        helper.make_node("MatMul", ["rows", "weights"], ["logits"]),
        helper.make_node("Softmax" if has_softmax else "Identity", ["logits"], [output_name]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", kinds.UINT8, [batch, *picture])],
        [helper.make_tensor_value_info(output_name, kinds.FLOAT, [batch, outputs])],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def _build_card(
    graph: bytes, *, labels: tuple[str, ...] = EXPRESSIONS, color: str = "gray", size_px: int = 48, **changes: Any
) -> ExpressionCard:
    layout = "NHW" if color == "gray" else "NHWC"
    facts = {
        "name": "tiny",
        "labels": labels,
        "input": ModelInput(layout=layout, size_px=size_px, color=color),  # type: ignore[arg-type]
        "crop": "the whole face",
        "temperature": 1.0,
        "data": TrainingData(name="none", license="none", sha256="0" * 64),
        "recipe": "none",
        "recipe_sha256": "0" * 64,
        "commit": "unknown",
        "parameters": 1,
        "limits": ("random weights: its answers mean nothing",),
        "license": "MIT",
        "graph_sha256": hash_graph(graph),
    }
    return ExpressionCard(**{**facts, **changes})


def _build_model(
    labels: tuple[str, ...] = EXPRESSIONS, *, color: str = "gray", size_px: int = 48, seed: int = 0
) -> bytes:
    graph = _build_graph(len(labels), color=color, size_px=size_px, seed=seed)
    return write_card(graph, _build_card(graph, labels=labels, color=color, size_px=size_px))


@pytest.fixture(scope="session")
def build_graph() -> BuildGraph:
    """`build_graph(outputs, color=, size_px=, ...)` returns an .onnx without a card."""
    return _build_graph


@pytest.fixture(scope="session")
def build_card() -> Callable[..., ExpressionCard]:
    """`build_card(graph, labels=, color=, size_px=, **changes)` returns a card that fits the graph."""
    return _build_card


@pytest.fixture(scope="session")
def build_model() -> BuildModel:
    """`build_model(labels, color=, size_px=, seed=)` returns a whole model file's bytes."""
    return _build_model


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a valid model file: gray, 48 pixels, the seven expressions, random weights."""
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    path.write_bytes(_build_model())
    return path


@pytest.fixture
def bundled_model(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the tiny model stand in for the bundled one."""
    from mien.inference.runtime import bundled

    monkeypatch.setitem(bundled.BUNDLED, "expression", str(model_file))
    return model_file


@pytest.fixture
def crops() -> np.ndarray:
    """Return (5, 48, 48) uint8 of noise, the same in every test."""
    return np.random.default_rng(7).integers(0, 256, (5, 48, 48), dtype=np.uint8)


def _build_trained_looking(name: str, classes: int, pictures: np.ndarray) -> Any:
    """Build a network whose batch norms have seen pictures and whose answers differ from picture to picture."""
    import torch

    from mien.training.models.preprocess import standardize, to_planes
    from mien.training.models.registry import build_network

    torch.manual_seed(0)
    network = build_network(name, classes=classes, channels=1 if pictures.ndim == 3 else 3).train()
    planes = standardize(to_planes(torch.from_numpy(pictures)))
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
    return network


@pytest.fixture(scope="session")
def export_network(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Exported]:
    """`export_network(name, classes=, channels=)` returns an `Exported`, made once for all tests: not to be changed."""
    pytest.importorskip("torch", reason="networks need the train extra")
    from mien.training.export.graph import CalibratedNetwork, build_graph

    @functools.cache
    def export(name: str, classes: int = 7, channels: int = 1) -> Exported:
        gray = draw_faces(21).images
        pictures = gray if channels == 1 else np.stack([gray, gray[::-1], 255 - gray], axis=-1)
        network = CalibratedNetwork(_build_trained_looking(name, classes, pictures), TEMPERATURE)
        labels = EXPRESSIONS if classes == len(EXPRESSIONS) else tuple(f"label {number}" for number in range(classes))

        def write(path: Path) -> None:
            graph = build_graph(network, channels, 48)
            facts = {"labels": labels, "color": "gray" if channels == 1 else "rgb", "temperature": TEMPERATURE}
            card = _build_card(graph, **facts, network=Architecture(name=name, options={}))
            path.write_bytes(write_card(graph, card))

        return Exported(network, make_once(tmp_path_factory, f"{name}-{classes}-{channels}.onnx", write), pictures)

    return export
