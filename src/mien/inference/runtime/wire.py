"""Walk protobuf's wire format without protobuf: where each field of a message begins and ends.

ONNX files are protobuf messages. Reading a card or looking for outside files needs only the outline of the message,
so a walk of these few lines spares every user the `onnx` package.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mien.core.errors import ModelError

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        number: Its number in the message's definition.
        wire_type: `VARINT`, `FIXED64`, `LENGTH_DELIMITED` or `FIXED32`.
        whole: Its bytes with tag and length.
        value: Its bytes alone; for `VARINT` still encoded.
    """

    number: int
    wire_type: int
    whole: memoryview
    value: memoryview


def walk_fields(data: bytes | memoryview) -> Iterator[Field]:
    """Yield the fields of one message in the order they stand, without copying them.

    Raises:
        ModelError: If the bytes end in the middle of a field, or are no protobuf at all.
    """
    view = memoryview(data)
    position = 0
    while position < len(view):
        start = position
        tag, position = read_varint(view, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == VARINT:
            value_start, end = position, read_varint(view, position)[1]
        elif wire_type == LENGTH_DELIMITED:
            length, value_start = read_varint(view, position)
            end = value_start + length
        elif wire_type in (FIXED64, FIXED32):
            value_start, end = position, position + (8 if wire_type == FIXED64 else 4)
        else:
            raise _not_a_model(start)
        if number == 0:
            raise _not_a_model(start)
        if end > len(view):
            raise _cut_short(len(view), end)
        yield Field(number, wire_type, view[start:end], view[value_start:end])
        position = end


def read_varint(view: memoryview, position: int) -> tuple[int, int]:
    """Return the number that begins at `position`, and the position after it.

    Raises:
        ModelError: If the bytes end before the number does, or it is longer than 64 bits can be.
    """
    value = 0
    for count in range(_MAX_VARINT_BYTES):
        if position + count >= len(view):
            raise _cut_short(len(view), position + count + 1)
        byte = view[position + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, position + count + 1
    raise _not_a_model(position)


def encode_field(number: int, value: bytes) -> bytes:
    """Return a length-delimited field: tag, length, value."""
    return _encode_varint(number << 3 | LENGTH_DELIMITED) + _encode_varint(len(value)) + value


def _encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _cut_short(length: int, needed: int) -> ModelError:
    return ModelError(
        f"not a whole ONNX file: it has {length} bytes where at least {needed} are needed. "
        "It may have been cut short: copy it again, or export the model again."
    )


def _not_a_model(position: int) -> ModelError:
    return ModelError(f"not an ONNX file: byte {position} can't begin a field. Name a file that `mien export` wrote.")
