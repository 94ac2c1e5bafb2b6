"""How a model file answers a student's pictures: as the network it holds, built again, or else as the file it is.

Built again, a teacher runs where its student learns and in the same precision: on a GPU, or in bfloat16 where the
processor has it, in half the time of ONNX Runtime's float32. An ensemble, and a file that names no network, stay what
they are and run in ONNX Runtime on the processor.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from mien.core.errors import ModelError, RecipeError
from mien.inference.expression.model import LoadedModel
from mien.training.fit.transfer.pretrained import read_pretrained
from mien.training.fit.transfer.unfolding import COUNTER, unfold_weights
from mien.training.models.preprocess import standardize
from mien.training.models.registry import build_network


class Answers(Protocol):
    """What can be asked about a batch."""

    def answer(self, planes: Tensor) -> list[Tensor]:
        """Return (B, K) float32 probabilities a head, on the planes' device.

        Args:
            planes: (B, C, S, S) float32 in 0-1, before they are standardized.
        """


class Rebuilt:
    """A network with the weights of a model file."""

    def __init__(self, network: nn.Module, temperatures: tuple[float, ...]) -> None:
        """Take a network.

        Args:
            network: From (B, C, S, S) standardized float32 to the logits of all heads; it is switched to evaluation.
            temperatures: One a head; divides its logits.
        """
        self._network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._temperatures = temperatures

    def answer(self, planes: Tensor) -> list[Tensor]:
        """See `Answers`. Runs in the precision that autocast has set."""
        network = self._network.to(planes.device)
        shown = standardize(planes.clamp(0, 1)).to(memory_format=torch.channels_last)
        with torch.no_grad():
            heads = network(shown).float().chunk(len(self._temperatures), dim=1)
        return [
            torch.softmax(head / temperature, dim=1)
            for head, temperature in zip(heads, self._temperatures, strict=True)
        ]


class AsFile:
    """A model file in ONNX Runtime."""

    def __init__(self, model: LoadedModel) -> None:
        """Take an open model."""
        self._model = model

    def answer(self, planes: Tensor) -> list[Tensor]:
        """See `Answers`. The file is shown what any user would show it: whole numbers from 0 to 255."""
        pixels = (planes.clamp(0, 1) * 255).round().to(torch.uint8).cpu()
        images = (pixels.squeeze(1) if pixels.shape[1] == 1 else pixels.permute(0, 2, 3, 1)).contiguous().numpy()
        return [torch.from_numpy(head).to(planes.device) for head in self._model.run_heads(images)]


def open_answers(source: str, model: LoadedModel) -> Answers:
    """Build a model file's network again, where its card names one; else take the file.

    Args:
        source: Its name or path.
        model: The same, open.

    Raises:
        ModelError: If the card names a network that the weights are not of.
    """
    card = model.card
    if card.network is None:
        return AsFile(model)
    temperatures = tuple(value for value in (card.temperature, card.votes_temperature) if value is not None)
    try:
        network = build_network(
            card.network.name,
            classes=len(temperatures) * len(card.labels),
            channels=1 if card.input.color == "gray" else 3,
            size_px=card.input.size_px,
            options=card.network.options,
        )
        weights, _ = unfold_weights(network, read_pretrained(source).weights)
        counters = {key: value for key, value in network.state_dict().items() if key.endswith(COUNTER)}
        network.load_state_dict(counters | weights)
    except (ModelError, RecipeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"{source} says that it holds the network {card.network.name}, and does not: {reason}"
        ) from error
    return Rebuilt(network, temperatures)
