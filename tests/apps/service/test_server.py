"""`mien serve` as a process of its own, with the bundled models, asked by friends and by others over a real socket."""

import io
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path
from statistics import median

import httpx
import pytest
from PIL import Image

from mien.apps.cli.demo import draw_sheet, read_mean_faces

TOKEN = "a-token-for-tests-1234"
MIB = 2**20


@pytest.fixture(scope="module")
def server(start_server):
    limits = {"MIEN_BODY_TIMEOUT_S": 1.5, "MIEN_MAX_BODY_BYTES": 4 * MIB, "MIEN_MAX_PICTURE_BYTES": MIB}
    return start_server(MIEN_TOKEN=TOKEN, **limits)


@pytest.fixture
def client(server):
    with server.ask() as client:
        yield client


@pytest.fixture(scope="module")
def photo():
    """Return a JPEG with seven faces."""
    buffer = io.BytesIO()
    Image.fromarray(draw_sheet(read_mean_faces())[0]).save(buffer, "JPEG")
    return buffer.getvalue()


def talk(server, data, *, wait_s=5.0, pause_s=0.0):
    """Send bytes over a new connection, piece by piece, and return all that comes back until it is closed."""
    pieces = [data] if isinstance(data, bytes) else data
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait_s) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause_s)
        except OSError:
            pass  # it was refused while we were still sending
        answer = b""
        try:
            while more := connection.recv(65536):
                answer += more
        except (TimeoutError, ConnectionResetError):
            pass
    return answer


def head(path="/v1/predict", method="POST", **headers):
    given = {"Host": "localhost", "Authorization": f"Bearer {TOKEN}", "Content-Type": "image/jpeg", **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()


def measure_memory(server):
    """Return the MiB that the server has in memory; 0 on systems that have no such file."""
    status = Path(f"/proc/{server.process.pid}/status")
    return int(re.search(r"VmRSS:\s+(\d+)", status.read_text())[1]) / 1024 if status.exists() else 0


def list_children(server):
    """Return by number the command line of each process that the server began."""
    listing = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    numbers = listing.read_text().split() if listing.exists() else []
    return {number: Path(f"/proc/{number}/cmdline").read_text() for number in numbers}


def test_it_reads_faces(client, photo):
    answer = client.post("/v1/predict", content=photo, headers={"Content-Type": "image/jpeg"})
    assert answer.status_code == 200
    assert len(answer.json()["pictures"][0]["faces"]) == 7
    assert "server" not in answer.headers


def test_a_small_answer_comes_at_once(client):
    """Over one connection; with Nagle's algorithm it would take 40 ms."""
    took_s = []
    for _ in range(30):
        begin = time.perf_counter()
        client.get("/health")
        took_s.append(time.perf_counter() - begin)
    assert median(took_s) < 0.03


def test_a_wrong_token_a_foreign_origin_and_a_foreign_name(client, photo):
    wrong = {
        "Authorization": ("Bearer no", 401),
        "Origin": ("https://evil.example", 403),
        "Host": ("evil.example", 421),
    }
    for header, (value, status) in wrong.items():
        headers = {"Content-Type": "image/jpeg", header: value}
        assert client.post("/v1/predict", content=photo, headers=headers).status_code == status


def test_two_gigabytes_that_are_announced_are_refused_at_once(server):
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=2) as connection:
        connection.sendall(head(Content_Length=2 * 2**30))
        answer = b""
        while b"too_large" not in answer:
            answer += (more := connection.recv(65536))
            assert more
        assert answer.startswith(b"HTTP/1.1 413")
        assert time.monotonic() - begin < 2
        connection.settimeout(8)
        assert connection.recv(1) == b""  # nothing came, so it was closed


