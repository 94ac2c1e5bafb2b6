"""Micro-batching without a clock: whoever comes while a batch is computed waits for the next one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, cast

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class _Turn(Generic[Item, Answer]):
    """One item on its way, and the thread that waits for its answer."""

    __slots__ = ("answer", "batch", "error", "item", "weight", "woken")

    def __init__(self, item: Item, weight: int) -> None:
        self.item = item
        self.weight = weight
        self.woken = threading.Event()
        self.batch: list[_Turn[Item, Answer]] | None = None  # what this thread is to compute, itself first
        self.answer: Answer | None = None
        self.error: BaseException | None = None


class Batcher(Generic[Item, Answer]):
    """Lets threads share calls of a function that is cheaper for several items than for one after the other.

    Who comes while a lane is free computes at once, for itself alone: nobody ever waits for company. Who comes when
    none is lines up. When a batch is done, the first in the line takes those behind it along, as many as fit, and
    computes for all of them. So each thread computes one batch at most, batches begin in the order of coming, and the
    line is never longer than the number of threads.

    Source: the Leader/Followers pattern, Schmidt et al., https://www.dre.vanderbilt.edu/~schmidt/PDF/lf.pdf
    """

    def __init__(
        self,
        compute: Callable[[list[Item]], Sequence[Answer]],
        *,
        most: int,
        weigh: Callable[[Item], int] = lambda _: 1,
        lanes: int = 1,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        """Take the function.

        Args:
            compute: From items to as many answers in their order.
            most: The weight of a batch. An item that alone weighs more is a batch of its own.
            weigh: Gives an item's weight.
            lanes: Batches that are computed at the same time. More keep more processors busy, and make smaller batches.
            on_batch: Is told the weight of each batch that was computed.
        """
        self._compute = compute
        self._most = most
        self._weigh = weigh
        self._on_batch = on_batch
        self._lock = threading.Lock()
        self._line: deque[_Turn[Item, Answer]] = deque()  # empty as long as a lane is free
        self._free_lanes = lanes

    def ask(self, item: Item) -> Answer:
        """Return the answer to one item, computed with those of other threads.

        Args:
            item: As `compute` takes it.

        Raises:
            BaseException: What `compute` raised for the batch that held the item.
        """
        turn: _Turn[Item, Answer] = _Turn(item, self._weigh(item))
        with self._lock:
            if self._free_lanes:
                self._free_lanes -= 1
                turn.batch = [turn]
            else:
                self._line.append(turn)
        if turn.batch is None:
            self._wait(turn)
        if turn.batch is not None:
            self._lead(turn.batch)
        if turn.error is not None:
            raise turn.error
        return cast(Answer, turn.answer)

    def _wait(self, turn: _Turn[Item, Answer]) -> None:
        """Wait until there is an answer, or this thread is the one to compute."""
        try:
            turn.woken.wait()
        except BaseException:  # such as Ctrl-C: nobody will fetch the answer, and nobody may wait for this thread
            with self._lock:
                if turn.batch is not None:
                    self._pass_on(turn.batch[1:])
                elif turn in self._line:
                    self._line.remove(turn)
            raise

    def _lead(self, batch: list[_Turn[Item, Answer]]) -> None:
        """Compute for this thread's own turn, and those behind it."""
        try:
            answers = self._compute([turn.item for turn in batch])
            for turn, answer in zip(batch, answers, strict=True):
                turn.answer = answer
        except BaseException as error:  # noqa: BLE001 - each thread of the batch raises it
            for turn in batch:
                turn.error = error
        finally:
            with self._lock:
                self._pass_on([])
            for turn in batch:
                turn.woken.set()
        if self._on_batch is not None and batch[0].error is None:
            self._on_batch(sum(turn.weight for turn in batch))

    def _take(self) -> list[_Turn[Item, Answer]]:
        """Take as many from the head of the line as fit into a batch, one at least if there is one."""
        batch: list[_Turn[Item, Answer]] = []
        weight = 0
        while self._line and (not batch or weight + self._line[0].weight <= self._most):
            batch.append(self._line.popleft())
            weight += batch[-1].weight
        return batch

    def _pass_on(self, batch: list[_Turn[Item, Answer]]) -> None:
        """Give a lane to the first of a batch, or to those in the line, or to whoever comes; the lock is held."""
        batch = batch or self._take()
        if batch:
            batch[0].batch = batch
            batch[0].woken.set()
        else:
            self._free_lanes += 1
