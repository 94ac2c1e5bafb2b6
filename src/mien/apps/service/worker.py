"""One of several workers: a process that makes its app by the environment, and goes when its parent has gone."""

from __future__ import annotations

import signal
import threading
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess

from fastapi import FastAPI

from mien.apps.service.app import create_app


def create_worker_app() -> FastAPI:
    """Build the app of a worker.

    Raises:
        InputError: If the environment's settings can't be used.
    """
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_outlive_nobody, args=[parent], name="mien-parent", daemon=True).start()
    return create_app()


def _outlive_nobody(parent: BaseProcess) -> None:
    """Stop in good order once the parent has ended, however it did: nobody else would tell this process to.

    A parent that is killed can't say so. It holds one end of a pipe as long as it lives, on every system.
    """
    parent.join()
    signal.raise_signal(signal.SIGTERM)
