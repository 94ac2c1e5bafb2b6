"""Heads of requests that don't end, asked of a real server in a thread of this process, whose patience is short."""

import socket
import threading
import time
from contextlib import suppress

import pytest
import uvicorn

from mien.apps.service import connections


async def app(scope, receive, send):
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def port(monkeypatch):
    monkeypatch.setattr(connections, "HEAD_TIMEOUT_S", 0.4)
    monkeypatch.setattr(connections, "MAX_HEAD_BYTES", 2000)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, http=connections.Connection, lifespan="off", log_level="critical", ws="none")
        server = uvicorn.Server(config)
        running = threading.Thread(target=server.run, args=([listener],), daemon=True)
        running.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        running.join(5)


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=3)


def read_answer(connection):
    answer = b""
    while not answer.endswith(b"ok"):
        answer += connection.recv(1000)
    return answer


ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("first", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: local", ASK[:-2]])
def test_a_head_that_does_not_end_is_given_up(first, port):
    with connect(port) as connection:
        begin = time.monotonic()
        connection.sendall(first)
        assert connection.recv(100) == b""
        assert 0.2 < time.monotonic() - begin < 2


def test_one_that_trickles_likewise(port):
    with connect(port) as connection:
        begin = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - begin < 5:
                connection.sendall(b"X")
                time.sleep(0.05)
        assert time.monotonic() - begin < 3


def test_a_second_head_over_the_same_connection_too(port):
    with connect(port) as connection:
        connection.sendall(ASK)
        assert b"200 OK" in read_answer(connection)
        connection.sendall(ASK[:10])
        begin = time.monotonic()
        assert connection.recv(1000) == b""
        assert time.monotonic() - begin < 2


def test_a_body_may_take_longer_than_a_head(port):
    """The control: the time of a body is the app's concern."""
    with connect(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n")
        for _ in range(3):
            time.sleep(0.3)
            connection.sendall(b"x")
        assert b"200 OK" in connection.recv(1000)


def test_a_large_head_is_refused(port):
    with connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        connection.sendall(b"X: " + b"x" * 2100)
        assert b"400 Bad Request" in connection.recv(1000)
    with connect(port) as connection:
        connection.sendall(ASK)
        assert b"200 OK" in connection.recv(1000)


def test_many_requests_in_one_piece_are_answered(port):
    with connect(port) as connection:
        connection.sendall(ASK * 50)
        answers = b""
        while answers.count(b"200 OK") < 50:
            answers += connection.recv(10_000)
