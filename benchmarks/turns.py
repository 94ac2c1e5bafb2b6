"""Contenders that take turns in one run, so that a busy machine slows all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

Name = TypeVar("Name")


def take_turns(contenders: Mapping[Name, Callable[[], object]], turns: int, calls: int) -> dict[Name, list[float]]:
    """Time each contender in every turn.

    The first turn warms up and is not counted. Nor is the first call of any turn: it meets the caches, and perhaps the
    waiting threads, of the contender before.

    Args:
        contenders: What to call, by name.
        turns: How often each gets its turn, at least 1.
        calls: Counted calls a turn, at least 1.

    Returns:
        By name, `turns` times `calls` seconds.
    """
    seconds: dict[Name, list[float]] = {name: [] for name in contenders}
    for turn in range(turns + 1):
        for name, call in contenders.items():
            call()
            for _ in range(calls):
                began = time.perf_counter()
                call()
                if turn:
                    seconds[name].append(time.perf_counter() - began)
    return seconds
