"""A model file that tells expressions, checked and ready to run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.core.card import ExpressionCard
from mien.core.errors import CardError, InputError, ModelError
from mien.inference.runtime.bundled import DEFAULT_MODEL, find_model
from mien.inference.runtime.session import Session, Value, open_model

LabelSet: TypeAlias = Literal["fer2013", "votes"]
"""What a model with two heads is asked for: the labels it was trained on, or what ten people voted (FER+)."""

INPUT_NAME: Final = "images"
OUTPUT_NAMES: Final[dict[LabelSet, str]] = {"fer2013": "probabilities", "votes": "votes"}
"""Outputs of the graph; every model has the first."""


class LoadedModel:
    """A model that is open; safe to use from several threads at once."""

    def __init__(self, card: ExpressionCard, session: Session, labels: LabelSet = "fer2013") -> None:
        """Take what `load_model` has checked.

        Args:
            card: What the model says of itself.
            session: Its open graph.
            labels: Which of its heads `run` asks.
        """
        self._card = card
        self._session = session
        self._output = OUTPUT_NAMES[labels]

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
        """Compute the probabilities of a batch in one call, by the head that was asked for.

        Args:
            images: (B, *input_shape) uint8. Memory grows with B; `Classifier` cuts long batches into pieces.

        Returns:
            (B, K) float32 in the order of the card's labels; rows sum to 1.

        Raises:
            InputError: If the array has another shape or dtype.
            ModelError: If ONNX Runtime fails.
        """
        return self._run(images, [self._output])[0]

    def run_heads(self, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Compute the probabilities by every head, in one call.

        Args:
            images: As for `run`.

        Returns:
            (B, K) float32 a head: by the labels, and by votes if the model has a head for them.

        Raises:
            InputError: If the array has another shape or dtype.
            ModelError: If ONNX Runtime fails.
        """
        return self._run(images, list_outputs(self._card))

    def _run(self, images: NDArray[np.uint8], outputs: list[str]) -> list[NDArray[np.float32]]:
        if images.dtype != np.uint8 or images.shape[1:] != self.input_shape:
            wanted = ", ".join(map(str, self.input_shape))
            raise InputError(f"the model takes (B, {wanted}) uint8 pictures, got {images.shape} {images.dtype}.")
        if not len(images):
            return [np.zeros((0, len(self._card.labels)), np.float32) for _ in outputs]
        results: list[NDArray[np.float32]] = self._session.run(outputs, {INPUT_NAME: images})
        return results


def list_outputs(card: ExpressionCard) -> list[str]:
    """Return the names of the outputs that a model's graph has."""
    return list(OUTPUT_NAMES.values()) if card.has_votes else [OUTPUT_NAMES["fer2013"]]


def load_model(
    source: str | os.PathLike[str] = DEFAULT_MODEL,
    *,
    labels: LabelSet = "fer2013",
    threads: int | None = None,
    providers: Sequence[str] | None = None,
) -> LoadedModel:
    """Open a model file, having checked that it is whole, unchanged, and at one with its card.

    Args:
        source: A model's name, or a path; see `find_model`.
        labels: Which head answers, if the model has two: "fer2013", the labels it was trained on, whatever these
            are, or "votes", what people who looked at the same pictures voted.
        threads: Threads for one call, from 1 to `MAX_THREADS`. None means the processors this process may use, at most
            `MAX_DEFAULT_THREADS`. For many callers at once, 1 gives the most pictures a second.
        providers: ONNX Runtime execution providers, the preferred first. None means the CPU.

    Raises:
        InputError: If `threads` is no number from 1 to `MAX_THREADS`, `providers` no list of names, or `labels` none of
            the two.
        ProviderError: If a provider is not available here.
        ModelError: If the file is absent, too large, no ONNX file, cut short, can't be run, or has no head for votes
            when it is asked for them.
        CardError: If the card is missing, of another version, changed, or at odds with the graph.
    """
    if labels not in tuple(OUTPUT_NAMES):
        raise InputError(f"labels is one of {', '.join(OUTPUT_NAMES)}, got {labels!r}.")
    session = open_model(source, threads=threads, providers=providers)
    try:
        card = session.card.expect(ExpressionCard)
        if labels == "votes" and not card.has_votes:
            raise ModelError(
                "the model has no head for votes: it was trained on labels alone. Leave `labels` as it is, or name a "
                "model that was trained with votes.weight above 0."
            )
        model = LoadedModel(card, session, labels)
        picture = (None, *model.input_shape)
        inputs = {INPUT_NAME: Value("tensor(uint8)", picture)}
        rows = Value("tensor(float)", (None, len(card.labels)))
        session.check_signature(inputs, dict.fromkeys(list_outputs(card), rows))
        _check_probabilities(model)
    except ModelError as error:
        raise type(error)(f"{find_model(source)}: {error}") from error
    return model


def _check_probabilities(model: LoadedModel) -> None:
    """Run two pictures: a graph without softmax, or with broken weights, is refused before anyone relies on it."""
    size = model.input_shape
    images = np.stack([np.zeros(size, np.uint8), np.full(size, 255, np.uint8)])
    rows = np.concatenate(model.run_heads(images))
    if not np.isfinite(rows).all() or (rows < 0).any() or np.abs(rows.sum(axis=1) - 1).max() > 1e-3:
        raise CardError("the graph gives no probabilities: its rows don't sum to 1. Export the model again.")
