"""Ctrl-C that waits: what is being written is written whole before it takes effect. So does SIGTERM where it is one."""

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
    if threading.current_thread() is not threading.main_thread():
        yield  # signals go to another thread
        return
    present = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    handlers = {number: handler for number, handler in present.items() if callable(handler)}
    received: list[tuple[int, FrameType | None]] = []

    def answer(number: int, frame: FrameType | None) -> None:
        handlers[signal.Signals(number)](number, frame)

    def wait(number: int, frame: FrameType | None) -> None:
        received.append((number, frame))
        if len(received) > 1:
            answer(number, frame)

    for number in handlers:
        signal.signal(number, wait)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if received:
        answer(*received[0])


@contextmanager
def end_on_sigterm() -> Iterator[None]:
    """Take SIGTERM, by which services and time limits end a program, for Ctrl-C while the body runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
