"""Which file a model's name or path means, its bytes, and its card."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

from mien.core.card import ExpressionCard, FacesCard
from mien.core.errors import ModelError
from mien.inference.runtime.envelope import read_card

BUNDLED: Final[dict[str, str]] = {"expression": "expression.onnx", "faces": "faces.onnx"}
"""Name of a bundled model: its file in the package `mien.inference.runtime.weights`."""

DEFAULT_MODEL: Final = "expression"

MAX_MODEL_BYTES: Final = 512 * 2**20
"""Larger files are refused before they are read: expression networks have a few megabytes."""


class ModelFile(NamedTuple):
    """A model file that was read, its card checked; its graph is not open yet."""

    path: Path
    data: bytes
    card: ExpressionCard | FacesCard


def read_model(source: str | os.PathLike[str] = DEFAULT_MODEL) -> ModelFile:
    """Read a model and check its card; errors name the file.

    Args:
        source: Name of a bundled model, or a path; see `find_model`.

    Raises:
        ModelError: If the file is absent, too large, no ONNX file, or cut short.
        CardError: If the card is missing, of another version, changed, or belongs to another graph.
    """
    path = find_model(source)
    data = read_model_file(path)
    try:
        return ModelFile(path, data, read_card(data))
    except ModelError as error:
        raise type(error)(f"{path}: {error}") from error


def find_model(source: str | os.PathLike[str]) -> Path:
    """Return the file that a name or a path means; a name goes before a path of the same spelling.

    Args:
        source: A name in `BUNDLED`, or a path. Write "./expression" or give a `Path` to mean a file of that name.

    Raises:
        ModelError: If it is neither the name of a bundled model nor an existing file.
    """
    if isinstance(source, str) and source in BUNDLED:
        return Path(str(files("mien.inference.runtime.weights") / BUNDLED[source]))
    path = Path(source)
    try:
        exists = path.exists()
    except (OSError, ValueError):  # a name that no file can have, such as one with a null byte or of 5,000 letters
        exists = False
    if not exists:
        raise ModelError(
            f"there is no model {os.fspath(source)!r}: no bundled model has that name ({', '.join(BUNDLED)}), "
            "and no file is there. Name one of these, or the path of a file that `mien export` wrote."
        )
    return path


def read_model_file(path: Path) -> bytes:
    """Return the whole file.

    Raises:
        ModelError: If it is no file, can't be read, or has more than `MAX_MODEL_BYTES`.
    """
    try:
        if not path.is_file():
            raise ModelError(f"{path} is no file, so it can't be a model. Name a file that `mien export` wrote.")
        size = path.stat().st_size
        if size > MAX_MODEL_BYTES:
            raise ModelError(
                f"{path} has {size / 2**20:,.0f} MiB; mien reads models of at most {MAX_MODEL_BYTES // 2**20} MiB."
            )
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror or error}.") from error
