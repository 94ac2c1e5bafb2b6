"""A run's network with the weights it kept."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from mien.core.errors import RunError
from mien.training.fit.checkpoint import load_checkpoint
from mien.training.fit.run import Run
from mien.training.models.registry import build_network

LEARNING, AVERAGED, AVERAGED_COUNT = "network.", "averaged.module.", "averaged.n_averaged"
"""Where the two sets of weights stand in a checkpoint, and of how many the second is the average."""


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
    """Build a run's network with the weights of its best epoch, the averaged ones where there are any.

    Returns:
        From (B, C, H, W) float32 to (B, K) logits, in evaluation mode, on the CPU.

    Raises:
        RunError: If the run has no such checkpoint, or it doesn't fit its recipe.
    """
    recipe, data = run.recipe(), run.trained_on()
    weights = kept_weights(load_checkpoint(run.best_path))
    network = build_network(
        recipe.network, classes=len(data.labels), channels=data.channels, size_px=data.size_px, options=recipe.options
    )
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise RunError(f"{run.best_path} does not fit {run.recipe_path}: {str(error).splitlines()[0]}") from None
    return network.eval()
