"""What the processes of one training tell each other besides gradients: what they will train, and what failed.

They meet in the store that `torchrun` keeps for them. It is there before torch's process group is, so that hosts with
different data are told apart before anything is read, and it is still there when the process group has broken.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import NamedTuple

from torch.distributed import DistError, PrefixStore, Store  # type: ignore[attr-defined]
from torch.distributed.rendezvous import rendezvous

from mien import __version__
from mien.core.errors import RunError
from mien.training.fit.processes import Processes

MEETING_S = 300.0
"""How long the processes wait for each other at the beginning: hosts start, and load torch, at different speeds."""

HEARING_S = 15.0
"""How long a process that failed waits for the first one to say the same: loading torch may take one longer."""

_POLL_S = 0.05


class Plan(NamedTuple):
    """What one process is about to train.

    Attributes:
        data: Hash of its data set.
        recipe: Hash of its resolved recipe.
        mien: Version of its mien.
    """

    data: str
    recipe: str
    mien: str = __version__


def agree(processes: Processes, plan: Plan) -> None:
    """Compare what all processes are about to train; each of them has to call it. Alone there is nothing to compare.

    Args:
        processes: Which of them this is.
        plan: Of this one.

    Raises:
        RunError: In every process alike, if two plans differ, or one of them has failed or not come within `MEETING_S`.
    """
    if processes.count == 1:
        return
    try:
        store = _open_store()
        store.set(f"plan/{processes.rank}", json.dumps(plan))
        check_alike([_hear_plan(store, rank, processes.count) for rank in range(processes.count)])
    except DistError as error:
        raise RunError(
            f"process {processes.rank} of {processes.count} lost the others: {str(error).splitlines()[0]}. Look at "
            "what they printed, on every host, and start all of them again."
        ) from None


def check_alike(plans: Sequence[Plan]) -> None:
    """Refuse plans that differ.

    Args:
        plans: One a process, by rank.

    Raises:
        RunError: If two of them differ; says in what, and which process has what.
    """
    if len(set(plans)) == 1:
        return
    differing = [
        f"{field}: {_say_who(values)}"
        for field, values in zip(Plan._fields, zip(*plans, strict=True), strict=True)
        if len(set(values)) > 1
    ]
    raise RunError(
        f"the processes would not train the same. {'; '.join(differing)}. Give every host the same data set, recipe "
        "and mien (hashes are sha256)."
    )


def _say_who(values: Sequence[str]) -> str:
    """Say which processes have which value, hashes by their first letters."""
    ranks = {value: [rank for rank, other in enumerate(values) if other == value] for value in values}
    return ", ".join(f"{value[:12]} in process {' and '.join(map(str, having))}" for value, having in ranks.items())


def tell_failure(processes: Processes, message: str) -> None:
    """Tell the other processes why this one ends; best effort, since what they share may be what failed.

    Args:
        processes: Which of them this is.
        message: What it says to the user.
    """
    try:
        _open_store().set(f"failure/{processes.rank}", message)
    except DistError:
        return


def hear_first() -> str | None:
    """Wait for what the first process says of its failure.

    Returns:
        What it said, or None if it said nothing within `HEARING_S`.
    """
    try:
        store = _open_store()
        return store.get("failure/0").decode() if _find(store, ["failure/0"], HEARING_S) else None
    except DistError:
        return None


def _hear_plan(store: Store, rank: int, count: int) -> Plan:
    """Wait for what one process is about to train."""
    found = _find(store, [f"plan/{rank}", f"failure/{rank}"], MEETING_S)
    if found is None:
        raise RunError(
            f"process {rank} of {count} has not come within {MEETING_S:.0f} s. Look at what it printed, on its own "
            "host, and start all of them again."
        )
    said = store.get(found).decode()
    if found.startswith("failure"):
        raise RunError(f"process {rank} of {count} failed: {said}")
    return Plan(*json.loads(said))


def _find(store: Store, keys: Sequence[str], wait_s: float) -> str | None:
    """Return the first of the keys to be there; asks again and again, since torch's own waiting is deaf to Ctrl-C."""
    end = time.monotonic() + wait_s
    while True:
        for key in keys:
            if store.check([key]):
                return key
        if time.monotonic() > end:
            return None
        time.sleep(_POLL_S)


@cache
def _open_store() -> Store:
    """Open the store that `torchrun` keeps; what an attempt before this one left in it is out of sight."""
    store, _, _ = next(iter(rendezvous("env://", timeout=timedelta(seconds=MEETING_S))))
    return PrefixStore(f"mien/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
