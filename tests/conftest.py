"""Shared fixtures: tiny model files with a valid card, data sets, a trained run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.card import ModelCard, ModelInput, TrainingData
from mien.core.labels import EXPRESSIONS
from mien.inference.runtime.envelope import hash_graph, write_card
from mien.training.data.importing import import_data
from mien.training.data.table import Dataset, open_dataset

BuildGraph = Callable[..., bytes]
BuildModel = Callable[..., bytes]


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
) -> ModelCard:
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
    return ModelCard(**{**facts, **changes})


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
def build_card() -> Callable[..., ModelCard]:
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


@pytest.fixture(scope="session")
def fer2013(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The real FER2013 with FER+, imported once."""
    folder = os.environ.get("MIEN_DATA_DIR")
    if not folder:
        pytest.skip("MIEN_DATA_DIR is not set: no FER2013 at hand")
    source, votes = Path(folder) / "fer2013.csv.xz", Path(folder) / "fer2013new.csv"
    if not (source.exists() and votes.exists()):
        pytest.skip(f"MIEN_DATA_DIR={folder} holds no fer2013.csv.xz and fer2013new.csv")
    out = tmp_path_factory.mktemp("fer2013") / "data"
    import_data(source, out, votes=votes)
    return open_dataset(out)


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """210 drawn faces, imported once: 30 of each label, in all three parts. Not to be written to."""
    out = tmp_path_factory.mktemp("synthetic") / "data"
    import_data("synthetic", out, count=210)
    return open_dataset(out)


@pytest.fixture(scope="session")
def faces(synthetic: Dataset) -> Path:
    """Return the folder of the drawn faces."""
    return synthetic.path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, faces: Path) -> Any:
    """Return a finished run of two epochs with averaged weights, trained once."""
    pytest.importorskip("torch", reason="training needs the train extra")
    from mien.training.fit.recipe import make_recipe
    from mien.training.fit.trainer import train

    recipe = make_recipe(
        {"name": "tiny", "network": "vgg-bn", "options": {"width": 4}, "epochs": 2, "batch_size": 32, "seed": 3}
    )
    return train(recipe, faces, tmp_path_factory.mktemp("runs") / "tiny")
