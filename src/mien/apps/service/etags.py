"""Entity tags: whoever has a file already is told so, and gets no bytes again."""

from __future__ import annotations

from hashlib import sha256

from fastapi import Request


def make_tag(data: bytes) -> str:
    """Return the value of the `ETag` header of some bytes.

    Args:
        data: What is served.
    """
    return quote_tag(sha256(data).hexdigest())


def quote_tag(digest: str) -> str:
    """Return the value of the `ETag` header of what has a SHA-256.

    Args:
        digest: As hexadecimal digits; half of them are enough.
    """
    return f'"{digest[:32]}"'


def has_tag(request: Request, tag: str) -> bool:
    """Return whether a client has the same bytes already.

    Args:
        request: With `If-None-Match` where it has any.
        tag: Of what would be served.
    """
    tags = request.headers.get("if-none-match", "").split(",")
    return tag in [each.strip().removeprefix("W/") for each in tags]
