"""The networks that can be trained, as data: what must be known of each before torch is imported.

A new network is one file in this folder and one entry here.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mien.core.errors import RecipeError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class NetworkEntry:
    """One network that can be trained.

    Attributes:
        name: What a recipe calls it.
        builder: "module:function"; the function takes `classes`, `channels`, `size_px` and the `options`.
        options: What a recipe may set, with the default of each.
        summary: One line about it.
        parameters: Trained values at the defaults, with 7 classes, 1 channel and 48 pixels.
        multiply_adds: Multiplications with addition for one picture, likewise.
    """

    name: str
    builder: str
    options: dict[str, int | float]
    summary: str
    parameters: int
    multiply_adds: int


NETWORKS: dict[str, NetworkEntry] = {
    entry.name: entry
    for entry in (
        NetworkEntry(
            name="cnn3",
            builder="mien.training.models.cnn3:build",
            options={"dropout": 0.25, "dense_dropout": 0.5},
            summary="three convolutions and a dense head; the network of many first tutorials",
            parameters=1_306_375,
            multiply_adds=23_110_528,
        ),
        NetworkEntry(
            name="cnn4-bn",
            builder="mien.training.models.cnn4_bn:build",
            options={"dropout": 0.25, "dense_dropout": 0.5},
            summary="four convolutions with batch norm and a dense head; the usual second step",
            parameters=4_046_215,
            multiply_adds=131_221_248,
        ),
        NetworkEntry(
            name="vgg-bn",
            builder="mien.training.models.vgg_bn:build",
            options={"width": 32, "dropout": 0.2},
            summary="eight plain 3x3 convolutions with batch norm and global pooling; quick for its accuracy",
            parameters=1_174_439,
            multiply_adds=117_450_496,
        ),
        NetworkEntry(
            name="resnet-se",
            builder="mien.training.models.resnet_se:build",
            options={"width": 24, "dropout": 0.2},
            summary="a residual network with squeeze-and-excitation and global pooling; the most accurate here",
            parameters=1_588_895,
            multiply_adds=151_813_248,
        ),
    )
}


def find_network(name: str) -> NetworkEntry:
    """Return the entry of a network.

    Raises:
        RecipeError: If there is none of that name.
    """
    if name not in NETWORKS:
        raise RecipeError(f"network {name!r} is unknown. Known: {', '.join(sorted(NETWORKS))}.")
    return NETWORKS[name]


def build_network(
    name: str, *, classes: int, channels: int, size_px: int = 48, options: dict[str, Any] | None = None
) -> nn.Module:
    """Build a network with fresh weights, drawn from torch's current random state.

    Args:
        name: An entry of `NETWORKS`.
        classes: Number of labels, K.
        channels: 1 for gray, 3 for RGB.
        size_px: Side of the pictures.
        options: Options of the entry; the others keep their defaults.

    Returns:
        A module that takes (B, channels, size_px, size_px) float32 and gives (B, K) float32 logits.

    Raises:
        RecipeError: If the name or an option is unknown.
    """
    entry = find_network(name)
    unknown = sorted(set(options or {}) - set(entry.options))
    if unknown:
        raise RecipeError(f"network {name} has no option {unknown[0]!r}. Its options: {', '.join(entry.options)}.")
    module, _, function = entry.builder.partition(":")
    builder = getattr(import_module(module), function)
    given = {"classes": classes, "channels": channels, "size_px": size_px, **entry.options, **(options or {})}
    network: nn.Module = builder(**{key: given[key] for key in inspect.signature(builder).parameters})
    return network
