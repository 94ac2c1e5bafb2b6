"""The server's side of a connection: uvicorn's, with a clock on whatever a client may leave unfinished, and an end.

uvicorn waits forever for the rest of a request line or header, lets headers grow, and swallows the body of a request
that was refused however long it comes: one machine could hold all connections, or fill the memory, without ever asking
anything. And it refuses in plain text. What is overridden here is no public interface; the tests of this file's
behavior say when that has to change.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from mien.apps.service.access import SECURITY_HEADERS, SecurityHeaders
from mien.apps.service.problems import Refusal, answer
from mien.apps.service.stopping import begin_stop

HEAD_TIMEOUT_S: Final = 10.0
"""From the connection, or the first byte of a further request, to the end of its headers."""

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of the request line and headers."""

REST_TIMEOUT_S: Final = 5.0
"""What is left of a body whose request was answered already may come for so long; then the connection is closed."""

MAX_REST_BYTES: Final = 128 * 2**20
"""Likewise: so much of it is taken, and dropped."""

NOTICE_S: Final = 1.0
"""Once the server stops, an idle connection stays at least so long, and until all is done: whoever asks over it is
told to go elsewhere, instead of finding it cut."""

_LOOK_S: Final = 0.1


class Connection(HttpToolsProtocol):
    """One client's connection."""

    _head_timer: asyncio.TimerHandle | None = None
    _rest_timer: asyncio.TimerHandle | None = None
    _head_bytes = _rest_bytes = 0
    _is_body_open = _is_stopping = _is_handed_on = False

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Take what uvicorn gives; how many connections there may be is seen to here."""
        super().__init__(*arguments, **named)
        self._service = self.app
        self._max_connections, self.limit_concurrency = self.limit_concurrency, None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._open_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._close_head()
        self._close_rest()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it is a head or the rest of a body that has no end."""
        super().data_received(data)
        if self.transport.is_closing() or self._is_handed_on:
            return
        if self._rest_timer is not None:
            self._rest_bytes += len(data)
            if self._rest_bytes > MAX_REST_BYTES:
                self.transport.close()
        elif self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._close_head()
                self.send_400_response(f"Request line and headers may have {MAX_HEAD_BYTES} bytes, got more.")
        elif self._is_idle and self.timeout_keep_alive_task is None:  # empty lines, which begin no request
            self._open_head()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection on, and stop every clock: how long a WebSocket may be silent is not for HTTP to say."""
        super().handle_websocket_upgrade()
        self._is_handed_on = True
        self._close_head()
        self._close_rest()
        self._unset_keepalive_if_required()

    def on_message_begin(self) -> None:
        """Begin a head; a connection's first one began with the connection."""
        super().on_message_begin()
        if self._head_timer is None:
            self._open_head()

    def on_headers_complete(self) -> None:
        """End the head, and hand the request to the app; or refuse it, if there are too many connections."""
        self._close_head()
        self._is_body_open = True
        self.app = self._service if self._has_room() else _refuse_crowd
        before = self.cycle
        super().on_headers_complete()
        if self._is_stopping and self.cycle is not before:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """End the body; of one that nobody wanted, it ends what may come of it, and the connection is idle."""
        self._is_body_open = False
        self._close_rest()
        super().on_message_complete()
        if self._is_idle and self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """Let the rest of a body that nobody wanted come for a while."""
        super().on_response_complete()
        if self._is_body_open and self.cycle.response_complete and not self.transport.is_closing():
            self._close_rest()
            self._rest_bytes = 0
            self._rest_timer = self.loop.call_later(REST_TIMEOUT_S, self._give_up)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, and close. An answer that has begun is broken off instead.

        Args:
            msg: Why; uvicorn's own word is put better.
        """
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.close()
            return
        if msg.startswith("Invalid HTTP"):
            msg = "what came is no request of HTTP/1.1. Let an HTTP library write it, and ask http://, not https://."
        refusal = answer(Refusal("bad_http", msg, headers={"Connection": "close"}), "/")
        headers = {name.encode(): value.encode() for name, value in SECURITY_HEADERS.items()}
        lines = [*self.server_state.default_headers, *headers.items(), *refusal.raw_headers]
        head = b"".join(b"%s: %s\r\n" % line for line in lines)
        self.transport.write(STATUS_LINE[400] + head + b"\r\n" + bytes(refusal.body))
        self.transport.close()

    def shutdown(self) -> None:
        """Finish what was asked, refuse whatever is asked from now on, and leave."""
        begin_stop(self.app_state)
        self._is_stopping = True
        if not self._is_idle:
            self.cycle.keep_alive = False
        self._leave_when_done(self.loop.time() + NOTICE_S)

    @property
    def _is_idle(self) -> bool:
        """Whether every request over this connection was answered, and received to its end."""
        return not self._is_body_open and (self.cycle is None or self.cycle.response_complete)

    def _has_room(self) -> bool:
        most = self._max_connections
        return most is None or (len(self.connections) < most and len(self.tasks) < most)

    def _leave_when_done(self, from_s: float) -> None:
        """Close this connection once it is idle, and the whole server is."""
        if self.transport.is_closing():
            return
        is_answered = self.cycle is None or self.cycle.response_complete
        if is_answered and not self.tasks and self.loop.time() >= from_s:
            self.transport.close()
        else:
            self.loop.call_later(_LOOK_S, self._leave_when_done, from_s)

    def _open_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def _close_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _close_rest(self) -> None:
        if self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None

    def _give_up(self) -> None:
        self._head_timer = self._rest_timer = None
        if not self.transport.is_closing():
            self.transport.close()


async def _answer_crowd(scope: Scope, receive: Receive, send: Send) -> None:
    refusal = Refusal(
        "busy",
        "as many connections are open as may be. Try again in 1 s.",
        headers={"Retry-After": "1", "Connection": "close"},
    )
    await answer(refusal, scope["path"])(scope, receive, send)


_refuse_crowd: Final = SecurityHeaders(_answer_crowd)
