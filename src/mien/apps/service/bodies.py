"""Bodies of requests, received within limits of bytes, time and memory, and never written to disk.

A body comes as several files of a form, as one raw file, or as base64 in JSON. What it claims of its own length is
believed where that is too much, and counted in any case.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from mien.apps.service.base64_json import decode_json
from mien.apps.service.forms import parse_form, read_boundary
from mien.apps.service.problems import Refusal
from mien.apps.service.settings import MIB, ServiceSettings

SLOWEST_BYTES_A_SECOND: Final = 64 * 1024
"""A body that comes at least so fast may take its time; one that trickles gets `body_timeout_s`."""

MAX_NAME_LENGTH: Final = 200

_RAW: Final = "application/octet-stream"
_FORM: Final = "multipart/form-data"
_JSON: Final = "application/json"


class Upload(NamedTuple):
    """One file of a request: the client's name for it, without folders, and its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a body may be.

    Attributes:
        kind: The first half of a raw body's content type: "image" or "video".
        noun: What a file is called where the client gave no name, and in messages: "picture" or "video".
        max_bytes: Of the whole body.
        max_file_bytes: Of one file in it, decoded.
        max_files: In one body.
        timeout_s: How long it may take, and a second more for each `SLOWEST_BYTES_A_SECOND` that have come.
        takes_json: Whether base64 in JSON is taken.
    """

    kind: str
    noun: str
    max_bytes: int
    max_file_bytes: int
    max_files: int
    timeout_s: float
    takes_json: bool


class Held:
    """Counts the bytes of all bodies that are held in memory at once."""

    def __init__(self, max_bytes: int) -> None:
        """Begin with none.

        Args:
            max_bytes: Over all requests of this process.
        """
        self._max_bytes = max_bytes
        self.bytes = 0

    @contextmanager
    def hold(self) -> Iterator[_Hold]:
        """Return what a request asks before it keeps a piece; all is given back at the end."""
        hold = _Hold(self)
        try:
            yield hold
        finally:
            self.bytes -= hold.bytes

    def take(self, count: int) -> None:
        """Count bytes in.

        Raises:
            Refusal: `busy`, if they are too many.
        """
        if self.bytes + count > self._max_bytes:
            raise Refusal(
                "busy",
                f"bodies of {self.bytes / MIB:,.0f} MiB are being worked on, and {self._max_bytes / MIB:,.0f} MiB is "
                "the limit. Send this again in a moment.",
                headers={"Retry-After": "1"},
            )
        self.bytes += count


class _Hold:
    """What one request holds."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self.bytes = 0

    def take(self, count: int) -> None:
        self._held.take(count)
        self.bytes += count


def limit_pictures(settings: ServiceSettings) -> BodyLimits:
    """Return what a body with pictures may be."""
    return BodyLimits(
        "image",
        "picture",
        settings.max_body_bytes,
        settings.max_picture_bytes,
        settings.max_files,
        settings.body_timeout_s,
        takes_json=True,
    )


def limit_video(settings: ServiceSettings) -> BodyLimits:
    """Return what a body with one video may be."""
    form_bytes = settings.max_video_bytes + 16 * 1024  # a form has a little around the file
    return BodyLimits(
        "video", "video", form_bytes, settings.max_video_bytes, 1, settings.body_timeout_s, takes_json=False
    )


@asynccontextmanager
async def receive_uploads(request: Request, limits: BodyLimits, held: Held) -> AsyncIterator[list[Upload]]:
    """Receive a request's files; they count as held until the context is left.

    Args:
        request: Whose body nobody has read.
        limits: What it may be.
        held: Counts the bytes.

    Yields:
        At least one file, in the order they were sent.

    Raises:
        Refusal: `unsupported_media`, `too_large`, `too_many`, `timeout`, `bad_input` or `busy`.
    """
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    _check_kind(kind, request.headers.get("content-encoding"), limits)
    _check_announced(request.headers.get("content-length"), limits)
    with held.hold() as hold:
        chunks = _receive(request, limits, hold)
        if kind == _FORM:
            parts = await parse_form(chunks, read_boundary(content_type), limits.max_files, limits.max_file_bytes)
            uploads = [Upload(_tidy(name, n, limits), data) for n, (name, data) in enumerate(parts, 1)]
        else:
            body = await _join(chunks)
            if not body:
                raise Refusal("bad_input", f"the body is empty (0 bytes). Send a {limits.noun}'s file.")
            files = await asyncio.to_thread(decode_json, body, limits.max_files) if kind == _JSON else [body]
            uploads = [Upload(f"{limits.noun}-{n}", data) for n, data in enumerate(files, 1)]
        for upload in uploads:
            if len(upload.data) > limits.max_file_bytes:
                raise too_large(f"a {limits.noun}", limits.max_file_bytes, len(upload.data))
        yield uploads


