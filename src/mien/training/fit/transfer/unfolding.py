"""Batch norms that were folded into the layers before them, taken out again without changing an answer.

A model file is folded since that is quicker in use. Unfolded, the network answers exactly as before, and its batch
norms hold the statistics of the new pictures, as those of a network that was trained on them would.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor, nn

COUNTER = "num_batches_tracked"
"""Batch norm counts its batches under this name; nothing is computed with the count, and no model file has it."""

BatchNorm: TypeAlias = nn.BatchNorm1d | nn.BatchNorm2d


def find_normed_layers(network: nn.Module) -> Iterator[tuple[str, str, BatchNorm]]:
    """Find each convolution or dense layer that a batch norm follows.

    Args:
        network: As a builder of the registry returns it.

    Yields:
        The layer's name, its batch norm's name, and the batch norm.
    """
    leaves = [(name, module) for name, module in network.named_modules() if not any(True for _ in module.children())]
    for (before, layer), (name, norm) in pairwise(leaves):
        if isinstance(layer, nn.Conv2d | nn.Linear) and isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            yield before, name, norm


def unfold_weights(network: nn.Module, weights: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, BatchNorm]]:
    """Give batch norms that were folded away the bias that is left of them.

    Args:
        network: That the weights are for; it is not changed.
        weights: By their names in a file.

    Returns:
        The weights as the network has them, and the folded batch norms by their names.
    """
    renamed, folded = dict(weights), {}
    for layer, name, norm in find_normed_layers(network):
        own, given = network.get_submodule(layer), weights.get(f"{layer}.weight")
        is_fitting = given is not None and given.shape == own.weight.shape
        if is_fitting and f"{layer}.bias" in weights and f"{name}.running_mean" not in weights:
            bias = renamed.pop(f"{layer}.bias")
            if own.bias is not None:
                renamed[f"{layer}.bias"] = torch.zeros_like(bias)
            renamed |= {
                f"{name}.weight": torch.ones_like(bias),
                f"{name}.bias": bias,
                f"{name}.running_mean": torch.zeros_like(bias),
                f"{name}.running_var": torch.ones_like(bias) - norm.eps,
            }
            folded[name] = norm
    return renamed, folded


@torch.no_grad()
def renormalize(network: nn.Module, norms: Sequence[BatchNorm], planes: Tensor) -> None:
    """Give batch norms the statistics of what reaches them, and scale and shift so that their answer stays the same.

    In evaluation mode nothing changes, so one pass through the network finds the statistics of all of them.

    Args:
        network: Whose batch norms they are; changed in place.
        norms: Those whose statistics are to be found.
        planes: (N, C, H, W) standardized float32 pictures, a few hundred.
    """
    if not norms:
        return
    found: dict[BatchNorm, tuple[Tensor, Tensor]] = {}

    def note(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
        channels = inputs[0].transpose(0, 1).flatten(1)  # (C, N * H * W)
        found[norm] = (channels.mean(1), channels.var(1, unbiased=False))

    hooks = [norm.register_forward_pre_hook(note) for norm in norms]
    was_training = network.training
    network.eval()(planes)
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    for norm, (mean, variance) in found.items():
        norm.bias.add_(norm.weight * mean)
        norm.weight.mul_(torch.sqrt(variance + norm.eps))
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