def test_who_sends_all_before_listening_is_told(server):
    """As proxies do: a connection that is closed over bytes that nobody read would be reset, and the answer lost."""
    size = 40 * MIB
    with socket.create_connection(("127.0.0.1", server.port), timeout=8) as connection:
        connection.sendall(head(Content_Length=size) + b"x" * size)
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("length", [{"Transfer_Encoding": "chunked"}, {"Content_Length": 3 * MIB}])
def test_a_stream_without_end_is_cut(length, server):
    memory = measure_memory(server)
    piece = b"x" * 65536
    chunk = b"%x\r\n%s\r\n" % (len(piece), piece) if "Transfer_Encoding" in length else piece

    def pieces():
        yield head(**length)
        for _ in range(2000):  # 125 MiB
            yield chunk

    answer = talk(server, pieces())
    # What follows an announced length is taken for the next request, which makes no sense.
    assert answer.startswith((b"HTTP/1.1 413", b"HTTP/1.1 400") if "Content_Length" in length else b"HTTP/1.1 413")
    assert measure_memory(server) - memory < 30


def test_a_slow_body_is_given_up(server):
    begin = time.monotonic()
    answer = talk(server, [head(Content_Length=1000), *[b"x"] * 40], pause_s=0.1)
    assert answer.startswith(b"HTTP/1.1 408")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "timeout"
    assert time.monotonic() - begin < 8


def test_half_a_request_holds_nothing(server, client, photo):
    here = ("127.0.0.1", server.port)
    with socket.create_connection(here) as one, socket.create_connection(here) as two:
        one.sendall(head(Content_Length=len(photo)) + photo[:1000])
        two.sendall(b"POST /v1/predict HTTP/1.1\r\nHost: local")
        assert client.get("/health").status_code == 200
    for _ in range(50):
        if client.get("/ready").json() == {"status": "ready"}:
            break
        time.sleep(0.05)
    text = client.get("/metrics").text
    assert "mien_waiting_pictures 0.0" in text
    assert 'route="/v1/predict",status="499"' in text  # the client had gone


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02garbage\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
    ],
)
def test_garbage_is_answered_and_forgotten(garbage, server, client):
    answer = talk(server, garbage, wait_s=3)
    assert not answer or answer.startswith(b"HTTP/1.1 4")
    assert b"text/plain" not in answer
    assert client.get("/health").status_code == 200


def test_a_handshake_that_is_none_is_a_problem(server):
    broken = head("/v1/live", "GET", Connection="Upgrade", Upgrade="websocket")
    whole = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    whole["Sec-WebSocket-Version"] = "13"
    for request, status, code in [
        (broken, 400, "bad_http"),
        (head("/nowhere", "GET", **whole), 404, "not_found"),
        (head("/v1/live", "GET", **whole, Authorization="no"), 401, "unauthorized"),
        (head("/v1/live", "GET", **whole, Origin="https://evil.example"), 403, "forbidden_origin"),
        (head("/v1/live?group=1", "GET", **whole), 422, "bad_input"),
    ]:
        told, _, body = talk(server, request).partition(b"\r\n\r\n")
        assert told.startswith(b"HTTP/1.1 %d " % status)
        assert b"application/problem+json" in told
        assert json.loads(body)["code"] == code


def test_a_head_without_end_is_refused(server, client):
    def pieces():
        yield b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
        for number in range(4000):
            yield b"X-%d: %s\r\n" % (number, b"x" * 1000)

    answer = talk(server, pieces())
    assert not answer or answer.startswith(b"HTTP/1.1 400")
    one_header = talk(server, [b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: ", *[b"x" * 65536] * 100])
    assert not one_header or one_header.startswith(b"HTTP/1.1 400")
    assert client.get("/health").status_code == 200


def test_a_bomb_is_refused(client):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(100 * MIB), 9)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    begin = time.monotonic()
    answer = client.post("/v1/predict", content=bomb, headers={"Content-Type": "image/png"})
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_pixels")
    assert time.monotonic() - begin < 2


def test_ten_thousand_tiny_requests_leave_nothing(server, client):
    """Over one connection, in bursts: half of them ask for nothing that is there, or send no picture."""
    memory = measure_memory(server)
    tiny = [head("/health", "GET"), head("/nowhere", "GET"), head(Content_Length=1) + b"x", head(Content_Length=0)]
    burst = b"".join(tiny) * 25
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        answers = 0
        for _ in range(100):
            connection.sendall(burst)
            wanted = answers + 100
            while answers < wanted:
                received = connection.recv(2**20)
                assert received
                answers += received.count(b"HTTP/1.1 ")
    assert answers == 10_000
    assert measure_memory(server) - memory < 20
    assert client.get("/ready").json() == {"status": "ready"}


def test_the_log_tells_what_was_asked_and_nothing_of_what_was_sent(server, client, photo):
    client.post("/v1/predict?min_score=0.345", files=[("files", ("a-persons-name.jpg", photo))])
    log = server.log.read_text()
    assert "POST /v1/predict 200" in log
    for secret in ("0.345", "a-persons-name", TOKEN, "Traceback"):
        assert secret not in log


def test_it_finishes_what_it_accepted(start_server, photo):
    server = start_server()
    answers = []

    def ask():
        with server.ask() as client:
            files = [("files", (f"{number}.jpg", photo)) for number in range(16)]
            answers.append(client.post("/v1/predict", files=files))

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.4)  # 16 pictures take longer than that
    status = server.stop()
    asking.join(30)
    assert status == 0
    assert answers[0].status_code == 200
    assert len(answers[0].json()["pictures"]) == 16
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.address)


