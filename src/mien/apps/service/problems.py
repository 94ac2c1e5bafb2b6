"""Every error of the service as problem JSON (RFC 9457), made in one place.

Clients go by `code`, which stays; `title` and `detail` are for people, and may be worded anew.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.apps.service.wording import describe_field
from mien.core.errors import InputError, MienError, UnreadableMediaError

MEDIA_TYPE: Final = "application/problem+json"

TITLES: Final[dict[str, tuple[int, str]]] = {
    "bad_http": (400, "This is no proper HTTP"),
    "bad_input": (422, "The request can't be understood"),
    "unreadable_media": (422, "Nothing in the request could be read"),
    "too_many_pixels": (422, "The picture has too many pixels"),
    "unsupported_media": (415, "The body is of a kind that is not taken here"),
    "too_large": (413, "The body is too large"),
    "too_many": (413, "The body holds too many things"),
    "timeout": (408, "The body took too long"),
    "video_too_long": (422, "The video is longer than what is read at once"),
    "video_too_many_frames": (422, "The video has more frames than are read at once"),
    "video_too_many_pixels": (422, "The frames of the video are too large"),
    "video_too_costly": (422, "The video takes too much time or memory"),
    "unauthorized": (401, "A token is needed"),
    "forbidden_origin": (403, "This page may not ask this service"),
    "forbidden_host": (421, "The service is not known under this name"),
    "not_found": (404, "There is nothing here"),
    "method_not_allowed": (405, "This address is not asked that way"),
    "busy": (503, "Too much is waiting already"),
    "starting": (503, "The service opens its models"),
    "draining": (503, "The service is stopping"),
    "internal": (500, "Something went wrong inside the service"),
}
"""By code: the status, and what happened in a few words."""

_CODES: Final[dict[int, str]] = {404: "not_found", 405: "method_not_allowed", 401: "unauthorized"}
"""By status: the code of errors that FastAPI and Starlette raise on their own."""

_logger = logging.getLogger("mien.service")


class WrongField(BaseModel):
    """One part of a request that can't be used."""

    where: str = Field(description="Where it stands: `query.min_score`, `body.images`.", examples=["query.min_score"])
    message: str = Field(description="What is wrong with it, for people.")


