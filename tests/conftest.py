"""Shared fixtures: tiny model and detector files with a valid card, data sets, drawn photos of faces, a trained run."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from mien.core.card import ExpressionCard, FacesCard, ModelInput, TrainingData
from mien.core.labels import EXPRESSIONS
from mien.inference.runtime.envelope import hash_graph, write_card
from mien.training.data.faces.photos import PhotoSet, open_photos
from mien.training.data.importing import import_data
from mien.training.data.sources.annotated_photos import import_photos
from mien.training.data.sources.synthetic import draw_faces
from mien.training.data.table import Dataset, open_dataset

pytest_plugins = ["video_files"]

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
    from mien.training.fit.recipes import make_recipe
    from mien.training.fit.trainer import train

    recipe = make_recipe(
        {"name": "tiny", "network": "vgg-bn", "options": {"width": 4}, "epochs": 2, "batch_size": 32, "seed": 3}
    )
    return train(recipe, faces, tmp_path_factory.mktemp("runs") / "tiny")


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


DOT_COLORS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255))
"""Of a drawn face's landmarks: right eye, left eye, nose, right and left corner of the mouth."""

DOT_PLACES = ((-0.2, -0.15), (0.2, -0.15), (0.0, 0.05), (-0.15, 0.28), (0.15, 0.28))
"""Where they stand from the face's middle, in shares of its width and height."""

DRAWN_PHOTOS = (
    ((160, 120), [(60, 60, 48, 64)]),
    ((120, 160), [(40, 50, 40, 50), (90, 110, 32, 40)]),
    ((200, 150), [(50, 70, 56, 70), (140, 60, 44, 56), (100, 125, 20, 26)]),
    ((97, 131), [(48.5, 65.5, 61, 81)]),
    ((240, 160), [(40, 40, 24, 30), (90, 60, 28, 36), (150, 50, 24, 32), (200, 110, 40, 52), (80, 130, 9, 12)]),
    ((150, 150), [(75, 75, 100, 130)]),
    ((140, 100), []),
    ((131, 97), [(30.25, 40.5, 36.5, 45), (95.75, 50.25, 42.5, 55.5)]),
    ((180, 180), [(60, 60, 16, 20), (120, 60, 14, 18), (60, 120, 12, 15), (120, 120, 10, 12), (90, 90, 6, 7)]),
    ((160, 160), [(2, 80, 50, 60), (110, 70, 48, 60)]),
    ((128, 128), [(64, 64, 70, 90)]),
    ((200, 100), [(60, 50, 50, 66), (145, 50, 50, 66)]),
)
"""Sizes, and the faces' middles, widths and heights; the second last photo and the last are for testing."""


def _draw_photo(size: tuple[int, int], faces: list[tuple[float, ...]]) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Draw bright ellipses with five colored dots on a dark ground, four times as large, so that edges are smooth."""
    width, height = size
    canvas = np.full((4 * height, 4 * width, 3), (20, 40, 40), np.uint8)
    down_px, across_px = (np.arange(4 * side) / 4 + 0.125 for side in (height, width))

    def fill(x: float, y: float, w: float, h: float, color: tuple[int, int, int]) -> None:
        canvas[((down_px[:, None] - y) / h) ** 2 + ((across_px - x) / w) ** 2 < 0.25] = color

    annotations = []
    for x, y, w, h in faces:
        fill(x, y, w, h, (200, 200, 200))
        dots = [(x + across * w, y + down * h) for across, down in DOT_PLACES]
        for dot, color in zip(dots, DOT_COLORS, strict=True):
            fill(*dot, w * 0.14, w * 0.14, color)
        box = [x - w / 2, y - h / 2, w, h]
        annotations.append({"box": box, "landmarks": [list(dot) for dot in dots] if w >= 20 else None})
    return canvas.reshape(height, 4, width, 4, 3).mean(axis=(1, 3)).round().astype(np.uint8), annotations


@pytest.fixture(scope="session")
def draw_photo() -> Callable[..., tuple[np.ndarray, list[dict[str, Any]]]]:
    """`draw_photo((width, height), [(x, y, w, h), ...])` returns the pixels and the annotated faces."""
    return _draw_photo


@pytest.fixture(scope="session")
def dot_colors() -> np.ndarray:
    """Return (5, 3) the colors of a drawn face's landmarks, in their order."""
    return np.array(DOT_COLORS)


@pytest.fixture(scope="session")
def drawn_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 12 drawn photos with `annotations.jsonl`; the last two are for testing. Not to be written to.

    Faces from 6 to 130 pixels, one photo without any, one face half outside; faces under 20 pixels have no landmarks.
    """
    folder = tmp_path_factory.mktemp("photos") / "drawn"
    folder.mkdir()
    lines = []
    for number, (size, faces) in enumerate(DRAWN_PHOTOS):
        pixels, annotations = _draw_photo(size, faces)
        file = f"{number}.{'webp' if number % 2 else 'png'}"
        Image.fromarray(pixels).save(folder / file, **({"lossless": True} if number % 2 else {}))
        split = "train" if number < len(DRAWN_PHOTOS) - 2 else "test"
        line = {"file": file, "width": size[0], "height": size[1], "split": split, "faces": annotations}
        lines.append(json.dumps(line) + "\n")
    (folder / "annotations.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def photo_set(tmp_path_factory: pytest.TempPathFactory, drawn_photos: Path) -> PhotoSet:
    """Return the drawn photos, imported once: 9 for training, 1 for validation, 2 for testing. Not to be written to."""
    out = tmp_path_factory.mktemp("photos") / "imported"
    import_photos(drawn_photos, out)
    return open_photos(out)


@pytest.fixture(scope="session")
def wider_face() -> Path:
    """Return the folder of the real annotated photos."""
    folder = os.environ.get("MIEN_DATA_DIR")
    if not folder:
        pytest.skip("MIEN_DATA_DIR is not set: no photos with annotated faces at hand")
    if not (Path(folder) / "faces" / "annotations.jsonl").is_file():
        pytest.skip(f"MIEN_DATA_DIR={folder} holds no faces/annotations.jsonl")
    return Path(folder) / "faces"


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

    folder = tmp_path_factory.mktemp("exported")

    @functools.cache
    def export(name: str, classes: int = 7, channels: int = 1) -> Exported:
        gray = draw_faces(21).images
        pictures = gray if channels == 1 else np.stack([gray, gray[::-1], 255 - gray], axis=-1)
        network = CalibratedNetwork(_build_trained_looking(name, classes, pictures), 1.3)
        graph = build_graph(network, channels, 48)
        labels = EXPRESSIONS if classes == len(EXPRESSIONS) else tuple(f"label {number}" for number in range(classes))
        path = folder / f"{name}-{classes}-{channels}.onnx"
        path.write_bytes(write_card(graph, _build_card(graph, labels=labels, color="gray" if channels == 1 else "rgb")))
        return Exported(network, path, pictures)

    return export
