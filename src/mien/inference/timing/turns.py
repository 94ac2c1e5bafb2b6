"""Contenders that take turns in one run, so that a busy machine slows all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

Name = TypeVar("Name")

MAX_CALLS: Final = 1000
"""Counted calls a turn, at most: more of them tell nothing new."""

_TRIALS: Final = 3
_SHORTEST_S: Final = 1e-6  # coarse clocks may see no time pass


def take_turns(
    contenders: Mapping[Name, Callable[[], object]],
    turns: int,
    calls: int | Mapping[Name, int],
    *,
    is_warm: bool = False,
) -> dict[Name, list[float]]:
    """Time each contender in every turn.

    A turn before the first warms up and is not counted. Nor is the first call of any turn: it meets the caches, and
    perhaps the waiting threads, of the contender before.

    Args:
        contenders: What to call, by name.
        turns: How often each gets its turn, at least 1.
        calls: Counted calls a turn, at least 1; for all, or by name.
        is_warm: Leaves out the turn that warms up: `plan_calls` has called all of them already.

    Returns:
        By name, `turns` times `calls` seconds.
    """
    seconds: dict[Name, list[float]] = {name: [] for name in contenders}
    for turn in range(1 if is_warm else 0, turns + 1):
        for name, call in contenders.items():
            call()
            for _ in range(calls if isinstance(calls, int) else calls[name]):
                began = time.perf_counter()
                call()
                if turn:
                    seconds[name].append(time.perf_counter() - began)
    return seconds


def plan_calls(contenders: Mapping[Name, Callable[[], object]], turns: int, seconds: float) -> dict[Name, int]:
    """Call each contender a few times, which warms it up, to find out how many calls a turn there is time for.

    Args:
        contenders: What to call, by name.
        turns: How often each gets its turn, at least 1.
        seconds: For all contenders and turns together, the uncounted calls included; each gets the same share. Slow
            contenders take longer than that: each gets one call a turn in any case.

    Returns:
        By name, 1 to `MAX_CALLS`.
    """
    share_s = seconds / len(contenders) / (turns + 1)  # as much as a turn is spent here
    planned = {}
    for name, call in contenders.items():
        call()
        taken: list[float] = []
        while not taken or (len(taken) < _TRIALS and sum(taken) < share_s):
            began = time.perf_counter()
            call()
            taken.append(time.perf_counter() - began)
        planned[name] = min(max(int(share_s / max(min(taken), _SHORTEST_S)) - 1, 1), MAX_CALLS)
    return planned
