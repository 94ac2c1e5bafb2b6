"""uvicorn's WebSocket, with an end that clients can rely on: a stop is told as 1001, and nobody can refuse to go.

What never becomes a live connection is told why as problem JSON, and is no error in the log. Four methods of uvicorn's
class are overridden, which are no public interface; the tests of this file's behavior say when that has to change.
"""

from __future__ import annotations

import asyncio
import json
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Response
from websockets.server import ServerProtocol

from mien.apps.service.live.messages import SHUTTING_DOWN
from mien.apps.service.problems import MEDIA_TYPE, Refusal, answer, make_problem
from mien.apps.service.stopping import begin_stop

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

_LINGER_S: Final = 2.0
"""How long a client may take to read what is left, and to close; then the connection is cut."""


_CODES: Final = {HTTPStatus.INTERNAL_SERVER_ERROR: "internal"}
"""By the status that uvicorn would send; all other refusals of its own are about the handshake."""


class Handshake(ServerProtocol):
    """The protocol's state, whose refusals are problems."""

    def reject(self, status: HTTPStatus | int, text: str) -> Response:
        """Return the answer to what can't become a live connection.

        Args:
            status: That it would have; it is kept where it says more than the problem's own.
            text: Why.
        """
        response = super().reject(status, text)
        code = _CODES.get(HTTPStatus(status), "bad_http")
        problem = make_problem(code, " ".join(text.split()), "/v1/live")
        if code == "bad_http":
            problem["status"] = int(status)
        body = json.dumps(problem).encode()
        del response.headers["Content-Type"], response.headers["Content-Length"]
        response.headers.update({"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body))})
        return Response(problem["status"], HTTPStatus(problem["status"]).phrase, response.headers, body)


class LiveConnection(WebSocketsSansIOProtocol):
    """For uvicorn's setting `ws`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Take what uvicorn gives; messages are never packed, as pictures are already."""
        super().__init__(*arguments, **named)
        self.conn = Handshake(max_size=self.config.ws_max_size, logger=logging.getLogger("uvicorn.error"))

    def shutdown(self) -> None:
        """Close, since the server stops; uvicorn would say 1012, which asks to come back at once."""
        begin_stop(self.app_state)
        if self.handshake_complete and not self.close_sent and not self.transport.is_closing():
            self.queue.put_nowait({"type": "websocket.disconnect", "code": SHUTTING_DOWN})
            self.conn.send_close(SHUTTING_DOWN, "the service is stopping")
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        super().shutdown()
        self._cut_later()

    async def send(self, message: ASGISendEvent) -> None:
        """Send a message; a close message never waits until a client has read what came before it.

        A close message in place of an answer says that nothing is at this address: the app refuses all else itself.
        """
        if message["type"] == "websocket.close":
            self.writable.set()
            if not self.handshake_complete and self.initial_response is None:
                await self._send_nothing_here()
                return
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            # uvicorn would call a refusal that was sent in full an error of the app's, and log it: a line a stranger.
            self.handshake_complete = True

    async def _send_nothing_here(self) -> None:
        """Answer 404; uvicorn would answer, and log, 403."""
        refusal = Refusal("not_found", "there is no live connection here; it is at /v1/live.")
        response = answer(refusal, self.scope["path"])
        headers = response.raw_headers
        await self.send({"type": "websocket.http.response.start", "status": response.status_code, "headers": headers})
        await self.send({"type": "websocket.http.response.body", "body": bytes(response.body)})

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Cut the connection if it is still there a while after the app has ended."""
        super().on_task_complete(task)
        self._cut_later()

    def _cut_later(self) -> None:
        # Closing alone waits until all is written: never, if the client doesn't read.
        self.loop.call_later(_LINGER_S, self.transport.abort)
