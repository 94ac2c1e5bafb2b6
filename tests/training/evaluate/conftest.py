"""A small data set with twins and votes, and models that fit it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.card import TrainingData
from mien.core.labels import EXPRESSIONS
from mien.inference.runtime.envelope import write_card
from mien.training.data.table import ROW, Dataset, number_twins, open_dataset, save_dataset

TRAIN, TEST = 20, 300


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return noise with random labels: 20 train and 300 test pictures; 8 of the test pictures are twins of train."""
    random = np.random.default_rng(5)
    images = random.integers(0, 256, (TRAIN + TEST, 48, 48), dtype=np.uint8)
    images[TRAIN : TRAIN + 8] = images[:8]
    table = np.zeros(len(images), ROW)
    table["row"] = np.arange(len(images))
    table["label"] = random.integers(0, 7, len(images))
    table["split"] = table["part"] = np.where(np.arange(len(images)) < TRAIN, 0, 2)
    table["is_face"] = True
    table["twins"] = number_twins(images)
    table["votes"] = random.integers(0, 4, (len(images), 10))
    path = tmp_path_factory.mktemp("data") / "noise"
    facts = {"name": "noise", "license": "none", "source": "none", "split": "official", "seed": None}
    save_dataset(path, table, images, labels=EXPRESSIONS, has_votes=True, **facts)  # type: ignore[arg-type]
    return open_dataset(path)


@pytest.fixture
def two_headed_model(
    dataset: Dataset, tmp_path: Path, build_graph: Callable[..., bytes], build_card: Callable[..., Any]
) -> Path:
    """Return a model with a second head on the same trunk, which likes best what the first one likes least."""
    onnx = pytest.importorskip("onnx", reason="building model files needs the train extra")
    proto = onnx.ModelProto.FromString(build_graph(len(EXPRESSIONS)))
    proto.graph.node.extend(
        [
            onnx.helper.make_node("Neg", ["logits"], ["other_logits"]),
            onnx.helper.make_node("Softmax", ["other_logits"], ["votes"]),
        ]
    )
    second = proto.graph.output.add()
    second.CopyFrom(proto.graph.output[0])
    second.name = "votes"
    graph = proto.SerializeToString()
    data = TrainingData(name="noise", license="none", sha256=dataset.manifest.sha256)
    path = tmp_path / "two-headed.onnx"
    path.write_bytes(write_card(graph, build_card(graph, data=data, votes_temperature=1.0)))
    return path


@pytest.fixture
def model_of(
    dataset: Dataset, tmp_path: Path, build_graph: Callable[..., bytes], build_card: Callable[..., Any]
) -> Callable[..., Path]:
    """`model_of(labels=)` writes a model whose card says that it was trained on the data set, and returns its path."""

    def write(labels: tuple[str, ...] = EXPRESSIONS, sha256: str = dataset.manifest.sha256) -> Path:
        graph = build_graph(len(labels))
        data = TrainingData(name="noise", license="none", sha256=sha256)
        path = tmp_path / "model.onnx"
        path.write_bytes(write_card(graph, build_card(graph, labels=labels, data=data)))
        return path

    return write
