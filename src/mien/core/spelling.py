"""Which name was probably meant by one that isn't known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def find_meant(name: str, names: Iterable[str]) -> str | None:
    """Return the known name that is spelled most like the given one; None if none is alike.

    Args:
        name: What somebody wrote.
        names: What there is.
    """
    close = get_close_matches(name, list(names), n=1)
    return close[0] if close else None
