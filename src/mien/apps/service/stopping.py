"""The end of the service: from the signal on nothing new is taken, and what was accepted has a time to be finished."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.apps.service.admission import Draining
from mien.apps.service.problems import Refusal, answer, to_refusal

STATE: Final = "stop"
"""The name under which the server's connections find the `Stop` in the state of the app's lifespan."""

_STILL_ANSWERED: Final = frozenset({"/health", "/metrics"})


class Stop:
    """Whether the service was told to stop, and how much time what it accepted still has."""

    def __init__(self, drain_s: float) -> None:
        """Begin with nobody having said so.

        Args:
            drain_s: How long accepted work may take from the signal on.
        """
        self._drain_s = drain_s
        self._begin_s: float | None = None

    @property
    def is_begun(self) -> bool:
        """Whether nothing new is taken."""
        return self._begin_s is not None

    @property
    def left_s(self) -> float:
        """Seconds that accepted work still has; all of them before the stop."""
        if self._begin_s is None:
            return self._drain_s
        return max(0.0, self._begin_s + self._drain_s - time.monotonic())

    def forget(self) -> None:
        """Take requests: an app that was stopped may be started again."""
        self._begin_s = None

    def begin(self) -> None:
        """Take nothing new from now on; only the first call counts."""
        if self._begin_s is None:
            self._begin_s = time.monotonic()


def begin_stop(state: Mapping[str, Any]) -> None:
    """Tell the app that the server stops, which uvicorn itself does only once all connections are closed.

    Args:
        state: Of the app's lifespan; of an app that isn't ours it may be empty.
    """
    stop = state.get(STATE)
    if isinstance(stop, Stop):
        stop.begin()


def make_refusal() -> Refusal:
    """Return what whoever comes too late is told."""
    return to_refusal(Draining())


class TurnAway:
    """Refuses what comes after the stop has begun; requests that came before go on, until their time is over."""

    def __init__(self, app: ASGIApp, stop: Stop) -> None:
        """Take the app that is stopped.

        Args:
            app: Is asked until then. It still tells that the process lives, and what it has counted.
            stop: Says when.
        """
        self._app = app
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refuse = answer(make_refusal(), scope["path"])
        if self._stop.is_begun and scope["path"] not in _STILL_ANSWERED:
            await refuse(scope, receive, send)
            return
        has_begun = False

        async def note(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, note)
        except asyncio.CancelledError:  # the server waits no longer
            if has_begun or not self._stop.is_begun:
                raise
            await refuse(scope, receive, send)
