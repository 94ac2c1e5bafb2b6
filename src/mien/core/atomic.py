"""Write a file or a folder wholly or not at all: a reader, or a process killed half-way, never sees a part of it."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mien.core.errors import InputError


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the place of `path` in one step.

    Args:
        path: The file that shall exist in the end. Its folder is made if absent.

    Raises:
        InputError: If the folder can't be written to, or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.partial-{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush_to_disk(temporary)
        os.replace(temporary, path)
        _flush_to_disk(path.parent)
    except OSError as error:
        raise InputError(f"can't write {path}: {error.strerror or error}. Name a place that can be written to.") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file in one step. See `atomic_file` for what it raises."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write a whole UTF-8 file in one step, its line ends as given. See `atomic_file` for what it raises."""
    write_bytes(path, text.encode())


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it is renamed to `path` in one step.

    What a killed process left beside `path` earlier is removed first.

    Raises:
        InputError: If `path` exists and is not an empty folder, or its parent can't be written to.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise InputError(f"{path} exists already. Name another folder, or remove it first.")
    temporary = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        temporary.mkdir()
        yield temporary
        for file in temporary.rglob("*"):
            _flush_to_disk(file)
        os.replace(temporary, path)
        _flush_to_disk(path.parent)
    except OSError as error:
        raise InputError(f"can't write {path}: {error.strerror or error}. Name a place that can be written to.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_abandoned(path: Path) -> None:
    """Remove partial folders of `path` whose process is gone."""
    for left in path.parent.glob(f".{path.name}.partial-*"):
        owner = left.name.rpartition("-")[2]
        if owner.isdigit() and not _is_running(int(owner)):
            shutil.rmtree(left, ignore_errors=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return process != os.getpid()


def _flush_to_disk(path: Path) -> None:
    """Ask the system to have the file or folder on disk before going on."""
    with suppress(PermissionError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
