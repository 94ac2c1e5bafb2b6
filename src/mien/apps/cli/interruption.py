"""Ctrl-C that waits: what is being written is written whole before it takes effect."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def in_one_piece() -> Iterator[None]:
    """Let Ctrl-C wait until the body is done, so that it does not end half-way.

    Whoever presses it twice does not wait: what the body writes to may never be read.

    Raises:
        KeyboardInterrupt: After the body, if Ctrl-C came while it ran; within it for a second one.
    """
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        yield  # the signal does nothing, or goes to another thread
        return
    received: list[tuple[int, FrameType | None]] = []

    def wait(number: int, frame: FrameType | None) -> None:
        received.append((number, frame))
        if len(received) > 1:
            handler(number, frame)

    signal.signal(signal.SIGINT, wait)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if received:
        handler(*received[0])
