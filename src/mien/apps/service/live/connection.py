"""uvicorn's WebSocket, with an end that clients can rely on: a stop is told as 1001, and nobody can refuse to go.

It overrides three methods of uvicorn's class, which are no public interface; the tests of this file's behavior say when
that has to change.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from mien.apps.service.live.messages import SHUTTING_DOWN

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

_LINGER_S: Final = 2.0
"""How long a client may take to read what is left, and to close; then the connection is cut."""


class LiveConnection(WebSocketsSansIOProtocol):
    """For uvicorn's setting `ws`."""

    def shutdown(self) -> None:
        """Close, since the server stops; uvicorn would say 1012, which asks to come back at once."""
        if self.handshake_complete and not self.close_sent and not self.transport.is_closing():
            self.queue.put_nowait({"type": "websocket.disconnect", "code": SHUTTING_DOWN})
            self.conn.send_close(SHUTTING_DOWN, "the service is stopping")
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        super().shutdown()
        self._cut_later()

    async def send(self, message: ASGISendEvent) -> None:
        """Send a message; a close message never waits until a client has read what came before it."""
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Cut the connection if it is still there a while after the app has ended."""
        super().on_task_complete(task)
        self._cut_later()

    def _cut_later(self) -> None:
        # Closing alone waits until all is written: never, if the client doesn't read.
        self.loop.call_later(_LINGER_S, self.transport.abort)
