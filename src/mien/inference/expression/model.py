"""A model file that tells expressions, checked and ready to run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.core.card import ExpressionCard
from mien.core.errors import CardError, InputError, ModelError
from mien.inference.runtime.bundled import DEFAULT_MODEL, find_model
from mien.inference.runtime.session import Session, Value, open_model

INPUT_NAME: Final = "images"
OUTPUT_NAME: Final = "probabilities"


class LoadedModel:
    """A model that is open; safe to use from several threads at once."""

    def __init__(self, card: ExpressionCard, session: Session) -> None:
        """Take what `load_model` has checked.

        Args:
            card: What the model says of itself.
            session: Its open graph.
        """
        self._card = card
        self._session = session

    @property
    def card(self) -> ExpressionCard:
        """What the model says of itself."""
        return self._card

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one picture: (size, size) for gray, (size, size, 3) for RGB."""
        size = self._card.input.size_px
        return (size, size) if self._card.input.color == "gray" else (size, size, 3)

    def run(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute the probabilities of a batch in one call.

        Args:
            images: (B, *input_shape) uint8. Memory grows with B; `Classifier` cuts long batches into pieces.

        Returns:
            (B, K) float32 in the order of the card's labels; rows sum to 1.

        Raises:
            InputError: If the array has another shape or dtype.
            ModelError: If ONNX Runtime fails.
        """
        if images.dtype != np.uint8 or images.shape[1:] != self.input_shape:
            wanted = ", ".join(map(str, self.input_shape))
            raise InputError(f"the model takes (B, {wanted}) uint8 pictures, got {images.shape} {images.dtype}.")
        if not len(images):
            return np.zeros((0, len(self._card.labels)), np.float32)
        (probabilities,) = self._session.run([OUTPUT_NAME], {INPUT_NAME: images})
        result: NDArray[np.float32] = probabilities
        return result


def load_model(
    source: str | os.PathLike[str] = DEFAULT_MODEL,
    *,
    threads: int | None = None,
    providers: Sequence[str] | None = None,
) -> LoadedModel:
    """Open a model file, having checked that it is whole, unchanged, and at one with its card.

    Args:
        source: Name of a bundled model, or a path; see `find_model`.
        threads: Threads for one call, from 1 to `MAX_THREADS`. None means the processors this process may use, at most
            `MAX_DEFAULT_THREADS`. For many callers at once, 1 gives the most pictures a second.
        providers: ONNX Runtime execution providers, the preferred first. None means the CPU.

    Raises:
        InputError: If `threads` is no number from 1 to `MAX_THREADS`, or `providers` no list of names.
        ProviderError: If a provider is not available here.
        ModelError: If the file is absent, too large, no ONNX file, cut short, or can't be run.
        CardError: If the card is missing, of another version, changed, or at odds with the graph.
    """
    session = open_model(source, threads=threads, providers=providers)
    try:
        card = session.card.expect(ExpressionCard)
        model = LoadedModel(card, session)
        picture = (None, *model.input_shape)
        inputs = {INPUT_NAME: Value("tensor(uint8)", picture)}
        session.check_signature(inputs, {OUTPUT_NAME: Value("tensor(float)", (None, len(card.labels)))})
        _check_probabilities(model)
    except ModelError as error:
        raise type(error)(f"{find_model(source)}: {error}") from error
    return model


def _check_probabilities(model: LoadedModel) -> None:
    """Run two pictures: a graph without softmax, or with broken weights, is refused before anyone relies on it."""
    size = model.input_shape
    images = np.stack([np.zeros(size, np.uint8), np.full(size, 255, np.uint8)])
    rows = model.run(images)
    if not np.isfinite(rows).all() or (rows < 0).any() or np.abs(rows.sum(axis=1) - 1).max() > 1e-3:
        raise CardError("the graph gives no probabilities: its rows don't sum to 1. Export the model again.")
