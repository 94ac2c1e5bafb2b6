"""The network a run begins with: its weights are drawn from the recipe's seed, or taken from elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mien.core.errors import RecipeError
from mien.training.fit.layers import check_freezing, find_layers
from mien.training.fit.notes import TrainedOn
from mien.training.fit.recipe import Recipe
from mien.training.fit.restore import build_for
from mien.training.fit.run import Run
from mien.training.fit.transfer.pretrained import read_pretrained
from mien.training.fit.transfer.taking import Taken, check_unchanged, list_names, take_weights
from mien.training.models.preprocess import standardize_pixels

STATISTICS_PICTURES = 1024
"""Training pictures of 48x48 that show a network with other weights what the data look like; of larger ones fewer."""


def begin_network(run: Run, recipe: Recipe, data: TrainedOn, images: Tensor) -> tuple[nn.Sequential, Taken | None]:
    """Build the network with weights drawn from the recipe's seed, and those it begins with where the run is new.

    Args:
        run: Its folder, which need not be there yet.
        recipe: The whole run.
        data: What it is trained on.
        images: (N, H, W) or (N, H, W, 3) uint8, the training pictures.

    Returns:
        The network, on the CPU, and what was taken from where; None if nothing was, or if the run has a finished epoch
        that it goes on from.

    Raises:
        RecipeError: If more layers are frozen than stand before the head, or one of them would hold weights that were
            drawn and not taken.
        RunError: If a run that is begun again, since no epoch was finished, would begin with other weights than before.
        ModelError: If there are no weights where the recipe says, or they can't be used.
    """
    torch.manual_seed(recipe.seed)
    network = build_for(recipe, data)
    check_freezing(network, recipe.transfer.freeze_layers)
    if not recipe.transfer.init or run.last_path.exists():
        return network, None
    pretrained = read_pretrained(recipe.transfer.init)
    check_unchanged(run, pretrained)
    count = max(64, STATISTICS_PICTURES * 48**2 // data.size_px**2)
    some = images[torch.linspace(0, len(images) - 1, min(len(images), count)).long()].cpu()
    taken = take_weights(network, recipe.network, pretrained, data.labels, standardize_pixels(some))
    check_frozen_taken(network, recipe.transfer.freeze_layers, taken)
    return network, taken


def check_frozen_taken(network: nn.Module, count: int, taken: Taken) -> None:
    """Refuse to freeze weights that were drawn: they would stay noise.

    Args:
        network: As a builder returns it.
        count: Layers to freeze, from the input.
        taken: What its weights are.

    Raises:
        RecipeError: If one of these layers holds a weight that began anew.
    """
    names = {child: name for name, child in network.named_children()}
    for number, layer in enumerate(find_layers(network)[:count]):
        drawn = [name for name in taken.fresh if name.startswith(f"{names[layer]}.")]
        if drawn:
            remedy = f"Freeze {number} at most" if number else "Freeze none"
            raise RecipeError(
                f"transfer.freeze_layers is {count}, but layer {number + 1} from the input would stay as it was drawn: "
                f"{taken.source} has no {list_names(drawn)} that fits. {remedy}, or name other weights."
            )
