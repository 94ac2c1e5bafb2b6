"""What the page fetches to read pictures on the device: whether it can, the models, and onnxruntime-web's files."""

from __future__ import annotations

from functools import lru_cache
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from mien.apps.service.access import Token
from mien.apps.service.browser_runtime import CONTENT_TYPES, find_file, find_runtime, tell_install
from mien.apps.service.etags import has_tag, make_tag, quote_tag
from mien.apps.service.problems import Refusal, responses
from mien.apps.service.schemas import RUNTIME_PATH, BrowserMode
from mien.apps.service.settings import ServiceSettings
from mien.core.errors import ModelError
from mien.inference.runtime.bundled import find_model, read_model

MODELS: Final = ("expression", "nano", "faces")
"""What is served as a file. A model that somebody put in their place by path is not: the page runs these by name."""

_NAME: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "name",
            "in": "path",
            "required": True,
            "description": "The model's name.",
            "schema": {"type": "string", "enum": [*MODELS]},
        }
    ]
}
"""OpenAPI's account of a model's name: FastAPI would answer another one with 422, and there is just nothing there."""

router = APIRouter()


@router.get(
    "/v1/browser",
    operation_id="get_browser",
    summary="Whether pictures can be read on the device",
    tags=["about"],
    dependencies=[Token],
    responses=responses("unauthorized", "forbidden_host", "draining", "internal"),
)
def get_browser(request: Request) -> BrowserMode:
    """Tell whether the in-browser mode can run, and where its parts are."""
    settings: ServiceSettings = request.app.state.settings
    models = {name: f"/v1/models/{name}.onnx" for name in MODELS if _find(name) is not None}
    is_there = find_runtime(settings) is not None and {"expression", "faces"} <= models.keys()
    return BrowserMode(available=is_there, runtime=RUNTIME_PATH, install=tell_install(), models=models)


@router.get(
    "/v1/models/{name}.onnx",
    operation_id="get_model_file",
    summary="A model file, as the page runs it on the device",
    tags=["about"],
    dependencies=[Token],
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The client's copy, named by `If-None-Match`, is the same."},
        **responses("unauthorized", "not_found", "forbidden_host", "draining", "internal"),
    },
    openapi_extra=_NAME,
)
def get_model_file(request: Request) -> Response:
    """Return a model file whose card and hashes were checked.

    Raises:
        Refusal: `not_found`, if nothing is served under this name, or its file is absent or damaged.
    """
    name = request.path_params["name"]
    if name not in MODELS:  # others could name a file anywhere
        raise Refusal("not_found", f"there is no model {name[:100]!r}; /v1/browser names those that there are.")
    found = _find(name)
    if found is None:
        raise Refusal("not_found", f"the model {name} is not installed here; /v1/browser names those that are.")
    file, tag = found
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if has_tag(request, tag):
        return Response(status_code=304, headers=headers)
    return FileResponse(file, media_type="application/octet-stream", headers=headers)


@router.api_route(f"{RUNTIME_PATH}{{name}}", methods=["GET", "HEAD"], include_in_schema=False)
def get_runtime_file(name: str, request: Request) -> Response:
    """Return a file of onnxruntime-web. It asks for no token, as a browser's imports can't send one.

    Raises:
        Refusal: `not_found`, if onnxruntime-web is absent, or has no such file.
    """
    folder = find_runtime(request.app.state.settings)
    if folder is None:
        raise Refusal("not_found", f"onnxruntime-web is not installed here. Whoever runs this can: {tell_install()}")
    file = find_file(folder, name)
    if file is None:
        raise Refusal("not_found", f"onnxruntime-web has no file {name[:100]!r} that is served here.")
    stat = file.stat()
    headers = {"ETag": quote_tag(_hash(file, stat.st_mtime_ns, stat.st_size)), "Cache-Control": "no-cache"}
    if has_tag(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return FileResponse(file, media_type=CONTENT_TYPES[file.suffix], headers=headers)


def _find(name: str) -> tuple[Path, str] | None:
    """Return a model's file and its tag; None if it is absent or damaged."""
    try:
        file = find_model(name)
        stat = file.stat()
        return file, _check(file, stat.st_mtime_ns, stat.st_size)
    except (ModelError, OSError):
        return None


@lru_cache(maxsize=16)
def _check(file: Path, mtime_ns: int, size: int) -> str:
    """Check a model's card and hashes, and return its tag; once, until its time or size changes.

    Raises:
        ModelError: If it is damaged.
    """
    return make_tag(read_model(file).data)


@lru_cache(maxsize=16)
def _hash(file: Path, mtime_ns: int, size: int) -> str:
    """Hash a file; it is hashed anew when its time or size changed, which is why they are asked for."""
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
