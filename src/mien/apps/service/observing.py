"""Each request is counted, and is one line of the log: method, path without its query, status, time."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.apps.service.metrics import Metrics

_logger = logging.getLogger("mien.service")

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WS"})


class Observer:
    """Counts and logs requests; never a query, a header, a body, a file's name, or who asked."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Take the app that is observed.

        Args:
            app: Answers the requests.
            metrics: Counts them.
        """
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        begin, status = time.perf_counter(), 499  # unless an answer begins, the client has gone

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
            elif message["type"] == "websocket.accept":
                status = 101
            elif message["type"] == "websocket.close" and status == 499:
                status = 403
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            self._tell(scope, status, time.perf_counter() - begin)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope.get("method", "WS")
        # What was asked for may be anything; only addresses of ours become labels, or their number would grow forever.
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.requests.labels(method if method in _METHODS else "other", route, status).inc()
        if scope["type"] == "http":
            self._metrics.seconds.labels(route).observe(seconds)
        path = "".join(sign if sign.isprintable() else "?" for sign in scope["path"][:200])
        _logger.info("%s %s %s %.1f ms", method[:20], path, status, 1000 * seconds)
