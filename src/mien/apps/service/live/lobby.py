"""How many live connections there may be at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.applications import Starlette


class Lobby:
    """Counts the connections of one process.

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


def find_lobby(app: Starlette) -> Lobby:
    """Return an app's lobby; the first who asks opens it.

    Args:
        app: Keeps it as `state.lobby`.
    """
    if not hasattr(app.state, "lobby"):
        app.state.lobby = Lobby()
    lobby: Lobby = app.state.lobby
    return lobby
