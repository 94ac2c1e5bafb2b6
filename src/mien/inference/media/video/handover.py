"""From the thread that reads a video to the one that looks at it: a few items, an end, and a way to stop."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")

_LONGEST_WAIT_S: Final = 0.5
"""Ctrl-C does not reach a thread that waits without a limit on every system."""


class Ended(Exception):  # noqa: N818 - no error: it says that there is nothing more to take
    """Everything that was put has been taken, and nothing more will come."""


class Stalled(Exception):  # noqa: N818 - the caller makes an error of it that names its source
    """Nothing has come for too long."""


class Handover(Generic[Item]):
    """A short queue between two threads.

    Attributes:
        dropped: Items that nobody took before a newer one came; only with `keeps_newest`.
    """

    def __init__(self, room: int, *, keeps_newest: bool = False) -> None:
        """Begin empty.

        Args:
            room: Items that wait at most.
            keeps_newest: True: a full queue drops its oldest item, as a live picture should. False: putting waits.
        """
        self.dropped = 0
        self._room = room
        self._keeps_newest = keeps_newest
        self._items: deque[Item] = deque()
        self._change = threading.Condition()
        self._is_closed = False
        self._is_ended = False
        self._error: BaseException | None = None
        self._sign_s = time.monotonic()

    def put(self, item: Item | None) -> bool:
        """Hand one on.

        Args:
            item: None is only a sign of life.

        Returns:
            Whether anyone wants more.
        """
        with self._change:
            self._sign_s = time.monotonic()
            if item is not None:
                while len(self._items) >= self._room and not self._is_closed:
                    if self._keeps_newest:
                        self._items.popleft()
                        self.dropped += 1
                    else:
                        self._change.wait()
                if not self._is_closed:
                    self._items.append(item)
                self._change.notify_all()
            return not self._is_closed

    def end(self, error: BaseException | None = None) -> None:
        """Say that nothing more will come, and why if that is an error; it is raised after the last item is taken."""
        with self._change:
            self._is_ended, self._error = True, error
            self._change.notify_all()

    def close(self) -> None:
        """Say that nothing more is wanted; what waits is dropped."""
        with self._change:
            self._is_closed = True
            self._items.clear()
            self._change.notify_all()

    def take(self, patience_s: float | None = None) -> Item:
        """Wait for the next item.

        Args:
            patience_s: How long to wait without any sign of life; None: for ever.

        Raises:
            Ended: If nothing more will come, or nothing more was wanted.
            Stalled: If patience ran out.
            BaseException: What `end` was given, once.
        """
        begun_s = time.monotonic()
        with self._change:
            while not self._items:
                if self._is_ended or self._is_closed:
                    error, self._error = self._error, None
                    raise error or Ended
                wait_s = _LONGEST_WAIT_S
                if patience_s is not None:
                    left_s = max(begun_s, self._sign_s) + patience_s - time.monotonic()
                    if left_s <= 0:
                        raise Stalled
                    wait_s = min(wait_s, left_s)
                self._change.wait(wait_s)
            item = self._items.popleft()
            self._change.notify_all()
            return item
