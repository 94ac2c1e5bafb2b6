"""The page and its files, served as they lie in the package: no build step, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, HTTPException, Request, Response

from mien.apps.service.etags import has_tag, make_tag

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""By ending the type of what is served. Files with other endings lie beside the page and stay there."""

ICONS_KEPT_S = 86_400
"""How long a browser draws icons without asking for them: a message that the server is gone has one, too."""

router = APIRouter(include_in_schema=False)


def list_page_files() -> dict[str, Traversable]:
    """Return by address below `/page/` each file that is served, such as `local/source.js`."""
    return dict(_walk(files("mien.apps.service") / "page", ""))


@router.api_route("/", methods=["GET", "HEAD"])
def get_page(request: Request) -> Response:
    """Return the page."""
    return _answer("index.html", request)


@router.api_route("/page/{name:path}", methods=["GET", "HEAD"])
def get_page_file(name: str, request: Request) -> Response:
    """Return one of the page's files."""
    return _answer(name, request)


def _answer(name: str, request: Request) -> Response:
    """Return a file, or 304 where the browser has it already.

    Raises:
        HTTPException: 404 if none of the page's files is called so. Names are looked up among the files that are there,
            never joined to a path.
    """
    found = list_page_files().get(name)
    if found is None:
        raise HTTPException(404, f"the page has no file {name[:100]!r}; it begins at /")
    content = found.read_bytes()
    freshness = f"max-age={ICONS_KEPT_S}" if name.startswith("icons/") else "no-cache"
    headers = {"ETag": make_tag(content), "Cache-Control": freshness}
    if has_tag(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=CONTENT_TYPES["." + found.name.rpartition(".")[2]], headers=headers)


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif "." + entry.name.rpartition(".")[2] in CONTENT_TYPES:
            yield prefix + entry.name, entry
