"""A model file, checked and ready to run in ONNX Runtime."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.core.card import ModelCard
from mien.core.errors import CardError, InputError, ModelError, ProviderError
from mien.inference.runtime.bundled import DEFAULT_MODEL, read_model
from mien.inference.runtime.engine import load_engine
from mien.inference.runtime.selfcontained import check_self_contained

INPUT_NAME: Final = "images"
OUTPUT_NAME: Final = "probabilities"
MAX_DEFAULT_THREADS: Final = 4
"""More threads than this cost such small networks more in waiting for each other than they gain."""

MAX_THREADS: Final = 256
"""Each thread takes memory whether there is a processor for it or not; ten thousand of them take the machine down."""

_QUIET = 4  # ONNX Runtime's log severity "fatal": what goes wrong reaches us as an exception
_CPU = "CPUExecutionProvider"


class LoadedModel:
    """A model that is open; safe to use from several threads at once."""

    def __init__(self, card: ModelCard, session: Any) -> None:
        """Take what `load_model` has checked.

        Args:
            card: What the model says of itself.
            session: An `onnxruntime.InferenceSession` of the same file.
        """
        self._card = card
        self._session = session

    @property
    def card(self) -> ModelCard:
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
        try:
            (probabilities,) = self._session.run([OUTPUT_NAME], {INPUT_NAME: images})
        except Exception as error:
            raise ModelError(f"the model failed on a batch of {len(images)}: {_first_line(error)}") from error
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
    threads = _count_threads(threads)
    names = _check_providers(providers)
    path, data, card = read_model(source)
    try:
        check_self_contained(data)
        session = _open_session(data, threads, names)
        _check_signature(card, session)
        model = LoadedModel(card, session)
        _check_probabilities(model)
    except ModelError as error:
        raise type(error)(f"{path}: {error}") from error
    return model


def _count_threads(threads: int | None) -> int:
    if threads is None:
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return min(usable, MAX_DEFAULT_THREADS)
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= MAX_THREADS:
        raise InputError(f"threads has to be a whole number from 1 to {MAX_THREADS}, got {threads!r}.")
    return threads


def _check_providers(providers: Sequence[str] | None) -> list[str]:
    if providers is None:
        return [_CPU]
    if isinstance(providers, str) or not providers:
        raise InputError(f"providers has to be a list of names such as [{_CPU!r}], got {providers!r}.")
    available = load_engine().get_available_providers()
    for name in providers:
        if name not in available:
            raise ProviderError(
                f"the execution provider {name!r} is not available here. Take one of {', '.join(available)}, "
                "or install the build of onnxruntime that has it."
            )
    return list(providers)


def _open_session(data: bytes, threads: int, providers: list[str]) -> Any:
    engine = load_engine()
    options = engine.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    try:
        session = engine.InferenceSession(data, options, providers=providers)
    except Exception as error:
        raise ModelError(f"ONNX Runtime can't open the model: {_first_line(error)} Export it again.") from error
    # ONNX Runtime goes on without a provider whose libraries don't load; who asked for it should know.
    for name in providers:
        if name not in session.get_providers():
            raise ProviderError(f"the execution provider {name!r} could not start here; its libraries may be missing.")
    return session


def _check_signature(card: ModelCard, session: Any) -> None:
    """Compare names, types and shapes of the graph with its card."""
    inputs = {value.name: value for value in session.get_inputs()}
    outputs = {value.name: value for value in session.get_outputs()}
    if set(inputs) != {INPUT_NAME} or set(outputs) != {OUTPUT_NAME}:
        raise CardError(
            f"the graph has to take {INPUT_NAME!r} and give {OUTPUT_NAME!r}, but it takes {sorted(inputs)} "
            f"and gives {sorted(outputs)}. Export the model again."
        )
    size = card.input.size_px
    picture = [size, size] if card.input.layout == "NHW" else [size, size, 3]
    _check_value(inputs[INPUT_NAME], "tensor(uint8)", picture)
    _check_value(outputs[OUTPUT_NAME], "tensor(float)", [len(card.labels)])


def _check_value(value: Any, dtype: str, rest: list[int]) -> None:
    """Check type and shape of an input or output, whose first axis must be open for any batch."""
    if value.type != dtype or list(value.shape[1:]) != rest or isinstance(value.shape[0], int):
        raise CardError(
            f"the graph is at odds with its card: {value.name!r} is {value.type} {value.shape}, "
            f"by the card it should be {dtype} {['batch', *rest]}. Export the model again."
        )


def _check_probabilities(model: LoadedModel) -> None:
    """Run two pictures: a graph without softmax, or with broken weights, is refused before anyone relies on it."""
    size = model.input_shape
    images = np.stack([np.zeros(size, np.uint8), np.full(size, 255, np.uint8)])
    rows = model.run(images)
    if not np.isfinite(rows).all() or (rows < 0).any() or np.abs(rows.sum(axis=1) - 1).max() > 1e-3:
        raise CardError("the graph gives no probabilities: its rows don't sum to 1. Export the model again.")


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return (text.splitlines()[0] if text else type(error).__name__).rstrip(".") + "."
