"""Trained weights from wherever they lie: a run, a checkpoint, a model file, or anybody's safetensors."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor

from mien.core.card import ExpressionCard
from mien.core.errors import ModelError
from mien.inference.runtime.bundled import list_models, read_model
from mien.training.fit.checkpoint import is_checkpoint, load_checkpoint
from mien.training.fit.restore import kept_weights
from mien.training.fit.run import Run
from mien.training.models.storage import read_constants

_GRAPH_PREFIX = "network."
"""Where the network's weights stand in the graphs that `mien export` writes."""

MEMBERS = "members."
"""Before all names of an ensemble's members in its graph, each with its number: `members.0.network.`"""

_WRAPPERS = ("module.", "network.", "model.", "state_dict.", "_orig_mod.")
"""What training tools put before the names of all weights."""


@dataclass(frozen=True)
class Pretrained:
    """Weights by name, as a network's `state_dict` has them.

    Attributes:
        source: The path or name they were asked for by.
        sha256: Hash of the file they were read from.
        weights: Tensors on the CPU.
        labels: What the last layer answers, in order; None where the file doesn't say.
        trained_on: Name and terms of the data they were learned from; None where the file doesn't say.
    """

    source: str
    sha256: str
    weights: dict[str, Tensor]
    labels: tuple[str, ...] | None
    trained_on: tuple[str, str] | None = None


def read_pretrained(source: str) -> Pretrained:
    """Read trained weights.

    Args:
        source: Name of a bundled model, a run's folder (the kept epoch), one of its .ckpt files, a model file (.onnx)
            of ours, or a .safetensors file of anybody's. Names come before paths.

    Returns:
        The weights, with what the file says of itself.

    Raises:
        ModelError: If there is no such thing, it is of another kind, a model or safetensors file that can't be read,
            or an ensemble.
        CardError: If a model file's card is missing, of another version, changed, or belongs to another graph.
        RunError: If a run has no finished epoch, or its checkpoint or what it notes of its data is broken.
    """
    path = Path(source)
    if source in list_models() or path.suffix.lower() == ".onnx":
        return _read_model(source)
    if path.is_dir():
        return _read_checkpoint(source, Run(path).best_path)
    if not path.is_file():
        raise ModelError(
            f"there are no weights at {source!r}. Name a run's folder, a .ckpt, .onnx or .safetensors file, "
            f"or a model ({', '.join(list_models())})."
        )
    if path.suffix.lower() == ".ckpt" or is_checkpoint(path):
        return _read_checkpoint(source, path)
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(source, path)
    raise ModelError(
        f"{path} is none of .ckpt, .onnx and .safetensors. Weights in other forms (such as .pt or .h5, which can hold "
        "code) are not read: save them as safetensors first."
    )


def _read_model(source: str) -> Pretrained:
    """Read what the graph of a model file multiplies with; batch norms may be folded into the layers before them."""
    path, data, card = read_model(source)
    try:
        proto = onnx.load_model_from_string(data)
        constants = read_constants(proto)
    except Exception as error:  # noqa: BLE001 - protobuf has errors of its own
        raise ModelError(f"{path} can't be read: {error}.") from None
    if any(name.startswith(MEMBERS) for name in constants):
        raise ModelError(
            f"{path} is an ensemble: it holds the weights of several networks, and a run begins with those of one. "
            "Name one of the models it was made of, or let it teach: --distill.teachers."
        )
    biases = {  # a folded batch norm leaves a bias under a name of the exporter's
        f"{node.input[1].removesuffix('weight')}bias": node.input[2]
        for node in proto.graph.node
        if node.op_type in ("Conv", "Gemm") and len(node.input) == 3
    }
    names = {name: name for name in constants if name not in biases.values()} | biases
    weights = {
        name.removeprefix(_GRAPH_PREFIX): torch.from_numpy(np.array(constants[constant]))
        for name, constant in names.items()
        if name.startswith(_GRAPH_PREFIX)
    }
    return Pretrained(
        source,
        hashlib.sha256(data).hexdigest(),
        weights,
        card.expect(ExpressionCard).labels,
        (card.data.name, card.data.license),
    )


def _read_checkpoint(source: str, path: Path) -> Pretrained:
    """Read the weights that a checkpoint was kept for; the labels are noted beside it, in the run's folder."""
    weights = kept_weights(load_checkpoint(path))
    run = Run(path.parent)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if not run.data_path.exists():
        return Pretrained(source, sha256, weights, None)
    data = run.trained_on()
    return Pretrained(source, sha256, weights, data.labels, (data.name, data.license))


def _read_safetensors(source: str, path: Path) -> Pretrained:
    """Read a state dict; a wrapper's prefix that all names share is taken off."""
    try:
        data = path.read_bytes()
        weights = load_safetensors(data)
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(f"{path} is no safetensors file, or is broken: {error}.") from None
    while shared := [prefix for prefix in _WRAPPERS if weights and all(name.startswith(prefix) for name in weights)]:
        weights = {name.removeprefix(shared[0]): value for name, value in weights.items()}
    return Pretrained(source, hashlib.sha256(data).hexdigest(), weights, None)
