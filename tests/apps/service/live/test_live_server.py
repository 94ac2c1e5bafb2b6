"""Live connections of a real server in a process of its own, asked by other people's client."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the service needs the serve extra")
pytest.importorskip("websockets", reason="the service needs the serve extra")

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync import client

SERVER = """
import socket
from uvicorn import Config, Server
from mien.apps.service import connections
from mien.apps.service.app import create_app
from mien.apps.service.live.connection import LiveConnection
connections.HEAD_TIMEOUT_S = 1.0
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
listener.bind(("127.0.0.1", 0))
listener.listen(64)
print(listener.getsockname()[1], flush=True)
Server(Config(create_app(), http=connections.Connection, ws=LiveConnection, ws_max_size=100_000,
              ws_per_message_deflate=False, log_level="info", timeout_keep_alive=1,
              timeout_graceful_shutdown=5)).run([listener])
"""


class Running:
    """A server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log
        assert process.stdout is not None
        self.port = int(process.stdout.readline())
        limit_s = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health").close()
                return
            except OSError:
                assert time.monotonic() < limit_s
                time.sleep(0.05)

    def connect(self, query: str = ""):
        return client.connect(f"ws://127.0.0.1:{self.port}/v1/live{query}", compression=None, max_size=2**22)

    def count(self, metric: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            found = re.search(rf"^{re.escape(metric)} (\S+)$", answer.read().decode(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    @property
    def memory_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


@pytest.fixture(scope="module")
def six_faces(build_detector, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("six") / "six.onnx"
    shares = np.float32([[0.02 + 0.16 * n, 0.3, 0.14, 0.3] for n in range(6)])
    path.write_bytes(build_detector(shares, np.full(6, 0.9, np.float32)))
    return path


@pytest.fixture
def server(model_file, six_faces, tmp_path) -> Iterator[Running]:
    environment = {
        **os.environ,
        "MIEN_MODEL": str(model_file),
        "MIEN_DETECTOR": str(six_faces),
        "MIEN_LIVE_SLOW_S": "1",
        "MIEN_MAX_LIVE": "4",
        "OMP_NUM_THREADS": "1",
    }
    log = tmp_path / "log.txt"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER], env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        yield Running(process, log)
    finally:
        process.kill()
        process.communicate()


def receive(socket) -> dict:
    return json.loads(socket.recv(timeout=20))


def burst(socket, frame: bytes, count: int) -> list[dict]:
    """Send many frames at once, and return all answers to them."""
    for _ in range(count):
        socket.send(frame)
    answers = [receive(socket)]
    last = answers[0]["frame"] // count * count + count - 1
    while answers[-1]["frame"] < last:
        answers.append(receive(socket))
    return answers


def test_of_frames_that_come_at_once_the_newest_is_answered(server, frame):
    data = frame(width=320, height=240)
    assert len(data) > 30_000
    with server.connect() as socket:
        assert receive(socket)["type"] == "hello"
        for number in range(3):
            answers = burst(socket, data, 200)
            assert answers[-1]["frame"] == 200 * number + 199
            assert len(answers) < 150
            assert len(answers) + sum(answer["dropped"] for answer in answers) == 200
            frames = [answer["frame"] for answer in answers]
            assert frames == sorted(set(frames))
        before = server.memory_mib
        for _ in range(20):
            burst(socket, data, 200)
        after = server.memory_mib
    # 4,000 frames are 160 MB: none of it may stay.
    assert after < before + 12, (before, after)


def test_no_clock_of_http_runs_on_over_a_live_connection(server, frame):
    data = frame(width=160, height=120)
    with server.connect() as socket:
        assert receive(socket)["type"] == "hello"
        for number in range(3):
            time.sleep(1.3)  # longer than a head, and an idle connection, may take
            socket.send(data)
            assert receive(socket)["frame"] == number


def open_raw(port: int) -> socket.socket:
    """Open a connection by hand, with little room for what comes back."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", port))
    key = base64.b64encode(bytes(16)).decode()
    raw.sendall(
        f"GET /v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    return raw


def test_a_client_that_does_not_read_is_given_up_and_holds_up_nobody(server, frame):
    data = frame(width=64, height=48)
    message = struct.pack("!BBH4s", 0x82, 0x80 | 126, len(data), bytes(4)) + data
    raw = open_raw(server.port)
    raw.settimeout(0.05)
    begun_s, slowest_ms, was_seen = time.monotonic(), 0.0, False
    with raw, server.connect() as other:
        receive(other)
        while time.monotonic() < begun_s + 30:
            try:
                for _ in range(20):
                    raw.sendall(message)
            except TimeoutError:
                pass
            except OSError:  # the server has cut it
                break
            other.send(data)
            slowest_ms = max(slowest_ms, receive(other)["latency_ms"]["total"])
            connections = server.count("mien_live_connections")
            was_seen = was_seen or connections == 2
        else:
            pytest.fail("a client that doesn't read was kept")
        assert was_seen
        assert slowest_ms < 1000
        assert server.count("mien_live_connections") == 1
        other.send(data)
        assert receive(other)["type"] == "moment"


def test_a_frame_that_is_too_large_is_not_even_received(server):
    with server.connect() as socket:
        receive(socket)
        socket.send(bytes(100_001))
        with pytest.raises(ConnectionClosed):
            receive(socket)
        assert socket.close_code == 1009


def test_a_stop_is_told(server, frame):
    with server.connect() as one, server.connect() as two:
        receive(one)
        receive(two)
        one.send(frame())
        receive(one)
        begun_s = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        for socket in (one, two):
            with pytest.raises(ConnectionClosed):
                receive(socket)
            assert socket.close_code == 1001
        server.process.wait(10)
        assert time.monotonic() - begun_s < 5


def test_a_stop_waits_for_nobody_who_does_not_read(server, frame):
    data = frame(width=64, height=48)
    message = struct.pack("!BBH4s", 0x82, 0x80 | 126, len(data), bytes(4)) + data
    with open_raw(server.port) as raw:
        for _ in range(40):
            raw.sendall(message)
            time.sleep(0.01)
        begun_s = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(10)
        assert time.monotonic() - begun_s < 6


def test_who_disappears_is_forgotten(server, frame):
    for _ in range(6):  # more than may be there at once
        raw = open_raw(server.port)
        raw.recv(1000)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()  # with a reset
    limit_s = time.monotonic() + 10
    while server.count("mien_live_connections") and time.monotonic() < limit_s:
        time.sleep(0.05)
    with server.connect() as other:
        assert receive(other)["type"] == "hello"
        assert server.count("mien_live_connections") == 1


@pytest.mark.parametrize(
    ("path", "origin", "status"),
    [("/v1/live?smoothing=x", None, 422), ("/v1/live", "https://evil.example", 403), ("/v1/nope", None, 404)],
)
def test_a_refusal_is_no_error_in_the_log_and_stands_there_as_it_was_sent(server, path, origin, status):
    with (
        pytest.raises(InvalidStatus) as caught,
        client.connect(f"ws://127.0.0.1:{server.port}{path}", origin=origin, compression=None),
    ):
        pass
    response = caught.value.response
    assert response.status_code == status
    assert json.loads(response.body)["status"] == status
    assert json.loads(response.body)["instance"] == path.partition("?")[0]
    server.count("anything")  # what the refusal logged is in the file by now
    told = server.log.read_text()
    assert f'"WebSocket {path}" {status}' in told
    assert "ERROR" not in told
