"""What is costly and never changed is made once for all workers of a test run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

if sys.platform != "win32":
    import fcntl


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a file or a folder that whichever worker comes first has made; the others wait.

    Args:
        factory: Knows the folder of the run.
        name: Of the file or folder.
        make: Makes it at the path that it is given.
    """
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ and sys.platform != "win32":
        folder = folder.parent
    place, partial = folder / name, folder / f"{name}.partial"
    with (folder / f"{name}.lock").open("w") as lock:
        if sys.platform != "win32":
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            make(partial)
            partial.rename(place)
    return place
