"""The service's description of itself, for people and for programs that write clients."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from mien import __version__
from mien.apps.service.base64_json import Base64Pictures
from mien.apps.service.problems import Problem
from mien.core.card import ModelCard

DESCRIPTION: Final = """\
Reads apparent facial expressions in pictures and video. What a face seems to show is not what a person feels.

Nothing of a picture is stored or logged. Errors are problem JSON (RFC 9457); programs go by its `code`.
"""

_TAGS: Final = [
    {"name": "pictures", "description": "Pictures in, faces and expressions out."},
    {"name": "video", "description": "Videos in, one line of JSON a frame out."},
    {"name": "about", "description": "What the service runs and takes."},
    {"name": "operation", "description": "For whoever watches over the service."},
]


_ENTRY: Final = re.compile(r"^(\w+): ((?:.|\n(?=[ ]))+)", re.MULTILINE)
"""A name, a colon, and text whose further lines stand further in."""

_UNTOLD: Final[dict[str, dict[str, str]]] = {
    "ModelInput": {
        "layout": "Order of the axes: batch, height, width, and with RGB the color.",
        "dtype": "Type of one value.",
        "size_px": "Side of a crop.",
        "color": "Whether crops are gray or RGB.",
    },
}
"""Fields that no docstring tells of."""


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI schema of an app; it is made once.

    Args:
        app: Whose routes are described.
    """
    if app.openapi_schema is None:
        schema = get_openapi(
            title="mien",
            version=__version__,
            summary="Apparent facial expressions in pictures and video",
            description=DESCRIPTION,
            routes=app.routes,
            tags=_TAGS,
            license_info={"name": "MIT", "identifier": "MIT"},
        )
        _, own = models_json_schema(
            [(Problem, "serialization"), (Base64Pictures, "validation")], ref_template="#/components/schemas/{model}"
        )
        forms = schema["components"]["schemas"] | own["$defs"]
        for name, form in forms.items():
            _fill(name, form)
        schema["components"]["schemas"] = dict(sorted(forms.items()))
        app.openapi_schema = schema
    return app.openapi_schema


def _fill(name: str, form: dict[str, Any]) -> None:
    """Give each field its description: cards have theirs in the docstring of their class."""
    summary, told = _split(form.get("description", ""))
    if summary:
        form["description"] = summary
    told = _split(ModelCard.__doc__ or "")[1] | _UNTOLD.get(name, {}) | told
    for field, value in form.get("properties", {}).items():
        if "description" not in value and field in told:
            value["description"] = told[field]
        elif "description" not in value and "const" in value:
            value["description"] = f"Always `{value['const']}`."


def _split(docstring: str) -> tuple[str, dict[str, str]]:
    """Take a docstring apart: what it says of the whole, and by name of each attribute."""
    summary, _, rest = inspect.cleandoc(docstring).partition("\n\nAttributes:\n")
    entries = _ENTRY.findall(textwrap.dedent(rest))
    return summary, {name: " ".join(text.split()).replace("None", "null") for name, text in entries}
