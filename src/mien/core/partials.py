"""What a file or folder is called while it is being written, whose it is, and what becomes of it when that is nobody.

It lies beside its place as `.NAME.partial-XXXXXXXX`, locked for as long as its process lives. A part without a lock was
left by a process that was killed; the next writer of the same place removes it.
"""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_LONGEST_NAME_BYTES = 200
"""Of a name inside a partial's, which has to be shorter than the 255 bytes that file systems take."""


def create_partial(target: Path, *, is_folder: bool) -> tuple[Path, int | None]:
    """Make an empty partial and lock it; another one if a writer beside us took it for abandoned before that.

    Args:
        target: Whose place it shall take.
        is_folder: Whether to make a folder, not a file.

    Returns:
        The partial and its lock, for `unlock`; the lock is None where there are none.

    Raises:
        OSError: If nothing can be made there.
    """
    while True:
        partial = target.with_name(f"{_name_partial(target)}{uuid.uuid4().hex[:8]}")
        if is_folder:
            partial.mkdir()
        else:
            partial.touch(exist_ok=False)
        with suppress(FileNotFoundError):
            lock = _lock(partial)
            if partial.exists():
                return partial, lock
            unlock(lock)


def remove_abandoned(target: Path) -> None:
    """Remove the partials of `target` whose process is gone."""
    prefix = _name_partial(target)
    with suppress(OSError), os.scandir(target.parent) as entries:
        for partial in [Path(entry.path) for entry in entries if entry.name.startswith(prefix)]:
            with suppress(OSError):
                lock = _lock(partial, is_waiting=False)
                if lock is not None:
                    remove(partial)
                    unlock(lock)


def remove(partial: Path) -> None:
    """Remove a file or a folder, if it is there and can be removed."""
    if partial.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
    else:
        with suppress(OSError):
            partial.unlink()


def unlock(lock: int | None) -> None:
    """Give a lock back, if there is one."""
    if lock is not None:
        os.close(lock)


def _name_partial(target: Path) -> str:
    """Return how the names of a target's partials begin."""
    name = os.fsencode(target.name)[:_LONGEST_NAME_BYTES].decode(errors="ignore")
    return f".{name}.partial-"


def _lock(partial: Path, *, is_waiting: bool = True) -> int | None:
    """Lock a partial; the lock ends with the process, however it ends.

    Args:
        partial: What to lock.
        is_waiting: True: lock it as ours, where the file system can lock. False: see whether anyone has it.

    Returns:
        The lock; None where there are no such locks, so that everything counts as being in use.

    Raises:
        OSError: If somebody has it and `is_waiting` is False, or it is gone.
    """
    if sys.platform == "win32":
        return None
    handle = os.open(partial, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH if is_waiting else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        if not is_waiting:
            os.close(handle)
            raise
    return handle
