"""The detector a run begins with: its weights are drawn from the recipe's seed, or those of another run."""

from __future__ import annotations

import torch
from torch import nn

from mien.core.errors import ModelError
from mien.inference.runtime.bundled import list_models
from mien.training.fit.faces.recipe import FaceRecipe
from mien.training.fit.run import Run
from mien.training.fit.transfer.pretrained import read_pretrained
from mien.training.fit.transfer.taking import Taken, check_unchanged, list_names
from mien.training.models.registry import build_face_network


def begin_detector(run: Run, recipe: FaceRecipe) -> tuple[nn.Module, Taken | None]:
    """Build the network with weights drawn from the recipe's seed, and those it begins with where the run is new.

    A detector takes all weights or none: every cell of it answers the same whatever it was trained on.

    Args:
        run: Its folder, which need not be there yet.
        recipe: The whole run.

    Returns:
        The network, on the CPU, and what was taken from where; None if nothing was, or if the run has a finished epoch
        that it goes on from.

    Raises:
        RunError: If a run that is begun again would begin with other weights than before.
        ModelError: If there are no weights where the recipe says, or they are of another network.
    """
    torch.manual_seed(recipe.seed)
    network = build_face_network(recipe.network, options=recipe.options)
    if not recipe.transfer.init or run.last_path.exists():
        return network, None
    source = recipe.transfer.init
    if source in list_models() or source.lower().endswith(".onnx"):
        raise ModelError(
            f"an exported detector such as {source} holds its batch norms folded, which can't be trained on. Name the "
            "run it was exported from, or its checkpoint."
        )
    pretrained = read_pretrained(source)
    check_unchanged(run, pretrained)
    state = network.state_dict()
    fits = {name for name, value in pretrained.weights.items() if name in state and value.shape == state[name].shape}
    missing = sorted(state.keys() - fits)
    if missing:
        raise ModelError(
            f"{source} is no {recipe.network} as this recipe builds it: it has no {list_names(missing)} "
            "that fits. Name a run of a detector, or its checkpoint, with the same network and options."
        )
    network.load_state_dict({name: pretrained.weights[name] for name in state})
    taken = Taken(
        source=pretrained.source,
        sha256=pretrained.sha256,
        taken=tuple(name for name in state if not name.endswith("num_batches_tracked")),
        fresh=(),
        unused=tuple(sorted(pretrained.weights.keys() - state.keys())),
        has_new_head=False,
        unfolded=0,
        trained_on=pretrained.trained_on,
    )
    return network, taken
