"""A run's network: as its recipe and data make it, and with the weights it kept."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from mien.core.errors import RunError
from mien.training.fit.checkpoint import load_checkpoint
from mien.training.fit.notes import TrainedOn
from mien.training.fit.recipe import Recipe
from mien.training.fit.run import Run
from mien.training.models.registry import build_face_network, build_network

LEARNING, AVERAGED, AVERAGED_COUNT = "network.", "averaged.module.", "averaged.n_averaged"
"""Where the two sets of weights stand in a checkpoint, and of how many the second is the average."""


def build_for(recipe: Recipe, data: TrainedOn) -> nn.Sequential:
    """Build the network that a recipe trains on some data, with weights drawn from torch's current random state.

    Args:
        recipe: Names the network and its options.
        data: Says how many labels there are, and what the pictures are like.

    Returns:
        From (B, C, S, S) float32 to (B, heads * K) float32 logits, head by head, on the CPU.

    Raises:
        RecipeError: If the pictures are too small for the network.
    """
    return build_network(
        recipe.network,
        classes=recipe.suit(data.has_votes).heads * len(data.labels),
        channels=data.channels,
        size_px=data.size_px,
        options=recipe.options,
    )


def kept_weights(checkpoint: dict[str, Any]) -> dict[str, Tensor]:
    """Return the weights that a checkpoint's figures are of: the averaged ones, once anything has been averaged.

    Args:
        checkpoint: As `load_checkpoint` gives it.

    Returns:
        What a network's `load_state_dict` takes.
    """
    state: dict[str, Tensor] = checkpoint["state_dict"]
    prefix = AVERAGED if int(state.get(AVERAGED_COUNT, 0)) else LEARNING
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def restore_network(run: Run) -> nn.Module:
    """Build a run's network with the weights of the epoch that was kept, the averaged ones where there are any.

    Returns:
        From (B, C, H, W) float32 to (B, K) logits, in evaluation mode, on the CPU.

    Raises:
        RunError: If the run has no such checkpoint, or it doesn't fit its recipe.
    """
    weights = kept_weights(load_checkpoint(run.best_path))
    recipe = run.recipe()
    network = (
        build_face_network(recipe.network, options=recipe.options)
        if recipe.task == "faces"
        else build_for(recipe, run.trained_on())
    )
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise RunError(f"{run.best_path} does not fit {run.recipe_path}: {str(error).splitlines()[0]}") from None
    return network.eval()
