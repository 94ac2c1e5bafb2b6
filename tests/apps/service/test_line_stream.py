"""Rows from a thread to a client: in order, a few ahead, ended at once where nobody wants them any more."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi", reason="the service needs the serve extra")

from starlette.requests import ClientDisconnect

from mien.apps.service.line_stream import LineStream
from mien.core.errors import UnreadableMediaError

SCOPE = {"type": "http", "path": "/v1/video"}


class Rows:
    """Rows of numbers, that say how far they came, and whether they were stopped and closed."""

    def __init__(self, count: int, *, error: Exception | None = None, step_s: float = 0.0) -> None:
        self.made = 0
        self.is_closed = False
        self.stopped = threading.Event()
        self._count, self._error, self._step_s = count, error, step_s

    def __iter__(self) -> Iterator[dict[str, int]]:
        try:
            for number in range(self._count):
                if self.stopped.wait(self._step_s):
                    return
                self.made += 1
                yield {"number": number}
            if self._error is not None:
                raise self._error
        finally:
            self.is_closed = True

    def stream(self, slow_s: float = 5.0) -> LineStream:
        return LineStream(iter(self), stop=self.stopped.set, slow_s=slow_s)


class Client:
    """The other side of an ASGI app: takes so many messages, then leaves or falls asleep."""

    def __init__(self, *, leaves_after: int | None = None, sleeps_after: int | None = None) -> None:
        self.messages: list[dict] = []
        self._leaves_after, self._sleeps_after = leaves_after, sleeps_after
        self._gone = asyncio.Event()

    async def receive(self) -> dict:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict) -> None:
        if len(self.messages) == self._sleeps_after:
            await asyncio.sleep(3600)
        self.messages.append(message)
        if len(self.messages) == self._leaves_after:
            self._gone.set()

    @property
    def lines(self) -> list[dict]:
        body = b"".join(message.get("body", b"") for message in self.messages)
        assert body.endswith(b"\n")
        return [json.loads(line) for line in body.splitlines()]


def serve(stream: LineStream, client: Client) -> None:
    async def work():
        await asyncio.wait_for(stream(SCOPE, client.receive, client.send), 10)

    asyncio.run(work())


def test_all_rows_come_in_order_as_lines():
    rows, client = Rows(50), Client()
    serve(rows.stream(), client)
    assert client.messages[0]["status"] == 200
    headers = dict(client.messages[0]["headers"])
    assert headers[b"content-type"] == b"application/x-ndjson"
    assert b"content-length" not in headers
    assert client.lines == [{"number": number} for number in range(50)]
    assert client.messages[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert rows.is_closed
    assert rows.stopped.is_set()


def test_rows_are_sent_while_others_are_made():
    async def work():
        rows, client = Rows(3, step_s=0.2), Client()
        serving = asyncio.create_task(rows.stream()(SCOPE, client.receive, client.send))
        await asyncio.sleep(0.3)
        assert len(client.lines) == 1
        await serving
        assert len(client.lines) == 3

    asyncio.run(work())


def test_an_error_before_the_first_row_is_raised_and_nothing_is_sent():
    client = Client()
    with pytest.raises(UnreadableMediaError, match="broken"):
        serve(Rows(0, error=UnreadableMediaError("broken")).stream(), client)
    assert client.messages == []


@pytest.mark.parametrize(
    ("error", "code", "detail"),
    [
        (UnreadableMediaError("broken off"), "unreadable_media", "broken off"),
        (RuntimeError("a secret"), "internal", ""),
    ],
)
def test_an_error_after_the_first_row_is_the_last_line(error, code, detail):
    client = Client()
    serve(Rows(3, error=error).stream(), client)
    assert [line.get("number") for line in client.lines] == [0, 1, 2, None]
    last = client.lines[-1]
    assert last["type"] == "error"
    assert (last["problem"]["code"], last["problem"]["instance"]) == (code, "/v1/video")
    assert detail in last["problem"]["detail"]
    assert "secret" not in json.dumps(last)
    assert not client.messages[-1]["more_body"]


def test_a_client_that_leaves_ends_the_rows():
    rows, client = Rows(100_000, step_s=0.001), Client(leaves_after=5)
    begun_s = time.monotonic()
    serve(rows.stream(), client)
    assert time.monotonic() - begun_s < 2
    assert rows.is_closed
    assert rows.made < 100


def test_a_client_that_leaves_while_a_row_is_awaited_ends_it():
    rows, client = Rows(3, step_s=60), Client()

    async def work():
        serving = asyncio.create_task(rows.stream()(SCOPE, client.receive, client.send))
        await asyncio.sleep(0.1)
        client._gone.set()
        await asyncio.wait_for(serving, 2)

    asyncio.run(work())
    assert rows.is_closed
    assert client.messages == []


def test_a_client_that_does_not_read_holds_up_the_rows_and_is_given_up():
    rows, client = Rows(100_000), Client(sleeps_after=3)
    begun_s = time.monotonic()
    with pytest.raises(ClientDisconnect):
        serve(rows.stream(slow_s=0.5), client)
    assert 0.4 < time.monotonic() - begun_s < 3
    assert rows.is_closed
    assert rows.made < 20  # a few ahead, and no more


def test_a_server_that_stops_ends_the_rows():
    rows, client = Rows(100_000, step_s=0.001), Client()

    async def work():
        serving = asyncio.create_task(rows.stream()(SCOPE, client.receive, client.send))
        await asyncio.sleep(0.1)
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(serving, 2)

    asyncio.run(work())
    assert rows.is_closed
