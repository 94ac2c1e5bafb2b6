"""The picture files of a folder, whatever lies beside them and however its links lead."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from mien.core.errors import UnreadableMediaError
from mien.inference.media.pictures import SUFFIXES


def list_pictures(
    path: Path, suffixes: Collection[str] = SUFFIXES, on_unlisted: Callable[[Path, str], None] | None = None
) -> list[Path]:
    """Return the pictures that a path means: itself, or if it is a folder, the picture files in it at any depth.

    Files and folders whose name begins with a dot are left out; linked folders are entered, each folder once.

    Args:
        path: A file or a folder. A path where nothing is counts as a file: reading it will say so.
        suffixes: What counts as a picture file in a folder, in lower case.
        on_unlisted: Is called with each folder that can't be listed, and why; the others go on.

    Returns:
        Sorted paths; empty for a folder without picture files.

    Raises:
        UnreadableMediaError: If a folder can't be listed and there is no `on_unlisted`.
    """
    if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where a name is too long for any file
        return [path]

    def refuse(error: OSError) -> None:
        if on_unlisted is None:
            raise UnreadableMediaError(f"the folder {error.filename} can't be listed: {error.strerror}.") from error
        on_unlisted(Path(error.filename or path), error.strerror or str(error))

    found: list[Path] = []
    entered: set[str] = set()
    for folder, subfolders, names in os.walk(path, followlinks=True, onerror=refuse):
        real = os.path.realpath(folder)
        if real in entered:  # a link led back to where we were
            subfolders.clear()
            continue
        entered.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        visible = (Path(folder, name) for name in names if not name.startswith("."))
        found.extend(file for file in visible if file.suffix.lower() in suffixes)
    return sorted(found)
