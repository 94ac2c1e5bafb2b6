"""What goes through the pipes between the service's process and the one that decodes: plain numbers, JSON, pixels.

Neither side trusts the other's lengths: who decodes a stranger's file may have been taken over by it.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np

from mien.inference.media.video.confined.bounds import Bounds
from mien.inference.media.video.frames import Frame
from mien.inference.media.video.sampling import Sampling

READY: Final = b"r"
"""Everything is imported; the request may come. Its body is empty."""
OPENED: Final = b"o"
"""JSON: the fields of `Opened`."""
FRAME: Final = b"f"
"""Its head, and (height, width, 3) uint8."""
END: Final = b"z"
"""JSON: `broken`. Nothing follows."""
ERROR: Final = b"e"
"""JSON: `code`, `message`, `bound` and `broken`. Nothing follows."""

_HEAD: Final = struct.Struct("<cQ")  # the kind, and the bytes that follow
_FRAME: Final = struct.Struct("<QdIIQ")  # index, time_s, width, height, broken
_LENGTH: Final = struct.Struct("<I")
_LONGEST_JSON: Final = 64 * 1024


class BrokenWireError(Exception):
    """The other side has gone, or says what can't be."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be decoded; the video's bytes follow it.

    Attributes:
        size: Of the video, bytes.
        sampling: Which frames are wanted.
        bounds: What that may take.
    """

    size: int
    sampling: Sampling
    bounds: Bounds


class Opened(NamedTuple):
    """What a video says of itself.

    Attributes:
        width: Pixels of the first frame as a person sees it.
        height: Likewise.
        frame_rate: Frames a second on average, or None.
        duration_s: Of the whole video, or None.
        expected_frames: How many will come, estimated, or None.
        has_audio: Whether there is sound in it.
    """

    width: int
    height: int
    frame_rate: float | None
    duration_s: float | None
    expected_frames: int | None
    has_audio: bool


class Message(NamedTuple):
    """The head of what comes next.

    Attributes:
        kind: `READY`, `OPENED`, `FRAME`, `END` or `ERROR`.
        size: Bytes of its body, which has still to be read.
    """

    kind: bytes
    size: int


def write_request(file: BinaryIO, request: Request) -> None:
    """Write a request; the video's bytes are to be written next."""
    text = json.dumps(asdict(request)).encode()
    file.write(_LENGTH.pack(len(text)) + text)


def read_request(file: BinaryIO) -> Request:
    """Read what `write_request` wrote.

    Raises:
        BrokenWireError: If the other side has gone.
    """
    (size,) = _LENGTH.unpack(_read(file, _LENGTH.size))
    values = json.loads(_read(file, size))
    return Request(values["size"], Sampling(**values["sampling"]), Bounds(**values["bounds"]))


def write_message(file: BinaryIO, kind: bytes, values: dict[str, Any] | None = None) -> None:
    """Write any message but a frame, and send it off.

    Args:
        file: To the other side.
        kind: One of the kinds above.
        values: Plain JSON types; None for an empty body.
    """
    text = b"" if values is None else json.dumps(values).encode()
    file.write(_HEAD.pack(kind, len(text)) + text)
    file.flush()


def write_frame(file: BinaryIO, frame: Frame, broken: int) -> None:
    """Write a frame, and send it off.

    Args:
        file: To the other side.
        frame: Its pixels are contiguous.
        broken: Parts of the video that were damaged, so far.
    """
    height, width = frame.pixels.shape[:2]
    head = _FRAME.pack(frame.index, frame.time_s, width, height, broken)
    file.write(_HEAD.pack(FRAME, len(head) + frame.pixels.nbytes) + head)
    file.write(frame.pixels.data)
    file.flush()


def read_head(file: BinaryIO) -> Message:
    """Read the head of the next message.

    Raises:
        BrokenWireError: If the other side has gone.
    """
    return Message(*_HEAD.unpack(_read(file, _HEAD.size)))


def read_values(file: BinaryIO, message: Message) -> dict[str, Any]:
    """Read the body of a message that is no frame.

    Raises:
        BrokenWireError: If the other side has gone, or the body is too long or no JSON object.
    """
    if message.size > _LONGEST_JSON:
        raise BrokenWireError(f"{message.size} bytes of JSON")
    try:
        values = json.loads(_read(file, message.size) or b"{}")
    except ValueError as error:
        raise BrokenWireError("no JSON") from error
    if not isinstance(values, dict):
        raise BrokenWireError("no JSON object")
    return values


def read_frame(file: BinaryIO, message: Message, most_pixels: int) -> tuple[Frame, int]:
    """Read the body of a frame into memory of its own.

    Args:
        file: From the other side.
        message: Its head.
        most_pixels: Of a frame; nothing is taken for one that has more.

    Returns:
        The frame, and how many parts of the video were damaged so far.

    Raises:
        BrokenWireError: If the other side has gone, or its numbers don't fit together.
    """
    index, time_s, width, height, broken = _FRAME.unpack(_read(file, _FRAME.size))
    size = width * height * 3
    if not 0 < size <= most_pixels * 3 or message.size != _FRAME.size + size:
        raise BrokenWireError(f"a frame of {width} x {height} in {message.size} bytes")
    pixels = np.empty((height, width, 3), np.uint8)
    if file.readinto(pixels.data.cast("B")) != size:  # type: ignore[attr-defined]  # whole, as it is buffered
        raise BrokenWireError("cut off within a frame")
    return Frame(index, time_s, pixels), broken


def _read(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise BrokenWireError(f"cut off after {len(data)} of {size} bytes")
    return data
