"""`mien serve` in a process of its own, and a client that costs little: what `service.py` drives."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mien.apps.service.settings import PREFIX, ServiceSettings

START_S = 60.0
STOP_S = 30.0


class Server(NamedTuple):
    """A running `mien serve`.

    Attributes:
        pid: Of its process.
        port: On the loopback address.
    """

    pid: int
    port: int

    def read_memory_mb(self) -> float:
        """Return what its process holds now, as Linux tells it: the resident set, shared libraries included."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024


class Answered(NamedTuple):
    """A request that was answered.

    Attributes:
        status: Of HTTP.
        took_s: From the first byte sent to the last received.
    """

    status: int
    took_s: float


@contextmanager
def serve(arguments: Sequence[str], settings: dict[str, str]) -> Iterator[Server]:
    """Start `mien serve` on any free port, and stop it in the end.

    Args:
        arguments: Flags of `mien serve`.
        settings: Variables of the environment. Other settings of the service that stand there are left out.

    Raises:
        SystemExit: If it doesn't start; says what it said.
    """
    ours = {f"{PREFIX}{name.upper()}" for name in ServiceSettings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {"PYTHONUNBUFFERED": "1", **settings}
    command = [sys.executable, "-m", "mien", "serve", "--port", "0", *arguments]
    with tempfile.TemporaryFile("w+") as told:  # a file and no pipe, which would fill with lines nobody reads
        process = subprocess.Popen(command, stdout=told, stderr=told, env=environment)
        try:
            yield Server(process.pid, _wait_for_port(process, Path(f"/proc/self/fd/{told.fileno()}")))
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for_port(process: subprocess.Popen[bytes], told: Path) -> int:
    """Return the port once the server is ready."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        text = told.read_text()
        if "http://127.0.0.1:" in text:
            port = int(text.split("http://127.0.0.1:")[1].split("/")[0])
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5):
                    return port
            except (urllib.error.URLError, OSError):
                pass
        time.sleep(0.05)
    raise SystemExit(f"service.py: error: mien serve did not start:\n{told.read_text().strip()}")


class Connection:
    """One connection that is kept open. It reads as much of HTTP as our own server's answers need."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take the two ends of an open one; `open` opens one."""
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        """Connect with the server."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> Answered:
        """Send a whole request, and wait for the whole answer."""
        began = time.perf_counter()
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        (length,) = (int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
        await self._reader.readexactly(length)
        return Answered(int(lines[0].split()[1]), time.perf_counter() - began)

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()


def make_request(jpeg: bytes) -> bytes:
    """Return a request that has one picture read."""
    lines = [
        "POST /v1/predict HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: image/jpeg",
        f"Content-Length: {len(jpeg)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + jpeg


async def drive(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> list[Answered]:
    """Ask over several connections, each again as soon as it has its answer.

    Args:
        port: The server's.
        requests: Taken in turns.
        connections: How many ask at the same time.
        seconds: After so long nothing new is asked.

    Returns:
        All answers.
    """
    answers: list[Answered] = []
    opened = [await Connection.open(port) for _ in range(connections)]
    end = time.perf_counter() + seconds

    async def ask_on(number: int, connection: Connection) -> None:
        while time.perf_counter() < end:
            answers.append(await connection.ask(requests[number % len(requests)]))
            number += 1

    await asyncio.gather(*(ask_on(number, connection) for number, connection in enumerate(opened)))
    await asyncio.gather(*(connection.close() for connection in opened))
    return answers
