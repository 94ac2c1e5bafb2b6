"""Which of the registry's networks some weights are of."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mien.training.models.registry import NETWORKS, build_network


def recognize_network(weights: Mapping[str, Tensor]) -> str | None:
    """Find the network that has weights of these names, whatever its width, its labels and the pictures' colors.

    Only what multiplies is looked at: batch norms may be folded away.

    Args:
        weights: By name, as a network's `state_dict` has them.

    Returns:
        Its name in the registry, or None if it is none of those, at the defaults of options other than the width.
    """
    given = _list_multipliers(weights)
    for name in NETWORKS["expression"]:
        with torch.device("meta"):  # shapes without values: nothing is drawn
            network = build_network(name, classes=2, channels=1)
        if _list_multipliers(network.state_dict()) == given:
            return name
    return None


def _list_multipliers(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the kernels' sides by name; a dense layer has none."""
    return {name: tuple(value.shape[2:]) for name, value in weights.items() if value.dim() > 1}
