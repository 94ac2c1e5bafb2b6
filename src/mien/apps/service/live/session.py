"""One live connection: a task that receives, and one that answers for the newest frame.

Whoever sends faster than we read, loses frames; whoever reads slower than we answer, too. So at most two frames are
held, one that is being read and one that waits, and one answer.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from mien.apps.service.admission import Busy, Draining
from mien.apps.service.live.crowd import Crowd
from mien.apps.service.live.messages import (
    FAILED,
    MAX_BAD,
    REFUSED,
    SHUTTING_DOWN,
    SILENT,
    SLOW,
    TOO_LARGE,
    Ending,
    make_error,
    make_hello,
    read_wish,
)
from mien.apps.service.live.newest import Arrived, Newest
from mien.apps.service.problems import log_failure
from mien.apps.service.running import Service
from mien.core.errors import InputError
from mien.inference.pipeline import STEADY
from mien.inference.track.follower import Follower
from mien.inference.track.looks import sketch

_GOODBYE_S: Final = 1.0
"""How long a client may take to take the close message; then the connection is cut."""


class Session:
    """Serves one client until either side ends it.

    It keeps who was seen lately, with a sketch of each face (`mien.inference.track.looks`), and nothing else of frames.
    """

    def __init__(self, websocket: WebSocket, service: Service, follower: Follower, *, is_group: bool) -> None:
        """Take an accepted connection.

        Args:
            websocket: Is closed at the end.
            service: Its engine, settings and metrics.
            follower: Has followed nobody yet. The client may switch its smoothing.
            is_group: Whether all are told about together; a client may switch it.
        """
        self._websocket = websocket
        self._service = service
        self._settings = service.settings
        self._follower = follower
        self._crowd = Crowd() if is_group else None
        self._newest = Newest()
        self._told_dropped = self._bad = 0
        self._begin_s = time.monotonic()
        self._sending = asyncio.Lock()
        self._ending: Ending | None = None

    async def run(self) -> None:
        """Serve the client to the end."""
        async with anyio.create_task_group() as tasks:

            async def run(work: Callable[[], Awaitable[None]]) -> None:
                try:
                    await work()
                except Ending as ending:
                    self._ending = self._ending or ending
                except WebSocketDisconnect:
                    self._ending = self._ending or Ending(None)
                except Exception as error:  # noqa: BLE001 - the client is told that, and nothing of why
                    log_failure(error)
                    self._ending = self._ending or Ending(FAILED, "something went wrong inside the service")
                tasks.cancel_scope.cancel()

            tasks.start_soon(run, self._receive)
            tasks.start_soon(run, self._answer)
        self._service.metrics.frames.labels("dropped").inc(self._newest.dropped)
        ending = self._ending
        if ending is not None and ending.code is not None:
            with suppress(WebSocketDisconnect, RuntimeError), anyio.move_on_after(_GOODBYE_S):
                await self._websocket.close(ending.code, ending.reason)

    async def _receive(self) -> None:
        """Take what the client sends, as fast as it comes."""
        loop = asyncio.get_running_loop()
        limit_bytes, idle_s = self._settings.live_max_frame_bytes, self._settings.live_idle_s
        silent_from = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(silent_from + idle_s):
                    message = await self._websocket.receive()
            except TimeoutError:
                raise Ending(SILENT, f"no frame came for {idle_s:g} s") from None
            if message["type"] == "websocket.disconnect":
                raise Ending(None)
            data: bytes | None = message.get("bytes")
            if data is None:
                await self._obey(message["text"])
                continue
            if len(data) > limit_bytes:
                raise Ending(TOO_LARGE, f"a frame may have {limit_bytes:,} bytes, got {len(data):,}")
            silent_from = loop.time()
            self._newest.put(data, time.monotonic())

    async def _obey(self, text: str) -> None:
        """Switch what a client wants switched."""
        try:
            wish = read_wish(text)
        except InputError as error:
            await self._refuse(error.code, str(error), None)
            return
        if wish.smoothing is not None:
            self._follower.smooth(STEADY if wish.smoothing else None)
        if wish.group is not None and wish.group != (self._crowd is not None):
            self._crowd = Crowd() if wish.group else None

    async def _answer(self) -> None:
        """Read the newest frame, tell what is on it, and so on."""
        await self._send(make_hello(self._service.engine.recognizer.labels, self._settings))
        while True:
            await self._answer_one(await self._newest.take())  # no name holds the frame while we wait for the next

    async def _answer_one(self, frame: Arrived) -> None:
        began_s = time.monotonic()
        engine, frames = self._service.engine, self._service.metrics.frames
        try:
            with engine.admission.admit(1):
                reading = await engine.read_timed(frame.data, name="the frame")
        except Draining:
            raise Ending(SHUTTING_DOWN, "the service is stopping") from None
        except Busy as error:  # no fault of the client's: the next frame may be read again
            frames.labels("busy").inc()
            await self._send(make_error(error.code, str(error), frame.number))
            return
        picture = reading.picture
        if picture.error is not None:
            frames.labels("unreadable").inc()
            await self._refuse(picture.error["code"], picture.error["message"], frame.number)
            return
        frames.labels("read").inc()
        self._bad = 0
        assert picture.width is not None
        assert picture.height is not None
        moment = self._follower.follow(
            picture.faces or (),
            frame=frame.number,
            time_s=frame.time_s - self._begin_s,
            width=picture.width,
            height=picture.height,
            looks=[sketch(face.crop) for face in reading.cut.faces],
        )
        message = {"type": "moment", **moment.to_dict()} if self._crowd is None else self._crowd.tell(moment)
        dropped = self._newest.dropped
        message["dropped"], self._told_dropped = dropped - self._told_dropped, dropped
        message["latency_ms"] = {
            "total": _to_ms(time.monotonic() - frame.time_s),
            "waiting": _to_ms(began_s - frame.time_s + reading.waited_s),
            "reading": _to_ms(reading.took_s),
        }
        await self._send(message)

    async def _refuse(self, code: str, message: str, frame: int | None) -> None:
        """Say that a message can't be used; too many of them in a row are the end."""
        self._bad += 1
        await self._send(make_error(code, message, frame))
        if self._bad >= MAX_BAD:
            raise Ending(REFUSED, f"{MAX_BAD} messages in a row could not be used")

    async def _send(self, message: dict[str, Any]) -> None:
        """Send a message, and wait until the client has room for the next."""
        text = json.dumps(message, separators=(",", ":"), allow_nan=False)
        try:
            with anyio.fail_after(self._settings.live_slow_s):
                async with self._sending:
                    await self._websocket.send_text(text)
        except TimeoutError:
            raise Ending(SLOW, f"no answer was taken for {self._settings.live_slow_s:g} s") from None


def _to_ms(seconds: float) -> float:
    return round(1000.0 * seconds, 2)
