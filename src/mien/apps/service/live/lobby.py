"""How many live connections there may be at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Lobby:
    """Counts the live connections of one process.

    Attributes:
        count: Connections that are open.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.count = 0

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Count a connection as long as it lasts."""
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1
