"""The server's side of a connection: uvicorn's, with limits on how long a request's head may be and take.

uvicorn waits forever for the rest of a request line or header, and lets headers grow: one machine could hold all
connections, or fill the memory, without ever asking anything.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_TIMEOUT_S: Final = 10.0
"""From the connection, or the first byte of a further request, to the end of its headers."""

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of the request line and headers."""


class Connection(HttpToolsProtocol):
    """One client's connection."""

    _timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._open_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._close_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it is a head that has no end."""
        super().data_received(data)
        if self._timer is None or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._close_head()
            self.send_400_response(f"Request line and headers may have {MAX_HEAD_BYTES} bytes.")

    def on_message_begin(self) -> None:
        """Begin a head; a connection's first one began with the connection."""
        super().on_message_begin()
        if self._timer is None:
            self._open_head()

    def on_headers_complete(self) -> None:
        """End the head: what follows is the app's concern."""
        self._close_head()
        super().on_headers_complete()

    def _open_head(self) -> None:
        self._head_bytes = 0
        self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def _close_head(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self, *_: Any) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()
