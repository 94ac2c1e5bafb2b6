"""Addresses of the network, which mien never opens: they are told apart from paths, as which they would be absent."""

from __future__ import annotations

import re
from typing import Final

from mien.core.errors import InputError

_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
"""How one begins: two letters at least, as one may be a drive of Windows."""


def refuse_address(name: str) -> None:
    """Refuse what is no path.

    Raises:
        InputError: If it is an address such as https://example.org/a.mp4.
    """
    if _ADDRESS.match(name):
        raise InputError(f"{name} is an address, and mien opens none. Download it first and name the file.")