async def receive_pictures(request: Request) -> AsyncIterator[list[Upload]]:
    """Receive the pictures of a request, until its answer is sent."""
    service = request.app.state.service
    with service.engine.admission.admit(0):  # refuses before anything is received where too much waits already
        pass
    async with receive_uploads(request, limit_pictures(service.settings), service.held) as uploads:
        yield uploads


async def receive_video(request: Request) -> AsyncIterator[Upload]:
    """Receive the one video of a request, until its answer is sent."""
    service = request.app.state.service
    async with receive_uploads(request, limit_video(service.settings), service.held) as uploads:
        yield uploads[0]


PictureUploads = Annotated[list[Upload], Depends(receive_pictures)]
"""A route's parameter: the pictures of its request."""

VideoUpload = Annotated[Upload, Depends(receive_video)]
"""A route's parameter: the video of its request."""


def too_large(what: str, limit: int, seen: int | None = None) -> Refusal:
    """Return the refusal of something with too many bytes.

    Args:
        what: Its name, such as "the body".
        limit: Bytes it may have.
        seen: Bytes it has, if that is known.
    """
    size = "more" if seen is None else f"{seen:,} bytes"
    return Refusal("too_large", f"{what} may have {limit:,} bytes, got {size}. Make it smaller, or send less at once.")


def _check_kind(kind: str, encoding: str | None, limits: BodyLimits) -> None:
    """Refuse content types that are none of ours, before the body is read."""
    taken = [f"{limits.kind}/*", _RAW, _FORM, *([_JSON] if limits.takes_json else [])]
    if encoding not in (None, "identity"):
        raise Refusal("unsupported_media", f"the body is taken as it is, got Content-Encoding {encoding[:40]!r}.")
    is_raw = kind == _RAW or (kind.startswith(f"{limits.kind}/") and len(kind) > len(limits.kind) + 1)
    if not (is_raw or kind == _FORM or (limits.takes_json and kind == _JSON)):
        got = repr(kind[:80]) if kind else "none"
        raise Refusal("unsupported_media", f"Content-Type has to be one of {', '.join(taken)}; got {got}.")


def _check_announced(length: str | None, limits: BodyLimits) -> None:
    if length is not None and length.isdecimal() and int(length[:20]) > limits.max_bytes:
        raise too_large("the body", limits.max_bytes, int(length[:20]))


async def _receive(request: Request, limits: BodyLimits, hold: _Hold) -> AsyncIterator[bytes]:
    """Yield a body as it comes, counting bytes and seconds."""
    loop = asyncio.get_running_loop()
    begin, received = loop.time(), 0
    while True:
        allowed_s = limits.timeout_s + received / SLOWEST_BYTES_A_SECOND
        try:
            async with asyncio.timeout_at(begin + allowed_s):
                message = await request.receive()
        except TimeoutError:
            raise Refusal(
                "timeout", f"{received:,} bytes of the body came in {allowed_s:.1f} s. Send it faster, or less of it."
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        received += len(chunk)
        if received > limits.max_bytes:
            raise too_large("the body", limits.max_bytes)
        hold.take(len(chunk))
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return


async def _join(chunks: AsyncIterator[bytes]) -> bytes:
    pieces = [chunk async for chunk in chunks]
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _tidy(name: str | None, number: int, limits: BodyLimits) -> str:
    """Return a client's name of a file without folders and control characters."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    tidy = "".join(sign for sign in last if sign.isprintable()).strip()[:MAX_NAME_LENGTH]
    return tidy or f"{limits.noun}-{number}"
