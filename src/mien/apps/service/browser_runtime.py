"""onnxruntime-web, with which the page reads pictures on the device: where a person puts it, and what of it is served.

It is not part of mien, as it takes more room than all of it. One command brings it from the npm registry; where it is
absent, the page lacks the switch "On this device". It comes from this service, never from elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mien.apps.service.settings import ServiceSettings
from mien.inference.runtime.bundled import find_data_folder

RUNTIME_VERSION: Final = "1.30.0"
"""Of onnxruntime-web: the one that `tests/apps/service/page/test_local_parity.py` was passed with."""

NEEDED: Final = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
"""Files without which nothing runs. With WebGPU `ort.webgpu.min.mjs` and what it names are asked for, too."""

CONTENT_TYPES: Final = {".mjs": "text/javascript; charset=utf-8", ".wasm": "application/wasm"}
"""By suffix the type of what is served; all else in the folder stays there."""


def find_runtime(settings: ServiceSettings) -> Path | None:
    """Return the folder of onnxruntime-web, links followed; None where it is absent or incomplete.

    Args:
        settings: May name another folder than the usual one.
    """
    named = settings.browser_runtime
    folder = named if named is not None else _find_prefix() / "node_modules" / "onnxruntime-web" / "dist"
    try:
        real = folder.expanduser().resolve(strict=True)
        return real if all(find_file(real, name) for name in NEEDED) else None
    except (OSError, RuntimeError):  # absent, not to be read, links in a circle, or nobody has a home
        return None


def find_file(folder: Path, name: str) -> Path | None:
    """Return a file of onnxruntime-web's folder that may be served, by its name alone; None if there is none.

    The name is looked up among the entries, never joined to a path, and links are not followed.

    Args:
        folder: As `find_runtime` gives it.
        name: Whatever a client asked for.
    """
    if Path(name).suffix not in CONTENT_TYPES:
        return None
    found = next((entry for entry in folder.iterdir() if entry.name == name), None)
    return found if found is not None and found.is_file() and not found.is_symlink() else None


def tell_install() -> str:
    """Return the command that brings onnxruntime-web to its usual place; nothing of the package is run by it."""
    prefix = _find_prefix()
    try:
        shown = f"~/{prefix.relative_to(Path.home()).as_posix()}"
    except (ValueError, RuntimeError):  # not below the home folder, or nobody has one
        shown = str(prefix)
    return f"npm install --ignore-scripts --prefix {shown} onnxruntime-web@{RUNTIME_VERSION}"


def _find_prefix() -> Path:
    """Return the folder that npm installs into: `mien` in the system's place for a person's data."""
    return find_data_folder() / "mien"
