"""What pydantic says of a request, put for somebody who sends HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

_LONGEST_VALUE: Final = 40

_PLAIN: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "greater_than": lambda limits: f"has to be above {limits['gt']:g}",
    "greater_than_equal": lambda limits: f"has to be at least {limits['ge']:g}",
    "less_than": lambda limits: f"has to be below {limits['lt']:g}",
    "less_than_equal": lambda limits: f"has to be at most {limits['le']:g}",
    "float_parsing": lambda _: "has to be a number",
    "int_parsing": lambda _: "has to be a whole number",
    "int_from_float": lambda _: "has to be a whole number",
    "finite_number": lambda _: "has to be a finite number",
    "string_type": lambda _: "has to be a string",
    "list_type": lambda _: "has to be a list",
}
"""By pydantic's kind of error what it means; the argument is its `ctx`."""


def describe_field(problem: Mapping[str, Any]) -> str:
    """Return what is wrong with one part of a request.

    Args:
        problem: As pydantic lists it: with `loc` and `msg`, and maybe `type`, `ctx` and `input`.

    Returns:
        In a query or a path with the value seen, which is short and stands in the address anyway. Nothing of a body is
        sent back.
    """
    kind, place = problem.get("type", ""), problem["loc"][0] if problem["loc"] else ""
    if kind == "extra_forbidden":
        return f"there is no such {'parameter' if place == 'query' else 'field'}. Leave it out; see /openapi.json"
    plain = _PLAIN.get(kind)
    said = str(problem["msg"]).removeprefix("Value error, ") if plain is None else plain(problem.get("ctx") or {})
    value = problem.get("input")
    if place in ("query", "path") and isinstance(value, str):
        said += f", got {value[:_LONGEST_VALUE]!r}{' ...' if len(value) > _LONGEST_VALUE else ''}"
    return said