class UnreadPicture(BaseModel):
    """A picture of the request that couldn't be read."""

    source: str = Field(description="The file's name as the client gave it, or picture-1, picture-2, ...")
    error: dict[str, str] = Field(description="`code`, which is stable, and `message`, for people.")


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    type: str = Field(description="Names the kind of problem: `urn:mien:problem:` and the code.")
    title: str = Field(description="The kind of problem, for people.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    detail: str = Field(description="What was wrong with this request, and what to do about it.")
    instance: str = Field(description="The path that was asked.")
    code: str = Field(description="The kind of problem, for programs; it stays the same.", examples=[*TITLES])
    errors: list[WrongField] | None = Field(None, description="Of a request that can't be understood: each reason.")
    pictures: list[UnreadPicture] | None = Field(None, description="Where no picture could be read: why, one by one.")


class Refusal(MienError):  # noqa: N818 - an answer, no mistake of ours
    """A request that is answered with a problem."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        extras: Mapping[str, Any] | None = None,
    ) -> None:
        """Say what is wrong.

        Args:
            code: One of `TITLES`, which gives the status.
            detail: What was wrong, the value seen, and what to do.
            headers: To send with it, such as `Retry-After`.
            extras: Further members of the problem: `errors`, `pictures`.
        """
        super().__init__(detail)
        self.problem_code = code
        self.headers = dict(headers or {})
        self.extras = dict(extras or {})


def make_problem(code: str, detail: str, instance: str, **extras: Any) -> dict[str, Any]:
    """Return a problem as plain JSON types.

    Args:
        code: One of `TITLES`.
        detail: For people.
        instance: The path that was asked.
        **extras: Further members.
    """
    status, title = TITLES[code]
    return {
        "type": f"urn:mien:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        **extras,
    }


def to_refusal(error: Exception) -> Refusal:
    """Return what a client is told of an error: no advice for who names files, and nothing of what nobody foresaw."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, MienError) and error.code in ("busy", "draining"):
        wait_s = max(1, round(getattr(error, "retry_after_s", 1)))
        return Refusal(error.code, str(error), headers={"Retry-After": str(wait_s)})
    if isinstance(error, UnreadableMediaError):
        return Refusal(error.code if error.code in TITLES else "unreadable_media", error.what)
    if isinstance(error, InputError):
        return Refusal("bad_input", error.what)
    return Refusal("internal", "The reason stands in the service's log. The request may be tried again later.")


def describe(error: Exception, instance: str) -> dict[str, Any]:
    """Return the problem that tells of an error, as plain JSON types; for answers that have begun already."""
    refusal = to_refusal(error)
    return make_problem(refusal.problem_code, str(refusal), instance, **refusal.extras)


def log_failure(error: BaseException) -> None:
    """Log an error that nobody foresaw: its kinds and where it came from.

    Its text is left out unless it is of ours, as it may hold a piece of what a client sent.
    """
    chain: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(chain) < 5:
        frames = "".join(traceback.format_tb(seen.__traceback__))
        text = f": {seen}" if isinstance(seen, MienError) else ""
        chain.append(f"{type(seen).__module__}.{type(seen).__qualname__}{text}\n{frames}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    _logger.error("an error that nobody foresaw: %s", "caused by ".join(chain).rstrip())


def responses(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's account of the problems that a route answers with.

    Args:
        codes: Of `TITLES`.
    """
    by_status: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        status, title = TITLES[code]
        entry = by_status.setdefault(status, {"description": "", "content": {MEDIA_TYPE: {"examples": {}}}})
        entry["description"] = " / ".join(part for part in (entry["description"], f"{title} (`{code}`)") if part)
        content = entry["content"][MEDIA_TYPE]
        content["schema"] = {"$ref": "#/components/schemas/Problem"}
        content["examples"][code] = {"value": make_problem(code, "Says what was wrong, and what to do.", "/v1/predict")}
        if status == 503:
            entry["headers"] = {
                "Retry-After": {"description": "Seconds to wait before asking again.", "schema": {"type": "integer"}}
            }
        if status == 401:
            entry["headers"] = {"WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}}}
    return by_status


class ProblemResponse(JSONResponse):
    """A problem as the body of an answer."""

    media_type = MEDIA_TYPE


def answer(refusal: Refusal, instance: str) -> ProblemResponse:
    """Return the answer that a refusal gets.

    Args:
        refusal: What is wrong.
        instance: The path that was asked.
    """
    problem = make_problem(refusal.problem_code, str(refusal), instance, **refusal.extras)
    headers = dict(refusal.headers)
    if problem["status"] == 408:  # the rest of the body does not come; of one that is too large it does, and is dropped
        headers["Connection"] = "close"
    if problem["status"] == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return ProblemResponse(problem, problem["status"], headers)


def install(app: FastAPI) -> None:
    """Let an app answer all its errors with problems."""

    async def on_refusal(request: Request, error: Exception) -> ProblemResponse:
        refusal = to_refusal(error)
        if refusal.problem_code == "internal":
            log_failure(error)
        return answer(refusal, request.url.path)

    async def on_http(request: Request, error: Exception) -> ProblemResponse:
        assert isinstance(error, HTTPException)
        return _answer_http(error, request)

    async def on_validation(request: Request, error: Exception) -> ProblemResponse:
        assert isinstance(error, RequestValidationError)
        return answer(wrong_fields(error.errors()), request.url.path)

    async def on_live_validation(websocket: WebSocket, error: Exception) -> None:
        assert isinstance(error, WebSocketRequestValidationError)
        await websocket.send_denial_response(answer(wrong_fields(error.errors()), websocket.url.path))

    app.add_exception_handler(MienError, on_refusal)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(WebSocketRequestValidationError, on_live_validation)


def _answer_http(error: HTTPException, request: Request) -> ProblemResponse:
    """Answer what FastAPI or Starlette refused on their own."""
    path, status = request.url.path, error.status_code
    headers = dict(error.headers or {})
    if status == 404 and error.detail == "Not Found":
        return answer(Refusal("not_found", f"there is nothing at {path[:200]}; see /openapi.json."), path)
    if status == 405:
        allowed = headers.get("Allow") or headers.get("allow") or "other methods"
        detail = f"{path[:200]} takes {allowed}, got {request.method[:20]}."
        return answer(Refusal("method_not_allowed", detail, headers=headers), path)
    code = _CODES.get(status, "bad_input" if status < 500 else "internal")
    problem = make_problem(code, str(error.detail), path) | {"status": status}
    if code == "bad_input":
        problem["title"] = HTTPStatus(status).phrase
    return ProblemResponse(problem, status, headers)


def wrong_fields(problems: Sequence[Mapping[str, Any]]) -> Refusal:
    """Return the refusal of a request with parts that can't be used.

    Args:
        problems: As pydantic lists them; see `describe_field`.
    """
    fields = [
        {
            "where": ".".join(str(part) for part in problem["loc"])[:200],
            "message": describe_field(problem)[:300],
        }
        for problem in problems[:20]
    ]
    detail = "; ".join(f"{field['where']}: {field['message']}" for field in fields)
    return Refusal("bad_input", detail, extras={"errors": fields})


class LastResort:
    """Answers what nobody foresaw with a 500 that tells nothing, and logs it without its text."""

    def __init__(self, app: ASGIApp) -> None:
        """Take the app whose errors are caught."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app."""
        has_begun = False

        async def note(message: Message) -> None:
            nonlocal has_begun
            has_begun = True  # whatever it is: nothing is sent before an answer
            await send(message)

        try:
            await self._app(scope, receive, note)
        except ClientDisconnect:  # nobody is there to be answered
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer and the log a line
            log_failure(error)
            if has_begun:
                raise ConnectionAbortedError("an answer broke off; the reason is logged above") from None
            await answer(to_refusal(error), scope["path"])(scope, receive, send)
