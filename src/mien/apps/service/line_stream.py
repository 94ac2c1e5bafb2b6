"""Rows that a thread makes, sent as JSON lines while they come: a slow client holds up its own thread alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import CancelledError
from contextlib import closing
from typing import Any, Final

import anyio
from anyio import BrokenResourceError, CancelScope, CapacityLimiter, from_thread, to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mien.apps.service.departures import cancel_when_gone
from mien.apps.service.problems import describe, log_failure, to_refusal

MEDIA_TYPE: Final = "application/x-ndjson"

_ROOM: Final = 8
"""Lines that wait for a client; then the thread waits."""


class LineStream(Response):
    """An answer of JSON lines. An error before the first line is raised, one after it is the last line.

    The rows end at once where the client goes away, or doesn't read.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self, rows: Generator[Mapping[str, Any], None, None], *, stop: Callable[[], None], slow_s: float
    ) -> None:
        """Take the rows; nothing is asked of them before the answer is sent.

        Args:
            rows: Run by a thread of their own, and closed there.
            stop: Ends the rows soon, whatever they wait for; called in another thread, and always.
            slow_s: A client that takes a line for longer is given up.
        """
        super().__init__()
        del self.headers["content-length"]
        self._rows = rows
        self._stop = stop
        self._slow_s = slow_s
        self._failure: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines.

        Raises:
            Exception: What the rows raised before the first of them.
            ClientDisconnect: If the client doesn't read.
        """
        giver, taker = anyio.create_memory_object_stream[bytes](_ROOM)
        has_begun = is_slow = False
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._read, giver)
            tasks.start_soon(cancel_when_gone, receive, tasks.cancel_scope)
            try:
                has_begun = await self._send(taker, scope["path"], send)
            except TimeoutError:
                is_slow = True
            finally:
                with CancelScope(shield=True):
                    taker.close()
                    await to_thread.run_sync(self._stop)
                tasks.cancel_scope.cancel()
        if is_slow:
            raise ClientDisconnect
        if self._failure is not None and not has_begun:
            raise self._failure

    async def _send(self, taker: MemoryObjectReceiveStream[bytes], path: str, send: Send) -> bool:
        """Send all lines, and return whether there was one.

        Raises:
            TimeoutError: If the client doesn't take one.
        """
        has_begun = False
        async for line in taker:
            with anyio.fail_after(self._slow_s):
                if not has_begun:
                    has_begun = True
                    await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await send({"type": "http.response.body", "body": line, "more_body": True})
        if has_begun:
            last = b""
            if self._failure is not None:
                if to_refusal(self._failure).problem_code == "internal":
                    log_failure(self._failure)
                last = _encode({"type": "error", "problem": describe(self._failure, path)})
            with anyio.fail_after(self._slow_s):
                await send({"type": "http.response.body", "body": last, "more_body": False})
        return has_begun

    async def _read(self, giver: MemoryObjectSendStream[bytes]) -> None:
        """Let a thread make the rows."""
        with giver:
            await to_thread.run_sync(self._make, giver, limiter=CapacityLimiter(1))

    def _make(self, giver: MemoryObjectSendStream[bytes]) -> None:
        """Make the rows, as long as anybody wants them."""
        try:
            with closing(self._rows):
                for row in self._rows:
                    from_thread.run(giver.send, _encode(row))
        except (BrokenResourceError, CancelledError):  # nobody does
            pass
        except Exception as error:  # noqa: BLE001 - it is told to the client, or raised
            self._failure = error


def _encode(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, separators=(",", ":"), allow_nan=False).encode() + b"\n"
