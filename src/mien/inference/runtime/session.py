"""ONNX Runtime, told how many threads and which providers to use, and asked for what a model file promises."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mien.core.arguments import check_whole
from mien.core.card import ModelCard
from mien.core.errors import CardError, InputError, ModelError, ProviderError
from mien.inference.runtime.bundled import read_model
from mien.inference.runtime.engine import load_engine
from mien.inference.runtime.selfcontained import check_self_contained

MAX_DEFAULT_THREADS: Final = 4
"""More threads than this cost such small networks more in waiting for each other than they gain."""

MAX_THREADS: Final = 256
"""Each thread takes memory whether there is a processor for it or not; ten thousand of them take the machine down."""

_QUIET = 4  # ONNX Runtime's log severity "fatal": what goes wrong reaches us as an exception
_CPU = "CPUExecutionProvider"


@dataclass(frozen=True)
class Value:
    """What an input or output of a graph has to be.

    Attributes:
        dtype: ONNX Runtime's word for it, such as "tensor(uint8)".
        shape: Its sides; None where any will do.
    """

    dtype: str
    shape: tuple[int | None, ...]


class Session:
    """An open graph with its card; safe to use from several threads at once."""

    def __init__(self, card: ModelCard, session: Any) -> None:
        """Take what `open_model` has opened.

        Args:
            card: What the model says of itself.
            session: An `onnxruntime.InferenceSession` of the same file.
        """
        self.card = card
        self._session = session

    def check_signature(self, inputs: Mapping[str, Value], outputs: Mapping[str, Value]) -> None:
        """Compare names, types and shapes of the graph with what its card promises.

        Args:
            inputs: By name.
            outputs: By name.

        Raises:
            CardError: If anything differs.
        """
        taken = {value.name: value for value in self._session.get_inputs()}
        given = {value.name: value for value in self._session.get_outputs()}
        if set(taken) != set(inputs) or set(given) != set(outputs):
            raise CardError(
                f"the graph has to take {_list(inputs)} and give {_list(outputs)}, but it takes {_list(taken)} "
                f"and gives {_list(given)}. Export the model again."
            )
        for name, wanted in {**inputs, **outputs}.items():
            _check_value({**taken, **given}[name], wanted)

    def run(self, outputs: Sequence[str], inputs: Mapping[str, Any]) -> list[Any]:
        """Compute outputs.

        Args:
            outputs: Their names.
            inputs: Arrays by name.

        Raises:
            ModelError: If ONNX Runtime fails.
        """
        try:
            computed: list[Any] = self._session.run(list(outputs), dict(inputs))
        except Exception as error:
            shapes = ", ".join(f"{name} {getattr(value, 'shape', '')}" for name, value in inputs.items())
            raise ModelError(f"the model failed on {shapes}: {_first_line(error)}") from error
        return computed


def open_model(
    source: str | os.PathLike[str],
    *,
    threads: int | None = None,
    providers: Sequence[str] | None = None,
) -> Session:
    """Open a model file, having checked that it is whole and unchanged.

    Args:
        source: Name of a bundled model, or a path; see `find_model`.
        threads: Threads for one call, from 1 to `MAX_THREADS`. None means the processors this process may use, at most
            `MAX_DEFAULT_THREADS`. For many callers at once, 1 gives the most pictures a second.
        providers: ONNX Runtime execution providers, the preferred first. None means the CPU.

    Raises:
        InputError: If `threads` is no number from 1 to `MAX_THREADS`, or `providers` no list of names.
        ProviderError: If a provider is not available here.
        ModelError: If the file is absent, too large, no ONNX file, cut short, or can't be run.
        CardError: If the card is missing, of another version, or changed.
    """
    threads = count_threads(threads)
    names = _check_providers(providers)
    path, data, card = read_model(source)
    try:
        check_self_contained(data)
        return Session(card, open_graph(data, threads=threads, providers=names))
    except ModelError as error:
        raise type(error)(f"{path}: {error}") from error


def open_graph(graph: bytes, *, threads: int, providers: Sequence[str] = (_CPU,)) -> Any:
    """Open a graph in ONNX Runtime; one that comes from a file is checked by `open_model` before.

    Args:
        graph: An ONNX model, serialized.
        threads: Threads for one call.
        providers: Execution providers that are available here, the preferred first.

    Returns:
        An `onnxruntime.InferenceSession`.

    Raises:
        ModelError: If ONNX Runtime can't open it.
        ProviderError: If a provider could not start.
    """
    engine = load_engine()
    options = engine.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    try:
        session = engine.InferenceSession(graph, options, providers=list(providers))
    except Exception as error:
        raise ModelError(f"ONNX Runtime can't open the model: {_first_line(error)} Export it again.") from error
    # ONNX Runtime goes on without a provider whose libraries don't load; who asked for it should know.
    for name in providers:
        if name not in session.get_providers():
            raise ProviderError(f"the execution provider {name!r} could not start here; its libraries may be missing.")
    return session


def count_threads(threads: int | None) -> int:
    """Return how many threads a call uses.

    Args:
        threads: What the caller asked for; None for the processors this process may use, at most `MAX_DEFAULT_THREADS`.

    Raises:
        InputError: If it is no number from 1 to `MAX_THREADS`.
    """
    if threads is None:
        return min(count_processors(), MAX_DEFAULT_THREADS)
    return check_whole("threads", threads, 1, MAX_THREADS)


def count_processors() -> int:
    """Return how many logical processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


def _check_value(value: Any, wanted: Value) -> None:
    """Check type and shape of an input or output; a side that may be any must be open."""
    fits = len(value.shape) == len(wanted.shape) and all(
        side == expected if expected is not None else not isinstance(side, int)
        for side, expected in zip(value.shape, wanted.shape, strict=True)
    )
    if value.type != wanted.dtype or not fits:
        sides = ["any" if side is None else side for side in wanted.shape]
        raise CardError(
            f"the graph is at odds with its card: {value.name!r} is {value.type} {value.shape}, "
            f"by the card it should be {wanted.dtype} {sides}. Export the model again."
        )


def _list(names: Mapping[str, Any]) -> str:
    return ", ".join(repr(name) for name in sorted(names))


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return (text.splitlines()[0] if text else type(error).__name__).rstrip(".") + "."
