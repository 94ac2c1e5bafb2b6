"""`WS /v1/live`: the door of live connections."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, WebSocket
from pydantic import BaseModel, ConfigDict, Field

from mien.apps.service.access import is_token_right, read_bearer
from mien.apps.service.live.messages import SUBPROTOCOL, TOO_MANY
from mien.apps.service.live.session import Session
from mien.apps.service.problems import Refusal, answer
from mien.apps.service.running import Service
from mien.apps.service.schemas import Flag
from mien.inference.pipeline import STEADY
from mien.inference.track.follower import Follower

router = APIRouter(prefix="/v1")


class LiveQuery(BaseModel):
    """How a connection begins; a client may switch both at any time."""

    model_config = ConfigDict(extra="forbid")

    smoothing: Flag = Field(True, description="Whether expressions are smoothed over time.")
    group: Flag = Field(False, description="Whether all are told about together, and nobody alone.")


@router.websocket("/live")
async def follow_live(websocket: WebSocket, query: Annotated[LiveQuery, Query()]) -> None:
    """Answer frames with who is on them, and which expression each one shows.

    Foreign origins and unknown hosts have been refused by `access.Doorkeeper`; a wrong token, and subprotocols without
    ours, are refused here, before the connection is accepted.
    """
    service: Service = websocket.app.state.service
    offered: list[str] = websocket.scope.get("subprotocols", [])
    if not is_token_right(read_bearer(websocket.headers, offered), service.settings):
        await _refuse(websocket, "unauthorized", "the token is absent or not the right one.")
        return
    if offered and SUBPROTOCOL not in offered:  # a browser would drop a connection that takes up none of its words
        await _refuse(websocket, "bad_input", f"the subprotocol is {SUBPROTOCOL}; offer it, or none at all.")
        return
    await websocket.accept(SUBPROTOCOL if offered else None)
    lobby, room = service.lobby, service.settings.max_live
    if lobby.count >= room:
        await websocket.close(TOO_MANY, f"{room} live connections are open, and more are not allowed; come back later")
        return
    with lobby.enter(), service.metrics.live.track_inprogress():
        # In a thread: the first of all followers imports SciPy.
        follower = await to_thread.run_sync(partial(Follower, smoothing=STEADY if query.smoothing else None))
        await Session(websocket, service, follower, is_group=query.group).run()


async def _refuse(websocket: WebSocket, code: str, detail: str) -> None:
    """Say why there is no connection, while the client still waits for one."""
    await websocket.send_denial_response(answer(Refusal(code, detail), websocket.url.path))