def test_workers_share_the_port_and_the_counters(start_server, photo):
    server = start_server("--workers", "2", MIEN_TOKEN=TOKEN)
    for _ in range(8):
        with server.ask() as client:
            answer = client.post("/v1/predict", content=photo, headers={"Content-Type": "image/jpeg"})
            assert answer.status_code == 200
    with server.ask() as client:
        lines = [client.get("/metrics").text.splitlines() for _ in range(4)]
    counted = {line for some in lines for line in some if line.startswith("mien_faces_total ")}
    assert counted == {"mien_faces_total 56.0"}
    children = list_children(server)
    assert TOKEN not in " ".join(children.values())
    assert server.stop() == 0
    end = time.monotonic() + 5
    while any(is_running(number) for number in children) and time.monotonic() < end:
        time.sleep(0.05)
    assert not [line for number, line in children.items() if is_running(number)]


def test_workers_go_when_the_parent_is_killed(start_server):
    server = start_server("--workers", "2")
    children = list_children(server)
    assert len([line for line in children.values() if "spawn_main" in line]) >= 2
    server.process.kill()
    server.process.wait(10)
    end = time.monotonic() + 15
    while any(is_running(number) for number in children) and time.monotonic() < end:
        time.sleep(0.05)
    assert not [line for number, line in children.items() if is_running(number)]


def is_running(number):
    """Return whether a process does anything; one that ended and that nobody asked about has no command line."""
    line = Path(f"/proc/{number}/cmdline")
    try:
        return bool(line.read_text())
    except OSError:
        return False


def run_serve(*flags, **variables):
    command = [sys.executable, "-m", "mien", "serve", *flags]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert "Traceback" not in done.stderr
    return done


def test_a_port_that_is_taken_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = run_serve("--port", str(other.getsockname()[1]))
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "--port" in line
    assert "in use" in line


@pytest.mark.parametrize(
    ("flags", "variables", "words"),
    [
        (["--host", "0.0.0.0"], {}, "MIEN_TOKEN"),
        (["--host", "0.0.0.0"], {"MIEN_TOKEN": "short"}, "16 characters"),
        (["--model", "nowhere.onnx"], {}, "nowhere.onnx"),
        (["--detector", "expression"], {}, "expression"),
        (["--port", "70000"], {}, "--port"),
        (["--host", "192.0.2.1"], {"MIEN_TOKEN": TOKEN}, "192.0.2.1"),
        (["--workers", "2", "--model", "nowhere.onnx"], {}, "nowhere.onnx"),
    ],
)
def test_a_wrong_start_is_one_line(flags, variables, words):
    done = run_serve(*flags, **variables)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert words in line


def test_the_token_can_lie_in_a_file(start_server, tmp_path_factory):
    file = tmp_path_factory.mktemp("secret") / "token"
    file.write_text(TOKEN + "\n")
    server = start_server("--token-file", str(file), "--host", "0.0.0.0")
    assert httpx.get(f"http://127.0.0.1:{server.port}/v1/model").status_code == 401
    answer = httpx.get(f"http://127.0.0.1:{server.port}/v1/model", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert TOKEN not in server.log.read_text()
