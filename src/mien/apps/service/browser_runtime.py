"""What the page needs to read pictures on the device: onnxruntime-web, which a person puts there, and the models.

onnxruntime-web is not part of mien, as it takes more room than all of it. One command brings it from the npm registry;
where it is absent, the page lacks the switch "On this device". It comes from this service, never from elsewhere.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from mien.apps.service.access import Token
from mien.apps.service.problems import Refusal, responses
from mien.apps.service.settings import ServiceSettings
from mien.core.errors import ModelError
from mien.inference.runtime.bundled import find_data_folder, read_model

RUNTIME_VERSION: Final = "1.30.0"
"""Of onnxruntime-web: the one that `tests/apps/service/page/test_local_parity.py` was passed with."""

RUNTIME_PATH: Final = "/runtime/"
"""Where the page finds onnxruntime-web."""

NEEDED: Final = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
"""Files without which nothing runs. With WebGPU `ort.webgpu.min.mjs` and what it names are asked for, too."""

CONTENT_TYPES: Final = {".mjs": "text/javascript; charset=utf-8", ".wasm": "application/wasm"}
"""By suffix the type of what is served; all else in the folder stays there."""

MODELS: Final = ("expression", "expression-nano", "faces")
"""What is served as a file. A model that somebody put in their place by path is not: the page runs these by name."""

router = APIRouter()


class BrowserMode(BaseModel):
    """Whether pictures can be read on the device, and what for."""

    available: bool = Field(description="Whether onnxruntime-web is there; without it only the server reads pictures.")
    runtime: str = Field(description="Address of the folder of onnxruntime-web.", examples=[RUNTIME_PATH])
    install: str = Field(description="The command that brings onnxruntime-web.")
    models: dict[str, str] = Field(
        description="By name the address of each model file that is there.",
        examples=[{"expression": "/v1/models/expression.onnx", "faces": "/v1/models/faces.onnx"}],
    )


def find_runtime(settings: ServiceSettings) -> Path | None:
    """Return the folder of onnxruntime-web, links followed; None where it is absent or incomplete."""
    named = settings.browser_runtime
    folder = named if named is not None else _find_prefix() / "node_modules" / "onnxruntime-web" / "dist"
    try:
        real = folder.expanduser().resolve(strict=True)
        return real if all(_find_file(real, name) for name in NEEDED) else None
    except (OSError, RuntimeError):  # absent, not to be read, links in a circle, or nobody has a home
        return None


def tell_install() -> str:
    """Return the command that brings onnxruntime-web to its usual place; nothing of the package is run by it."""
    prefix = _find_prefix()
    try:
        shown = f"~/{prefix.relative_to(Path.home()).as_posix()}"
    except (ValueError, RuntimeError):  # not below the home folder, or nobody has one
        shown = str(prefix)
    return f"npm install --ignore-scripts --prefix {shown} onnxruntime-web@{RUNTIME_VERSION}"


@router.get(
    "/v1/browser",
    operation_id="get_browser",
    summary="Whether pictures can be read on the device",
    tags=["about"],
    dependencies=[Token],
    responses=responses("unauthorized", "forbidden_host", "internal"),
)
def get_browser(request: Request) -> BrowserMode:
    """Tell whether the in-browser mode can run, and where its parts are."""
    settings: ServiceSettings = request.app.state.settings
    models = {name: f"/v1/models/{name}.onnx" for name in MODELS if _read(name) is not None}
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
        **responses("unauthorized", "not_found", "bad_input", "forbidden_host", "internal"),
    },
)
def get_model_file(
    name: Annotated[Literal["expression", "expression-nano", "faces"], PathParameter(description="The model's name.")],
    request: Request,
) -> Response:
    """Return a model file whose card and hashes were checked.

    Raises:
        Refusal: `not_found`, if it is none of `MODELS`, or an optional one that isn't here.
    """
    data = _read(name)
    if data is None:
        raise Refusal("not_found", f"the model {name} is not installed here; /v1/browser names those that are.")
    tag = f'"{sha256(data).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if _has(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="application/octet-stream", headers=headers)


@router.api_route(f"{RUNTIME_PATH}{{name}}", methods=["GET", "HEAD"], include_in_schema=False)
def get_runtime_file(name: str, request: Request) -> Response:
    """Return a file of onnxruntime-web. It asks for no token, as a browser's imports can't send one.

    Raises:
        Refusal: `not_found`, if onnxruntime-web is absent, or has no such file.
    """
    folder = find_runtime(request.app.state.settings)
    if folder is None:
        raise Refusal("not_found", f"onnxruntime-web is not installed here. Whoever runs this can: {tell_install()}")
    file = _find_file(folder, name)
    if file is None:
        raise Refusal("not_found", f"onnxruntime-web has no file {name[:100]!r} that is served here.")
    stat = file.stat()
    headers = {"ETag": f'"{_hash(file, stat.st_mtime_ns, stat.st_size)}"', "Cache-Control": "no-cache"}
    if _has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return FileResponse(file, media_type=CONTENT_TYPES[file.suffix], headers=headers)


def _find_prefix() -> Path:
    """Return the folder that npm installs into: `mien` in the system's place for a person's data."""
    return find_data_folder() / "mien"


def _find_file(folder: Path, name: str) -> Path | None:
    """Return a file of a folder that may be served, by its name alone.

    The name is looked up among the entries, never joined to a path, and links are not followed.
    """
    if Path(name).suffix not in CONTENT_TYPES:
        return None
    found = next((entry for entry in folder.iterdir() if entry.name == name), None)
    return found if found is not None and found.is_file() and not found.is_symlink() else None


def _read(name: str) -> bytes | None:
    """Return a model's file; None if it is absent or damaged."""
    try:
        return read_model(name).data
    except ModelError:
        return None


@lru_cache(maxsize=16)
def _hash(file: Path, mtime_ns: int, size: int) -> str:
    """Hash a file; it is hashed anew when its time or size changed, which is why they are asked for."""
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()[:32]


def _has(request: Request, tag: str) -> bool:
    """Tell whether the client has the same file already."""
    tags = request.headers.get("if-none-match", "").split(",")
    return tag in [each.strip().removeprefix("W/") for each in tags]
