"""The layers of a network, from its input to its head: which of them learn, and how fast.

A layer is a direct child that has parameters. Every network of the registry has its children in the order in which they
run, from input to output, so that their order is that of its layers; the last one is the head.

Source: Yosinski et al., "How Transferable Are Features in Deep Neural Networks?", NIPS 2014, for freezing; Howard and
Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018, for rates that differ by layer.
"""

from __future__ import annotations

from torch import nn

from mien.core.errors import RecipeError


def find_layers(network: nn.Module) -> list[nn.Module]:
    """Return the layers, the one nearest to the input first."""
    return [child for child in network.children() if any(True for _ in child.parameters())]


def check_freezing(network: nn.Module, count: int) -> None:
    """Refuse to freeze what leaves nothing to learn.

    Args:
        network: As a builder returns it.
        count: Layers to freeze, from the input.

    Raises:
        RecipeError: If the head is among them, or there are not so many.
    """
    layers = len(find_layers(network))
    if count >= layers:
        raise RecipeError(
            f"transfer.freeze_layers is {count}, and the network has {layers} layers with its head, which has to "
            f"learn. Freeze {layers - 1} at most."
        )


def set_learning(network: nn.Module, frozen: int = 0) -> None:
    """Let a network learn, except for its first layers.

    Those get no gradients, and all up to the last of them, pooling and dropout included, works as in evaluation: so
    batch norm keeps its statistics, and what follows sees the same features each epoch but for augmentation.

    Args:
        network: As a builder returns it.
        frozen: Layers that stay as they are, from the input; fewer than there are.
    """
    network.train().requires_grad_(True)
    layers = find_layers(network)
    for child in network.children() if frozen else ():
        child.eval().requires_grad_(False)
        if child is layers[frozen - 1]:
            break
