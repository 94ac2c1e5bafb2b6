"""Arguments that have to be numbers of one kind, refused in the same words wherever they are asked for."""

from __future__ import annotations

from math import inf
from numbers import Integral

from mien.core.errors import InputError


def check_whole(name: str, value: object, least: int, most: int | None = None) -> int:
    """Return a whole number as Python's own; those of numpy are as welcome.

    Args:
        name: What the caller calls it.
        value: What was given.
        least: The smallest that is allowed.
        most: The largest that is allowed; None if there is none.

    Raises:
        InputError: If it is no whole number, or out of its range. True and False are none.
    """
    top = inf if most is None else most
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= int(value) <= top:
        upward = "on" if most is None else f"to {most}"
        raise InputError(f"{name} is a whole number from {least} {upward}, got {value!r}.")
    return int(value)
