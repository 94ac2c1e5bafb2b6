"""Which file a model's name or path means, its bytes, and its card.

A name goes before a path of the same spelling: no file in the working directory changes what "expression" means.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

from mien.core.card import ExpressionCard, FacesCard
from mien.core.errors import ModelError
from mien.core.spelling import find_meant
from mien.inference.runtime.envelope import read_card

BUNDLED: Final[dict[str, str]] = {
    "expression": "expression.onnx",
    "nano": "expression-nano.onnx",
    "faces": "faces.onnx",
}
"""Name of a bundled model: its file in the package `mien.inference.runtime.weights`. A new one is a file and a line."""

_BY_FILE: Final = {Path(file).stem: name for name, file in BUNDLED.items()}
"""By a bundled file's name without suffix, which its card has for its own, too, the name above; both mean it."""

DEFAULT_MODEL: Final = "expression"

MODELS_DIR: Final = "MIEN_MODELS_DIR"
"""Variable of the environment that names the folder of optional models; see `find_models_folder`."""

MAX_MODEL_BYTES: Final = 512 * 2**20
"""Larger files are refused before they are read: expression networks have a few megabytes."""

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
"""No separator, no suffix, nothing that a file system reads in its own way: no path is meant by such a word."""

_DEVICES: Final = frozenset({"CON", "PRN", "AUX", "NUL"} | {f"{port}{n}" for port in ("COM", "LPT") for n in range(10)})
"""What Windows takes for a device whatever suffix stands behind it; refused everywhere alike."""


class ModelFile(NamedTuple):
    """A model file that was read, its card checked; its graph is not open yet."""

    path: Path
    data: bytes
    card: ExpressionCard | FacesCard


def read_model(source: str | os.PathLike[str] = DEFAULT_MODEL) -> ModelFile:
    """Read a model and check its card; errors name the file.

    Args:
        source: A model's name, or a path; see `find_model`.

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
    """Return the file that a name or a path means.

    Args:
        source: A name: letters a-z, digits, `-` and `_`, at most 64 of them. It means a bundled model, which may be
            called as its card calls it, too, or else NAME.onnx in the folder of optional ones, and never a file in the
            working directory. All else is a path, so write "./large" or give a
            `Path` to mean a file called like a name.

    Raises:
        ModelError: If no model has that name, no file is at that path, or it is neither.
    """
    if not isinstance(source, str | os.PathLike):
        raise ModelError(f"a model is told by its name or path, got {type(source).__name__} {source!r:.60}.")
    if isinstance(source, str) and _NAME.fullmatch(source):
        return _find_named(source)
    path = Path(source)
    try:
        exists = path.exists()
    except (OSError, ValueError):  # a name that no file can have, such as one with a null byte or of 5,000 letters
        exists = False
    if not exists or not os.fspath(source):  # an empty path would mean the working directory
        raise ModelError(
            f"there is no model {os.fspath(source)!r}: no file is there. Give the name of a bundled model "
            f"({', '.join(BUNDLED)}) or of one in {find_models_folder()}, or the path of a file that `mien export` "
            "wrote."
        )
    return path


def list_models() -> dict[str, Path]:
    """Return the file of every model that can be called by a name here; none is opened.

    Returns:
        The bundled ones, then those in the folder of optional ones by the alphabet. A file there that is called like a
        bundled model is left out, as its name doesn't mean it.

    Raises:
        ModelError: If the folder of optional models is there and can't be listed.
    """
    folder = find_models_folder()
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix == ".onnx")
    except FileNotFoundError:  # usually nobody made it
        found = []
    except OSError as error:
        raise ModelError(f"the folder of models {folder} can't be listed: {error.strerror or error}.") from error
    bundled = {name: find_model(name) for name in BUNDLED}
    optional = {path.stem: path for path in found if _can_be_optional(path.stem)}
    return bundled | optional


def find_models_folder() -> Path:
    """Return the folder in which optional models lie as NAME.onnx, whether it is there or not.

    `MIEN_MODELS_DIR` names it. Otherwise it is `mien/models` in the system's place for a person's data:
    `XDG_DATA_HOME` or `~/.local/share` on Linux, `~/Library/Application Support` on macOS, `%LOCALAPPDATA%` on Windows.
    """
    named = os.environ.get(MODELS_DIR)
    return Path(named) if named else find_data_folder() / "mien" / "models"


def find_data_folder() -> Path:
    """Return where programs keep a person's data.

    It is one folder on three systems, which is too little for a dependency such as platformdirs.

    Source: the XDG Base Directory Specification, by which a relative path is ignored.
    """
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home raises where nobody has a home, as in some containers
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path(home, "AppData", "Local"))
    if sys.platform == "darwin":
        return Path(home, "Library", "Application Support")
    named = Path(os.environ.get("XDG_DATA_HOME", ""))
    return named if named.is_absolute() else Path(home, ".local", "share")


def _find_named(name: str) -> Path:
    bundled = BUNDLED.get(_BY_FILE.get(name, name))
    if bundled is not None:
        return Path(str(files("mien.inference.runtime.weights") / bundled))
    folder = find_models_folder()
    path = folder / f"{name}.onnx"
    if _can_be_optional(name) and _is_there(path):
        return path
    raise ModelError(
        f"there is no model {name!r}{_name_similar(name)}: it is none of the bundled ones ({', '.join(BUNDLED)}), and "
        f"{folder} holds no {name}.onnx. Put the file there, set {MODELS_DIR} to the folder it lies in, or "
        f"give its path, such as ./{name}.onnx."
    )


def _name_similar(name: str) -> str:
    """Ask for the model that was probably meant; nothing if none is called alike."""
    names = list(BUNDLED)
    with suppress(ModelError):  # a folder that can't be listed is another complaint
        names = list(list_models())
    meant = find_meant(name, names)
    return f" (did you mean {meant!r}?)" if meant else ""


def _can_be_optional(name: str) -> bool:
    return name not in BUNDLED and name not in _BY_FILE and bool(_NAME.fullmatch(name)) and name.upper() not in _DEVICES


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror or error}.") from error
    return True


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
