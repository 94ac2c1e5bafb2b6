"""What the routes for pictures share: the engine is asked for all pictures at once, and the answer is written."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

import anyio
from fastapi import Request, Response
from starlette.requests import ClientDisconnect

from mien.apps.service.bodies import Upload
from mien.apps.service.departures import cancel_when_gone
from mien.apps.service.problems import Refusal
from mien.apps.service.running import Service
from mien.apps.service.schemas import EXAMPLE
from mien.core.results import Picture

MANY_FACES: Final = 64
"""From so many on the answer is written in a thread, so that other requests go on meanwhile."""

FILE: Final[dict[str, Any]] = {"type": "string", "format": "binary"}
"""OpenAPI's schema of a file's bytes."""

PROBLEMS: Final = (
    "bad_input",
    "unreadable_media",
    "too_many_pixels",
    "unsupported_media",
    "too_large",
    "too_many",
    "timeout",
    "unauthorized",
    "forbidden_origin",
    "forbidden_host",
    "busy",
    "draining",
    "internal",
)
"""What the routes for pictures may answer instead."""

EXAMPLES: Final[dict[str, Any]] = {
    "description": "One entry a picture, in the order they were sent",
    "content": {"application/json": {"example": EXAMPLE}},
}
"""OpenAPI's account of a good answer."""


async def answer_pictures(
    request: Request,
    uploads: list[Upload],
    *,
    crops: bool = False,
    min_score: float | None = None,
    max_side_px: int | None = None,
) -> Response:
    """Read all pictures of a request together. If its client goes away, those that nobody has begun with are dropped.

    Args:
        request: Its body has been read.
        uploads: The pictures' files.
        crops: Each is one face, cut out already.
        min_score: As for `Engine.read`.
        max_side_px: As for `Engine.read`.

    Raises:
        Refusal: `unreadable_media` or `too_many_pixels`, with each reason, if none can be read.
        Busy: If too many pictures wait already.
        ClientDisconnect: If the client is gone.
    """
    service: Service = request.app.state.service
    engine = service.engine
    done: list[Picture | BaseException] | None = None
    with engine.admission.admit(len(uploads)):
        readings = (
            engine.read(upload.data, name=upload.name, crops=crops, min_score=min_score, max_side_px=max_side_px)
            for upload in uploads
        )
        # All are waited for, whatever becomes of one: none goes on unseen after its place is given to others.
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancel_when_gone, request.receive, tasks.cancel_scope)
            done = await asyncio.gather(*readings, return_exceptions=True)
            tasks.cancel_scope.cancel()
    if done is None:
        raise ClientDisconnect
    pictures: list[Picture] = []
    for one in done:
        if isinstance(one, BaseException):
            raise one
        pictures.append(one)
    service.metrics.count_pictures([None if one.faces is None else len(one.faces) for one in pictures])
    if all(one.error is not None for one in pictures):
        raise _refuse(pictures)
    faces = sum(len(one.faces or ()) for one in pictures)
    body = _write(pictures) if faces < MANY_FACES else await asyncio.to_thread(_write, pictures)
    return Response(body, media_type="application/json")


def describe_picture(picture: Picture) -> dict[str, Any]:
    """Return a picture as the API has it: one that couldn't be read has a width and a height, too, which are null."""
    if picture.error is None:
        return picture.to_dict()
    return {"source": picture.source, "width": None, "height": None, "error": dict(picture.error)}


def describe_form(files: dict[str, Any]) -> dict[str, Any]:
    """Return OpenAPI's account of a form with files and nothing else.

    Args:
        files: The schema of its field `files`.
    """
    return {"type": "object", "properties": {"files": files}, "required": ["files"], "additionalProperties": False}


def describe_body() -> dict[str, Any]:
    """Return OpenAPI's account of a body with pictures, which FastAPI doesn't see as we receive it ourselves."""
    form = describe_form({"type": "array", "items": FILE, "minItems": 1, "description": "One part a picture."})
    return {
        "requestBody": {
            "required": True,
            "description": "Pictures as files: JPEG, PNG, WebP, GIF, BMP, TIFF, JPEG 2000, AVIF.",
            "content": {
                "multipart/form-data": {"schema": form},
                "image/*": {"schema": FILE},
                "application/octet-stream": {"schema": FILE},
                "application/json": {"schema": {"$ref": "#/components/schemas/Base64Pictures"}},
            },
        }
    }


def _write(pictures: list[Picture]) -> bytes:
    answer = {"pictures": [describe_picture(one) for one in pictures]}
    return json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def _refuse(pictures: list[Picture]) -> Refusal:
    errors: list[dict[str, Any]] = [{"source": one.source, "error": dict(one.error or {})} for one in pictures]
    first = errors[0]["error"]["message"]
    detail = first if len(pictures) == 1 else f"none of the {len(pictures)} pictures could be read; the first: {first}"
    codes = {(one.error or {})["code"] for one in pictures}
    code = codes.pop() if len(codes) == 1 else "unreadable_media"
    return Refusal(code, detail, extras={"pictures": errors})
