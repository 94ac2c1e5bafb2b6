"""Trained weights put into a network: what fits is taken, a head for other labels begins anew, and all of it is said.

A model file's batch norms are folded into the layers before them, since that is quicker in use. They are unfolded
here: the network answers exactly as before, and its batch norms hold the statistics of the new pictures, as those of a
network that was trained on them would.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from mien.core.card import Sha256
from mien.core.errors import ModelError
from mien.training.fit.layers import find_layers
from mien.training.fit.pretrained import Pretrained

BatchNorm: TypeAlias = nn.BatchNorm1d | nn.BatchNorm2d

_COUNTER = "num_batches_tracked"
"""Batch norm counts its batches; nothing is computed with the count."""


class Taken(BaseModel):
    """What `init.json` says: which weights a run began with, by their names in the network.

    Attributes:
        source: The path or name that was given.
        sha256: Hash of the file.
        taken: Names of the values that were copied.
        fresh: Names of the values that began anew: absent in the file, of another shape, or a head for other labels.
        unused: Names in the file that the network has no place for.
        has_new_head: Whether the last layer began anew because the labels are others.
        unfolded: Number of batch norms that were taken out of the layers before them.
        has_other_colors: Whether the first convolution was fitted to pictures of other colors, gray or RGB.
        trained_on: Name and terms of the data that the weights were learned from, where the file says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    sha256: Sha256
    taken: tuple[str, ...]
    fresh: tuple[str, ...]
    unused: tuple[str, ...]
    has_new_head: bool
    unfolded: int
    has_other_colors: bool = False
    trained_on: tuple[str, str] | None = None

    def summary(self) -> str:
        """Return it in a sentence or two, with up to five names of each kind."""
        parts = [f"{len(self.taken)} of {len(self.taken) + len(self.fresh)} weights taken from {self.source}"]
        if self.has_new_head:
            parts.append("a new last layer, since the labels are others")
        if self.has_other_colors:
            parts.append("the first convolution fitted to the other colors")
        if self.fresh:
            parts.append(f"begun anew: {_listed(self.fresh)}")
        if self.unused:
            parts.append(f"not used: {_listed(self.unused)}")
        return "; ".join(parts)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown


def take_weights(network: nn.Sequential, pretrained: Pretrained, labels: tuple[str, ...], planes: Tensor) -> Taken:
    """Copy into a network what fits it by name and shape.

    Args:
        network: With fresh weights, on the CPU; changed in place.
        pretrained: What to take from.
        labels: What the network shall answer. The last layer is taken only if the weights' own labels are the same
            ones in the same order, or unknown.
        planes: (N, C, H, W) standardized float32 pictures, a few hundred, for the statistics of unfolded batch norms.

    Returns:
        What was taken and what was not.

    Raises:
        ModelError: If nothing fits.
    """
    recolored = _fit_colors(network, pretrained.weights)
    weights, folded = _unfold_names(network, pretrained.weights | recolored)
    has_new_head = pretrained.labels is not None and pretrained.labels != labels
    head = _head_prefix(network) if has_new_head else None
    own = network.state_dict()
    fitting = {
        name: weights[name]
        for name, value in own.items()
        if name in weights and weights[name].shape == value.shape and not (head is not None and name.startswith(head))
    }
    if not any(parameter.dim() > 1 for name, parameter in network.named_parameters() if name in fitting):
        raise ModelError(
            f"none of the {len(pretrained.weights)} weights in {pretrained.source} fits the network: their names or "
            f"shapes differ. It has {_listed(list(own))}; there are {_listed(list(pretrained.weights))}."
        )
    network.load_state_dict(fitting, strict=False)
    unfolded = [norm for name, norm in folded.items() if f"{name}.weight" in fitting]
    _renormalize(network, unfolded, planes)
    counted = [name for name in own if not name.endswith(_COUNTER)]
    return Taken(
        source=pretrained.source,
        sha256=pretrained.sha256,
        taken=tuple(name for name in counted if name in fitting),
        fresh=tuple(name for name in counted if name not in fitting),
        unused=tuple(sorted(name for name in weights if name not in fitting and not name.endswith(_COUNTER))),
        has_new_head=has_new_head,
        unfolded=len(unfolded),
        has_other_colors=bool(recolored),
        trained_on=pretrained.trained_on,
    )


def _head_prefix(network: nn.Sequential) -> str:
    """Return what the names of the last layer's weights begin with."""
    head = find_layers(network)[-1]
    return next(f"{name}." for name, child in network.named_children() if child is head)


def _fit_colors(network: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the first convolution's weights for the network's colors, where the file's are for the others.

    With them a gray picture is answered as before: gray weights are shared out to red, green and blue, and those of the
    three colors add up to gray ones.
    """
    layer, first = next((name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d))
    name, own = f"{layer}.weight", first.weight
    given = weights.get(name)
    if given is None or given.dim() != own.dim() or given[:, :1].shape != own[:, :1].shape:
        return {}
    match (given.shape[1], own.shape[1]):
        case (1, 3):
            return {name: given.repeat(1, 3, 1, 1) / 3}
        case (3, 1):
            return {name: given.sum(dim=1, keepdim=True)}
    return {}


def _unfold_names(network: nn.Module, weights: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, BatchNorm]]:
    """Give batch norms that were folded away the bias that is left of them.

    Returns:
        The weights as the network has them, and the folded batch norms by their names.
    """
    renamed, folded = dict(weights), {}
    for layer, name, norm in _normed_layers(network):
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


def _normed_layers(network: nn.Module) -> Iterator[tuple[str, str, BatchNorm]]:
    """Yield each convolution or dense layer that a batch norm follows: its name, the batch norm's, the batch norm."""
    leaves = [(name, module) for name, module in network.named_modules() if not any(True for _ in module.children())]
    for (before, layer), (name, norm) in pairwise(leaves):
        if isinstance(layer, nn.Conv2d | nn.Linear) and isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            yield before, name, norm


@torch.no_grad()
def _renormalize(network: nn.Module, norms: Sequence[BatchNorm], planes: Tensor) -> None:
    """Give batch norms the statistics of what reaches them, and scale and shift so that their answer stays the same.

    In evaluation mode nothing changes, so one pass through the network finds the statistics of all of them.
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
