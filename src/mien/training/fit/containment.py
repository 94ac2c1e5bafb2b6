"""Lightning, kept to itself: what it says, sets and does to Ctrl-C does not reach our users or their program."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils import deterministic

_FILL = "fill_uninitialized_memory"
"""What torch's stubs don't know of."""


@contextmanager
def contain_lightning() -> Iterator[None]:
    """Silence Lightning's hints, and put back what it sets; to be held around a trainer's whole life.

    Raises:
        KeyboardInterrupt: Where Lightning answers Ctrl-C by leaving the interpreter.
    """
    on_interrupt, was_deterministic = signal.getsignal(signal.SIGINT), torch.are_deterministic_algorithms_enabled()
    was_filled = getattr(deterministic, _FILL)
    loggers = [logging.getLogger(name) for name in ("lightning", "lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            # with deterministic algorithms torch writes NaN into all memory it takes: finds faults, and costs some 7 %
            setattr(deterministic, _FILL, False)
            yield
    except SystemExit:  # Lightning's way to answer Ctrl-C; it also switched the signal off
        signal.signal(signal.SIGINT, on_interrupt)
        raise KeyboardInterrupt from None
    finally:
        torch.use_deterministic_algorithms(was_deterministic)
        setattr(deterministic, _FILL, was_filled)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
