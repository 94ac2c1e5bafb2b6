"""Trained weights put into a network: what fits is taken, a head for other labels begins anew, and it says so."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from mien.core.card import Sha256
from mien.core.errors import ModelError, RunError
from mien.training.fit.layers import find_layers
from mien.training.fit.run import Run
from mien.training.fit.transfer.pretrained import Pretrained
from mien.training.fit.transfer.recognition import recognize_network
from mien.training.fit.transfer.unfolding import COUNTER, find_normed_layers, renormalize, unfold_weights


class Taken(BaseModel):
    """What `init.json` says: which weights a run began with.

    Each of the network's values stands in one of `taken`, `adapted` and `fresh`, by its name there.

    Attributes:
        source: The path or name that was given.
        sha256: Hash of the file.
        taken: Values that are the file's own, copied.
        adapted: Values that were worked out from the file's: batch norms that were unfolded, with the statistics of
            this run's pictures, and a first convolution for pictures of other colors.
        fresh: Values that began anew: absent in the file, of another shape there, or a head for other labels.
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
    adapted: tuple[str, ...] = ()
    fresh: tuple[str, ...]
    unused: tuple[str, ...]
    has_new_head: bool
    unfolded: int
    has_other_colors: bool = False
    trained_on: tuple[str, str] | None = None

    def summary(self) -> str:
        """Return it in a sentence or two, with up to five names of each kind."""
        used = len(self.taken) + len(self.adapted)
        parts = [f"{used} of {used + len(self.fresh)} weights taken from {self.source}"]
        if self.adapted:
            parts.append(f"{len(self.adapted)} of them worked out anew, for batch norms and colors of this network")
        if self.has_new_head:
            parts.append("a new last layer, since the labels are others")
        if self.has_other_colors:
            parts.append("the first convolution fitted to the other colors")
        if self.fresh:
            parts.append(f"begun anew: {list_names(self.fresh)}")
        if self.unused:
            parts.append(f"not used: {list_names(self.unused)}")
        return "; ".join(parts)


def list_names(names: Sequence[str]) -> str:
    """Return up to five names with commas between, and how many more there are."""
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown


def take_weights(
    network: nn.Sequential, name: str, pretrained: Pretrained, labels: tuple[str, ...], planes: Tensor
) -> Taken:
    """Copy into a network what fits it by name and shape.

    Args:
        network: With fresh weights, on the CPU; changed in place.
        name: What the registry calls it, for the message where nothing fits.
        pretrained: What to take from.
        labels: What the network shall answer. The last layer is taken only if the weights' own labels are the same
            ones in the same order, or unknown.
        planes: (N, C, H, W) standardized float32 pictures, a few hundred, for the statistics of unfolded batch norms.

    Returns:
        What was taken and what was not.

    Raises:
        ModelError: If nothing fits, or a value that the network has a place for is no finite float.
    """
    given = pretrained.weights
    _check_values(network, pretrained)
    recolored = _fit_colors(network, given)
    weights, folded = unfold_weights(network, given | recolored)
    has_new_head = pretrained.labels is not None and pretrained.labels != labels
    head = _head_prefix(network) if has_new_head else None
    own = network.state_dict()
    fitting = {
        key: weights[key]
        for key, value in own.items()
        if key in weights and weights[key].shape == value.shape and not (head is not None and key.startswith(head))
    }
    if not any(parameter.dim() > 1 for key, parameter in network.named_parameters() if key in fitting):
        raise ModelError(_explain_misfit(own, name, pretrained))
    network.load_state_dict(fitting, strict=False)
    unfolded = [norm for key, norm in folded.items() if f"{key}.weight" in fitting]
    renormalize(network, unfolded, planes)
    counted = [key for key in own if not key.endswith(COUNTER)]
    copied = {key for key in fitting if fitting[key] is given.get(key)}
    return Taken(
        source=pretrained.source,
        sha256=pretrained.sha256,
        taken=tuple(key for key in counted if key in copied),
        adapted=tuple(key for key in counted if key in fitting and key not in copied),
        fresh=tuple(key for key in counted if key not in fitting),
        unused=tuple(sorted(key for key in weights if key not in own and not key.endswith(COUNTER))),
        has_new_head=has_new_head,
        unfolded=len(unfolded),
        has_other_colors=bool(recolored),
        trained_on=pretrained.trained_on,
    )


def _check_values(network: nn.Module, pretrained: Pretrained) -> None:
    """Refuse weights with which nothing can be computed; what the network has no place for may be anything."""
    places = {key for key in network.state_dict() if not key.endswith(COUNTER)}
    places |= {f"{layer}.bias" for layer, _, _ in find_normed_layers(network)}  # there if a batch norm was folded
    for key in sorted(places & pretrained.weights.keys()):
        value = pretrained.weights[key]
        if not value.is_floating_point():
            raise ModelError(
                f"{pretrained.source}: {key} is of {str(value.dtype).removeprefix('torch.')}, and weights have to be "
                "floats. Name a file of weights that were not quantized."
            )
        if bad := int((~torch.isfinite(value.float())).sum()):
            raise ModelError(
                f"{pretrained.source}: {key} holds {bad:,} values of {value.numel():,} that are not finite in float32 "
                "(NaN or infinite). The training that made them diverged: name other weights."
            )


def _explain_misfit(own: dict[str, Tensor], name: str, pretrained: Pretrained) -> str:
    """Say why no weight fits, with the names of both networks where the file's is one of ours."""
    given, source = pretrained.weights, pretrained.source
    theirs = recognize_network(given)
    if theirs is None:
        return (
            f"none of the {len(given)} weights in {source} fits the network {name}, and they are of none that mien "
            f"knows: {name} has {list_names(list(own))}; there are {list_names(list(given))}. Name other weights."
        )
    if theirs != name:
        return (
            f"the weights in {source} are of the network {theirs}, and none of the {len(given)} fits {name}, which the "
            f"recipe trains. Add --network {theirs}, or name weights of {name}."
        )
    key = next(key for key in own if key in given and own[key].shape != given[key].shape)
    return (
        f"the weights in {source} are of the network {theirs} with other options than the recipe's {name} has: {key} "
        f"is {tuple(given[key].shape)} there and {tuple(own[key].shape)} here. Set the same [options], or name other "
        "weights."
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


def check_unchanged(run: Run, pretrained: Pretrained) -> None:
    """Refuse other weights than those that a run without a finished epoch began with.

    Raises:
        RunError: If they are others, or the note of the first ones can't be read.
    """
    if not (run.is_started and run.init_path.exists()):
        return
    begun = run.read_note(run.init_path, Taken)
    if begun.sha256 != pretrained.sha256:
        raise RunError(
            f"{run.path} was begun with the weights of sha256 {begun.sha256[:12]} in {begun.source}, and there are "
            f"others now ({pretrained.sha256[:12]}). Put the first ones back, or name another folder."
        )
