"""Write a file or a folder wholly or not at all: a reader, or a process killed half-way, never sees a part of it.

What is being written lies beside its place, see `partials`. What takes the place of something keeps its permissions.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mien.core.errors import InputError
from mien.core.partials import create_partial, remove, remove_abandoned, unlock

_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
"""What `write` fails with, without naming the file."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Those of them that end when somebody makes room."""

_REMEDY = "Name a place that can be written to."


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the place of `path` in one step.

    Args:
        path: The file that shall exist in the end. Its folder is made if absent; a link is followed.

    Raises:
        InputError: If the file can't be written, `path` is a folder, a device or a link that leads back to itself, or
            the disk is full. Errors of the body that have nothing to do with the temporary path are passed on.
    """
    with _write_in_one_step(path, _find_file(path), is_folder=False) as partial:
        yield partial


def check_new_file(path: Path) -> None:
    """Refuse a file that `atomic_file` can't write, before anything costly is done for it.

    Raises:
        InputError: If `path` is a folder, a device or a link that leads back to itself, or if the folder it lies in
            can't be written to.
    """
    _check_writable(path, _find_file(path).parent)


@contextmanager
def blame_file(path: Path) -> Iterator[None]:
    """Turn errors of the system in writing a file in place, without a partial, into ours.

    Raises:
        InputError: If the body fails with an `OSError`; it names `path` and the reason.
    """
    with _blame(path):
        yield


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

    Args:
        path: The folder that shall exist in the end. Those above it are made if absent.

    Raises:
        InputError: If the folder can't be made, see `check_new_folder`, or the disk is full. Errors of the body that
            have nothing to do with the temporary folder are passed on.
    """
    check_new_folder(path)
    with _write_in_one_step(path, follow_links(path), is_folder=True) as partial:
        yield partial


def check_new_folder(path: Path) -> None:
    """Refuse a folder that `atomic_folder` can't make, before anything costly is done for it.

    Raises:
        InputError: If `path` exists and is not an empty folder, if it is the current folder, a disk's own folder or a
            link that leads back to itself, or if the folder it lies in can't be written to.
    """
    with _blame(path):
        target = follow_links(path)
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise InputError(f"{path} exists already. Name another folder, or remove it first.")
        if os.path.ismount(target) or target == Path(os.path.realpath(os.curdir)):
            raise InputError(f"{path} can't be replaced in one step while it is in use. Name a new folder inside it.")
    _check_writable(path, target.parent)


def check_shared_folder(path: Path) -> None:
    """Refuse a folder that files can't be put into one by one, whether it is there or has to be made.

    Raises:
        InputError: If `path` or the nearest folder above it that exists is a file or can't be written to, or if it is
            a link that leads back to itself.
    """
    _check_writable(path, follow_links(path))


def follow_links(path: Path) -> Path:
    """Return the place that a path stands for, whether anything is there or not.

    Raises:
        InputError: If its links lead back to themselves.
    """
    with _blame(path):
        try:
            target = Path(os.path.realpath(path))
        except ValueError as error:  # a null byte
            raise _refusal(path, str(error)) from None
        if any(place.is_symlink() for place in (target, *target.parents)):
            raise _refusal(path, "its links lead in a circle")
    return target


def _find_file(path: Path) -> Path:
    """Return where a file's links lead; refuse what is there and no file."""
    target = follow_links(path)
    with _blame(path):
        if path.exists() and not path.is_file():  # the target of /dev/stdout is no path
            raise _refusal(path, "it is a folder" if path.is_dir() else "it is no ordinary file")
    return target


def _check_writable(path: Path, folder: Path) -> None:
    """Refuse a folder, or the nearest one above it that exists, that can't be written to; errors name `path`."""
    with _blame(path):
        nearest = next(place for place in (folder, *folder.parents) if place.exists())
        if not nearest.is_dir():
            raise _refusal(path, f"{nearest} is a file")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise _refusal(path, f"no leave to write into {nearest}")


@contextmanager
def _write_in_one_step(path: Path, target: Path, *, is_folder: bool) -> Iterator[Path]:
    """Yield a new partial of `target`, and let it take its place; errors name `path`, as the caller called it."""
    with _blame(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
        remove_abandoned(target)
        partial, lock = create_partial(target, is_folder=is_folder)
    try:
        _set_mode(partial, mode, stat.S_IRWXU)
        with _blame(path, only_for=partial):
            yield partial
        with _blame(path):
            _flush(partial)
            if is_folder:
                with suppress(FileNotFoundError):
                    target.rmdir()  # an empty one; not every system lets a folder replace it
            _set_mode(partial, mode)
            partial.replace(target)
        with suppress(OSError):  # it is written; not every file system can flush a folder
            _flush(target.parent, with_contents=False)
    finally:
        remove(partial)
        unlock(lock)


@contextmanager
def _blame(path: Path, only_for: Path | None = None) -> Iterator[None]:
    """Turn the system's errors in writing into ours: all of them, or those that concern one path."""
    try:
        yield
    except OSError as error:
        if only_for is not None and not _concerns(error, only_for):
            raise
        remedy = "Make room there, or name another place." if error.errno in _FULL else _REMEDY
        raise _refusal(path, error.strerror or str(error), remedy) from error


def _refusal(path: Path, reason: str, remedy: str = _REMEDY) -> InputError:
    return InputError(f"can't write {path}: {reason}. {remedy}")


def _concerns(error: OSError, path: Path) -> bool:
    """Whether an error came from writing to `path` or below it."""
    if isinstance(error.filename, str | bytes):
        named = Path(os.fsdecode(error.filename))
        return path == named or path in named.parents
    return error.errno in _DISK_ERRORS


def _set_mode(partial: Path, mode: int | None, more: int = 0) -> None:
    """Give a partial the permissions of what it replaces, if there is anything, and some more."""
    if mode is not None:
        with suppress(OSError):  # not every file system has them
            partial.chmod(mode | more)


def _flush(path: Path, *, with_contents: bool = True) -> None:
    """Ask the system to have a file, or a folder and all that is in it, on disk before going on."""
    if path.is_dir() and with_contents:
        for inside in path.iterdir():
            _flush(inside)
    if sys.platform == "win32" and path.is_dir():
        return
    handle = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
