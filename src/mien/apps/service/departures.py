"""Clients that go away before they are answered: nothing more is done for them."""

from __future__ import annotations

from anyio import CancelScope
from starlette.types import Receive


async def cancel_when_gone(receive: Receive, scope: CancelScope) -> None:
    """Wait until a client is gone, and cancel what is done for it.

    Args:
        receive: Of a request whose body has been read to its end.
        scope: What is done for the client.
    """
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
