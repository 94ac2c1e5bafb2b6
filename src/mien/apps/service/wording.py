"""What others say of a request, put for somebody who sends HTTP: no flags of a command line, no words of pydantic."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

_FOR_COMMANDS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (
        re.compile(r"the video is a picture \((\w+)\), not a video\. Use `mien predict` for pictures\."),
        r"what was sent is a picture (\1), not a video. Send pictures to /v1/predict.",
    ),
    (re.compile(r"Name a file with a picture\."), "Send a video with pictures."),
    (re.compile(r"Name the video file itself"), "Send the video file itself"),
    (re.compile(r" is not a picture that mien can read \("), " is not of a kind that is read here ("),
)
"""What `mien`'s readers say to people who name files, and what to say to those who send them."""

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


def put_for_clients(text: str) -> str:
    """Return a reader's message as somebody needs it who sent the file; others stay as they are."""
    for pattern, words in _FOR_COMMANDS:
        text = pattern.sub(words, text)
    return text


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
