"""Detectors' files with a valid card, which find the same faces in every picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.card import FacesCard, TrainingData
from mien.inference.runtime.envelope import hash_graph, write_card

FACE_SHARES = np.float32([[0.10, 0.20, 0.30, 0.40], [0.55, 0.25, 0.30, 0.40]])
"""x, y, width and height of the two faces, of the picture's width and height."""

FACE_SCORES = np.float32([0.9, 0.4])

FACE_POINTS = np.float32([[0.31, 0.37], [0.69, 0.37], [0.5, 0.58], [0.35, 0.77], [0.65, 0.77]])
"""Where the landmarks lie in a face's box."""


def _build_detector(shares: np.ndarray = FACE_SHARES, scores: np.ndarray = FACE_SCORES, **changes: Any) -> bytes:
    onnx = pytest.importorskip("onnx", reason="building a detector needs the train extra")
    from onnx import TensorProto, helper, numpy_helper

    landmarks = shares[:, None, :2] + FACE_POINTS * shares[:, None, 2:]
    constants = {"shares": shares, "all_scores": scores, "points": landmarks, "sides": np.int64([2, 1])}
    nodes = [
        helper.make_node("Shape", ["images"], ["shape"]),
        helper.make_node("Gather", ["shape", "sides"], ["size"]),
        helper.make_node("Cast", ["size"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["pixels", "pixels"], ["twice"], axis=0),
        helper.make_node("Mul", ["shares", "twice"], ["all_boxes"]),
        helper.make_node("Mul", ["points", "pixels"], ["all_landmarks"]),
        helper.make_node("Greater", ["all_scores", "min_score"], ["is_shown"]),
        *(
            helper.make_node("Compress", [f"all_{name}", "is_shown"], [name], axis=0)
            for name in ("boxes", "scores", "landmarks")
        ),
    ]
    values = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "fixed",
        [values("images", TensorProto.UINT8, [1, "height", "width", 3]), values("min_score", TensorProto.FLOAT, [])],
        [
            values("boxes", TensorProto.FLOAT, ["faces", 4]),
            values("scores", TensorProto.FLOAT, ["faces"]),
            values("landmarks", TensorProto.FLOAT, ["faces", 5, 2]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10).SerializeToString()
    facts = {
        "name": "fixed",
        "min_score": 0.5,
        "max_side_px": 640,
        "smallest_face_px": 8.0,
        "data": TrainingData(name="none", license="none", sha256="0" * 64),
        "recipe": "none",
        "recipe_sha256": "0" * 64,
        "commit": "unknown",
        "parameters": 1,
        "limits": (),
        "license": "MIT",
        "graph_sha256": hash_graph(data),
    }
    assert onnx
    return write_card(data, FacesCard(**{**facts, **changes}))


@pytest.fixture(scope="session")
def build_detector() -> Callable[..., bytes]:
    """`build_detector(shares=, scores=, **changes)` returns the bytes of a detector of fixed faces.

    It finds them in every picture, at the same shares of its width and height.
    """
    return _build_detector


@pytest.fixture(scope="session")
def detector_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a detector that finds two faces in every picture, one of them surely."""
    path = tmp_path_factory.mktemp("models") / "fixed.onnx"
    path.write_bytes(_build_detector())
    return path
