"""What goes over a live connection besides frames: what a client may ask for, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, StrictBool, ValidationError, model_validator

from mien.apps.service.settings import ServiceSettings
from mien.core.errors import InputError

SUBPROTOCOL: Final = "mien.v1"

MAX_TEXT: Final = 1024
"""Letters of a client's text message; the longest that makes sense has 40."""

MAX_BAD: Final = 10
"""Messages in a row that can't be used; then the connection is closed."""

SHUTTING_DOWN: Final = 1001
REFUSED: Final = 1008
TOO_LARGE: Final = 1009
FAILED: Final = 1011
TOO_MANY: Final = 1013
SILENT: Final = 4408
SLOW: Final = 4409


class Ending(Exception):  # noqa: N818 - most endings are no errors
    """A live connection is over.

    Attributes:
        code: The close code; None where the client has gone already.
        reason: For people, at most 123 bytes.
    """

    def __init__(self, code: int | None, reason: str = "") -> None:
        """Say how and why."""
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Wish(BaseModel):
    """What a client wants from the next answer on; what is not named stays as it is.

    Attributes:
        smoothing: Whether expressions are smoothed over time.
        group: Whether all are told about together, and nobody alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    smoothing: StrictBool | None = None
    group: StrictBool | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Wish:
        if None in (getattr(self, name) for name in self.model_fields_set) or not self.model_fields_set:
            raise ValueError("name smoothing or group, and true or false")
        return self


def read_wish(text: str) -> Wish:
    """Read a text message of a client.

    Raises:
        InputError: If it is anything but `{"smoothing": true|false, "group": true|false}`, of which one is enough.
    """
    wanted = 'a text message is {"smoothing": true|false} or {"group": true|false}'
    if len(text) > MAX_TEXT:
        raise InputError(f"{wanted}; got {len(text):,} letters.")
    try:
        return Wish.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = "".join(f"{part}: " for part in problem["loc"])[:60]
        raise InputError(f"{wanted}; {place}{problem['msg'].removeprefix('Value error, ')[:200]}.") from None


def make_hello(labels: Sequence[str], settings: ServiceSettings) -> dict[str, Any]:
    """Return the first message of a connection.

    Args:
        labels: The model's.
        settings: With the limits.
    """
    limits = {
        "max_frame_bytes": settings.live_max_frame_bytes,
        "max_pixels": settings.max_pixels,
        "max_unusable_in_a_row": MAX_BAD,
        "idle_s": settings.live_idle_s,
        "slow_s": settings.live_slow_s,
    }
    return {"type": "hello", "labels": list(labels), "limits": limits}


def make_error(code: str, message: str, frame: int | None = None) -> dict[str, Any]:
    """Return the answer to a message that can't be used.

    Args:
        code: Stable, for programs.
        message: For people.
        frame: The frame's number; None for a text.
    """
    return {"type": "error", "frame": frame, "code": code, "message": message}
