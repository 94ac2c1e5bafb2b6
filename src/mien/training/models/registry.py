"""The networks that can be trained, as data: what must be known of each before torch is imported.

A new network is one file in this folder and one entry here. What each builder for expressions promises, and freezing
and learning rates by layer rely on:

- It returns a plain `nn.Sequential`: its children run one after the other, from the input to the output, and no weight
  belongs to two of them.
- A batch norm is registered right behind the layer whose values it takes, so that one folded away can be put back.
- The last child that has parameters is the head, which gives one value or one map a class: an `nn.Linear`, or an
  `nn.Conv2d` if pooling follows. Only the head's shape depends on the number of classes.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mien.core.errors import RecipeError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class NetworkEntry:
    """One network that can be trained.

    Attributes:
        name: What a recipe calls it.
        builder: "module:function"; the function takes `classes`, `channels`, the `options`, and `size_px` if its
            network fits one size alone.
        options: What a recipe may set, with the default of each.
        summary: One line about it.
        parameters: Trained values at the defaults; of one for expressions with 7 classes, 1 channel and 48 pixels.
        multiply_adds: Multiplications with addition for one picture, likewise; of a detector for one of 640 x 480.
        min_size_px: Side of the smallest pictures of which something is left at the head.
    """

    name: str
    builder: str
    options: dict[str, int | float]
    summary: str
    parameters: int
    multiply_adds: int
    min_size_px: int


Task: TypeAlias = Literal["expression", "faces"]

_FOR_EXPRESSION = (
    NetworkEntry(
        name="cnn3",
        builder="mien.training.models.cnn3:build",
        options={"dropout": 0.25, "dense_dropout": 0.5, "batch_norm": 0},
        summary="three convolutions and a dense head; the network of many first tutorials",
        parameters=1_306_375,
        multiply_adds=23_110_528,
        min_size_px=8,
    ),
    NetworkEntry(
        name="cnn4-bn",
        builder="mien.training.models.cnn4_bn:build",
        options={"dropout": 0.25, "dense_dropout": 0.5},
        summary="four convolutions with batch norm and a dense head; the usual second step",
        parameters=4_046_215,
        multiply_adds=131_221_248,
        min_size_px=16,
    ),
    NetworkEntry(
        name="cnn-sequential",
        builder="mien.training.models.cnn_sequential:build",
        options={"dropout": 0.25, "dense_dropout": 0.0},
        summary="eight convolutions in pairs with batch norm, and a dense layer; the deepest of the tutorials",
        parameters=7_050_567,
        multiply_adds=470_830_592,
        min_size_px=16,
    ),
    NetworkEntry(
        name="cnn-augmented",
        builder="mien.training.models.cnn_augmented:build",
        options={"dropout": 0.25, "dense_dropout": 0.5},
        summary="six plain convolutions in pairs and a dense layer; trained with augmentation",
        parameters=1_468_135,
        multiply_adds=86_779_648,
        min_size_px=8,
    ),
    NetworkEntry(
        name="mini-xception",
        builder="mien.training.models.mini_xception:build",
        options={"width": 8},
        summary="separable convolutions with shortcuts and a map a class; the smallest here",
        parameters=56_951,
        multiply_adds=5_520_448,
        min_size_px=5,
    ),
    NetworkEntry(
        name="vgg-bn",
        builder="mien.training.models.vgg_bn:build",
        options={"width": 32, "dropout": 0.2},
        summary="eight plain 3x3 convolutions with batch norm and global pooling",
        parameters=1_174_439,
        multiply_adds=117_450_496,
        min_size_px=8,
    ),
    NetworkEntry(
        name="vgg-slim",
        builder="mien.training.models.vgg_slim:build",
        options={"width": 32, "depth": 4, "dropout": 0.3},
        summary="nine plain 3x3 convolutions, few where pixels are many, and global pooling; the bundled one",
        parameters=1_460_583,
        multiply_adds=138_684_160,
        min_size_px=8,
    ),
    NetworkEntry(
        name="inception",
        builder="mien.training.models.inception:build",
        options={"width": 16, "dropout": 0.2},
        summary="six modules of 1x1, 3x3, double 3x3 and pooled branches side by side, and global pooling",
        parameters=1_562_791,
        multiply_adds=181_576_320,
        min_size_px=1,
    ),
    NetworkEntry(
        name="resnet18",
        builder="mien.training.models.resnet:build_18",
        options={"width": 32, "dropout": 0.2},
        summary="eight residual blocks and global pooling, at half the paper's width",
        parameters=2_796_263,
        multiply_adds=312_092_416,
        min_size_px=1,
    ),
    NetworkEntry(
        name="resnet34",
        builder="mien.training.models.resnet:build_34",
        options={"width": 32, "dropout": 0.2},
        summary="sixteen residual blocks and global pooling, at half the paper's width; the costliest here",
        parameters=5_325_159,
        multiply_adds=651_831_040,
        min_size_px=1,
    ),
    NetworkEntry(
        name="mobilenet",
        builder="mien.training.models.mobilenet:build",
        options={"width": 16, "dropout": 0.2},
        summary="nine blocks of depthwise convolutions with shortcuts, and global pooling",
        parameters=991_111,
        multiply_adds=61_438_336,
        min_size_px=8,
    ),
    NetworkEntry(
        name="resnet-se",
        builder="mien.training.models.resnet_se:build",
        options={"width": 24, "dropout": 0.2},
        summary="a residual network with squeeze-and-excitation and global pooling",
        parameters=1_588_895,
        multiply_adds=151_813_248,
        min_size_px=1,
    ),
)

_FOR_FACES = (
    NetworkEntry(
        name="face-pyramid",
        builder="mien.training.models.face_pyramid:build",
        options={"width": 32, "depth": 2},
        summary="plain convolutions, cross-stage blocks and a top-down path to three grids; finds faces in photos",
        parameters=390_653,
        multiply_adds=470_188_800,
        min_size_px=1,
    ),
)

NETWORKS: dict[Task, dict[str, NetworkEntry]] = {
    "expression": {entry.name: entry for entry in _FOR_EXPRESSION},
    "faces": {entry.name: entry for entry in _FOR_FACES},
}
"""By task and name."""


def find_network(name: str, task: Task = "expression") -> NetworkEntry:
    """Return the entry of a network.

    Args:
        name: Its name.
        task: What it shall answer.

    Raises:
        RecipeError: If there is none of that name for the task.
    """
    known = NETWORKS[task]
    if name not in known:
        raise RecipeError(f"network {name!r} is unknown for {task}. Known: {', '.join(sorted(known))}.")
    return known[name]


def check_size(name: str, size_px: int) -> None:
    """Refuse pictures that are smaller than a network can read.

    Args:
        name: One for expressions.
        size_px: Side of the pictures.

    Raises:
        RecipeError: If they are, or there is no network of that name.
    """
    smallest = find_network(name).min_size_px
    if size_px < smallest:
        others = [entry.name for entry in NETWORKS["expression"].values() if entry.min_size_px <= size_px]
        choice = f", or use a network that reads them: {', '.join(others)}" if others else ""
        raise RecipeError(
            f"network {name} reads pictures of {smallest}x{smallest} pixels or more, these have {size_px}x{size_px}. "
            f"Import them with --size-px {smallest}{choice}."
        )


def build_network(
    name: str, *, classes: int, channels: int, size_px: int = 48, options: dict[str, Any] | None = None
) -> nn.Sequential:
    """Build a network with fresh weights, drawn from torch's current random state.

    Args:
        name: One for expressions.
        classes: Number of labels, K.
        channels: 1 for gray, 3 for RGB.
        size_px: Side of the pictures, at least the entry's `min_size_px`.
        options: Options of the entry; the others keep their defaults.

    Returns:
        A network that takes (B, channels, size_px, size_px) float32 and gives (B, K) float32 logits, its head last.

    Raises:
        RecipeError: If the name or an option is unknown, or the pictures are too small for the network.
    """
    check_size(name, size_px)
    network: nn.Sequential = _build(
        find_network(name), {"classes": classes, "channels": channels, "size_px": size_px}, options or {}
    )
    return network


def build_face_network(name: str, *, options: dict[str, Any] | None = None) -> nn.Module:
    """Build a detector with fresh weights, drawn from torch's current random state.

    Args:
        name: One for faces.
        options: Options of the entry; the others keep their defaults.

    Returns:
        A network that takes (B, 3, H, W) float32, H and W multiples of 32, and gives (B, N, 15) raw answers.

    Raises:
        RecipeError: If the name or an option is unknown.
    """
    network: nn.Module = _build(find_network(name, "faces"), {}, options or {})
    return network


def _build(entry: NetworkEntry, about: dict[str, int], options: dict[str, Any]) -> Any:
    """Call a builder with what it takes of what is known about pictures and labels, and with all options."""
    unknown = sorted(set(options) - set(entry.options))
    if unknown:
        raise RecipeError(
            f"network {entry.name} has no option {unknown[0]!r}. Its options: {', '.join(entry.options)}."
        )
    module, _, function = entry.builder.partition(":")
    builder = getattr(import_module(module), function)
    given = {**about, **entry.options, **options}
    return builder(**{key: given[key] for key in inspect.signature(builder).parameters})
