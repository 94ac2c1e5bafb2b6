"""The end of a real server in a thread of this process: who is answered, who is turned away, how soon it is over."""

import asyncio
import json
import socket
import threading
import time
from contextlib import asynccontextmanager

import pytest
import uvicorn

from mien.apps.service import connections
from mien.apps.service.admission import STOP_RETRY_S
from mien.apps.service.engine import Engine
from mien.apps.service.stopping import STATE, Stop, TurnAway


class Stoppable:
    """A server with one slow address."""

    def __init__(self, drain_s: float = 10.0, slow_s: float = 1.0) -> None:
        self.stop = Stop(drain_s)
        self.slow_s = slow_s
        self.server = uvicorn.Server(
            uvicorn.Config(
                TurnAway(self._answer, self.stop),
                http=connections.Connection,
                log_level="critical",
                ws="none",
                lifespan="on",
                timeout_graceful_shutdown=drain_s,
            )
        )
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.server.run, args=([self.listener],), daemon=True)

    async def _answer(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            scope["state"][STATE] = self.stop
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await asyncio.sleep(self.slow_s if scope["path"] == "/slow" else 0)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.should_exit = True
        self.thread.join(15)
        assert not self.thread.is_alive()


def ask(connection, path="/"):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())


def read(connection):
    """Return the status, headers and body of one answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(4096)
        assert more, data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    while len(body) < int(headers["content-length"]):
        body += connection.recv(4096)
    return int(lines[0].split()[1]), headers, body


def test_who_asks_after_the_signal_is_told_and_who_asked_before_is_answered():
    with Stoppable() as running, running.connect() as idle, running.connect() as busy, running.connect() as monitor:
        for connection in (idle, monitor):  # kept alive
            ask(connection)
            assert read(connection)[0] == 200
        ask(busy, "/slow")
        time.sleep(0.2)
        running.server.should_exit = True
        time.sleep(0.3)
        assert running.stop.is_begun
        ask(monitor, "/health")
        assert read(monitor)[0] == 200
        ask(idle, "/ready")
        status, headers, body = read(idle)
        problem = json.loads(body)
        assert (status, problem["code"], problem["status"]) == (503, "draining", 503)
        assert headers["content-type"] == "application/problem+json"
        assert headers["retry-after"] == str(STOP_RETRY_S)
        assert headers["connection"] == "close"
        assert idle.recv(10) == b""
        status, headers, body = read(busy)
        assert (status, headers["connection"], body) == (200, "close", b"ok")


def test_an_idle_connection_stays_until_all_is_done_and_holds_nothing_up_then():
    with Stoppable(slow_s=2.0) as running, running.connect() as idle, running.connect() as busy:
        ask(idle)
        read(idle)
        ask(busy, "/slow")
        time.sleep(0.2)
        begin = time.monotonic()
        running.server.should_exit = True
        time.sleep(1.4)  # longer than the notice
        ask(idle, "/ready")
        assert read(idle)[0] == 503
        assert read(busy)[0] == 200
        running.thread.join(5)
        assert 1.5 < time.monotonic() - begin < 3.5
    with Stoppable() as running, running.connect() as idle:
        ask(idle)
        read(idle)
        begin = time.monotonic()
        running.server.should_exit = True
        assert idle.recv(10) == b""
        running.thread.join(5)
        assert time.monotonic() - begin < 2.5


def test_whose_time_is_over_is_told_so():
    with Stoppable(drain_s=1, slow_s=30) as running, running.connect() as busy:
        ask(busy, "/slow")
        time.sleep(0.2)
        begin = time.monotonic()
        running.server.should_exit = True
        status, _, body = read(busy)
        assert (status, json.loads(body)["code"]) == (503, "draining")
        assert time.monotonic() - begin < 3


def test_the_time_runs_once():
    stop = Stop(5.0)
    assert (stop.is_begun, stop.left_s) == (False, 5.0)
    stop.begin()
    time.sleep(0.05)
    left_s = stop.left_s
    assert stop.is_begun
    assert 4.0 < left_s < 5.0
    stop.begin()
    assert stop.left_s <= left_s
    stop.forget()  # the app is started again
    assert not stop.is_begun
    over = Stop(0.0)
    over.begin()
    assert over.left_s == 0.0


@pytest.fixture
def slow_close(monkeypatch):
    """Return what each engine was given to finish what it accepted."""
    given = []

    async def close(self, drain_s):
        given.append(drain_s)
        self._pool.shutdown(wait=False)

    monkeypatch.setattr(Engine, "close", close)
    return given


def test_the_engine_has_what_the_server_left(make_settings, slow_close):
    """The server waits for connections, then the engine for pictures: together no longer than `drain_s`."""
    from mien.apps.service.app import create_app

    app = create_app(make_settings(drain_s=5.0))

    @asynccontextmanager
    async def live():
        async with app.router.lifespan_context(app) as state:
            yield state[STATE]

    async def run(wait_s):
        async with live() as stop:
            if wait_s:
                stop.begin()
                await asyncio.sleep(wait_s)

    asyncio.run(run(0.5))
    assert 4.0 < slow_close[0] <= 4.5
