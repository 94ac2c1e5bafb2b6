"""Heads of requests that don't end, asked of a real server in a thread of this process, whose patience is short."""

import json
import socket
import threading
import time
from contextlib import suppress

import pytest
import uvicorn

from mien.apps.service import connections


async def app(scope, receive, send):
    assert scope["type"] == "http"
    while scope["path"] != "/refused" and (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


MOST = 8


@pytest.fixture
def port(monkeypatch):
    monkeypatch.setattr(connections, "HEAD_TIMEOUT_S", 0.4)
    monkeypatch.setattr(connections, "MAX_HEAD_BYTES", 2000)
    monkeypatch.setattr(connections, "REST_TIMEOUT_S", 0.6)
    monkeypatch.setattr(connections, "MAX_REST_BYTES", 100_000)
    monkeypatch.setattr(connections, "NOTICE_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app,
            http=connections.Connection,
            lifespan="off",
            log_level="critical",
            ws="none",
            limit_concurrency=MOST + 1,
            timeout_keep_alive=2,
        )
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
        more = connection.recv(1000)
        assert more
        answer += more
    return answer


def read_problem(connection, status):
    """Return the problem of an answer after which the connection is closed."""
    answer = b""
    with suppress(ConnectionResetError):
        while more := connection.recv(4000):
            answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    assert b"x-content-type-options: nosniff" in head.lower()
    problem = json.loads(body)
    assert problem["status"] == status
    return problem


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
        assert read_problem(connection, 400)["code"] == "bad_http"
    with connect(port) as connection:
        connection.sendall(ASK)
        assert b"200 OK" in connection.recv(1000)


def test_many_requests_in_one_piece_are_answered(port):
    with connect(port) as connection:
        connection.sendall(ASK * 50)
        answers = b""
        while answers.count(b"200 OK") < 50:
            answers += connection.recv(10_000)


@pytest.mark.parametrize(
    "garbage", [b"\0\1\2\r\n\r\n", b"\x16\x03\x01\2\0" * 50, b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
def test_what_is_no_http_is_told_so_as_a_problem(garbage, port):
    with connect(port) as connection:
        connection.sendall(garbage)
        problem = read_problem(connection, 400)
    assert problem["code"] == "bad_http"
    assert "HTTP library" in problem["detail"]


def test_too_many_connections_are_told_so_as_a_problem(port):
    crowd = [connect(port) for _ in range(MOST)]
    try:
        time.sleep(0.2)
        with connect(port) as connection:
            connection.sendall(ASK)
            assert read_problem(connection, 503)["code"] == "busy"
    finally:
        for one in crowd:
            one.close()
    time.sleep(0.2)
    with connect(port) as connection:  # the control
        connection.sendall(ASK)
        assert b"200 OK" in read_answer(connection)


REFUSED = b"POST /refused HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n"


@pytest.mark.parametrize(("piece", "pause_s"), [(b"", 0.05), (b"x", 0.05), (b"x" * 20_000, 0.001)])
def test_the_rest_of_a_body_that_was_refused_has_a_clock_and_a_limit(piece, pause_s, port):
    with connect(port) as connection:
        connection.sendall(REFUSED)
        assert b"200 OK" in read_answer(connection)
        begin, is_open = time.monotonic(), True
        connection.settimeout(pause_s)
        while is_open and time.monotonic() - begin < 4:
            try:
                connection.sendall(piece)
                is_open = connection.recv(10) != b""
            except TimeoutError:
                pass
            except OSError:
                is_open = False
        assert not is_open
        assert time.monotonic() - begin < 1.9  # before a connection that is merely idle is closed


def test_the_rest_of_a_body_that_ends_in_time_leaves_the_connection_open(port):
    with connect(port) as connection:
        for _ in range(2):
            connection.sendall(REFUSED.replace(b"10000000", b"60000"))
            assert b"200 OK" in read_answer(connection)
            connection.sendall(b"x" * 60_000)
        time.sleep(0.9)  # longer than such a rest may take
        connection.sendall(ASK)
        assert b"200 OK" in read_answer(connection)


def test_empty_lines_hold_nothing_open(port):
    with connect(port) as connection:
        connection.sendall(ASK)
        assert b"200 OK" in read_answer(connection)
        begin = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - begin < 4:
                connection.sendall(b"\r\n")
                time.sleep(0.05)
        assert time.monotonic() - begin < 3
