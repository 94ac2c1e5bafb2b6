"""Whether a Matroska or WebM file ends where one of its parts does, or somewhere in the middle of one."""

from __future__ import annotations

import os
from typing import BinaryIO, Final, NamedTuple

_SEGMENT: Final = 0x18538067
_MOST_PARTS: Final = 4_000_000  # 20 hours of a live recording; files that are made to waste time are left alone


class _Part(NamedTuple):
    """The head of one element.

    Attributes:
        kind: Its id.
        start: Where its content begins, bytes.
        size: Of its content, bytes; None where the file doesn't tell, as of what was recorded live.
    """

    kind: int
    start: int
    size: int | None


def ends_in_the_middle(file: BinaryIO) -> bool:
    """Tell whether a file is shorter than its parts say.

    A finished file says how long all of it is. A live recording doesn't, and may end after any of its parts.

    Args:
        file: Of Matroska or WebM; read from its beginning, whatever its place.

    Returns:
        False, too, for what is no Matroska or is damaged, so that the parts can't be told.

    Source: https://www.rfc-editor.org/rfc/rfc8794 (EBML), https://www.rfc-editor.org/rfc/rfc9559 (Matroska)
    """
    end = file.seek(0, os.SEEK_END)
    at = 0
    for _ in range(_MOST_PARTS):
        if at == end:
            return False
        try:
            part = _read_head(file, at)
        except EOFError:
            return True
        except ValueError:
            return False
        if part.size is None:  # its own parts tell
            at = part.start
            continue
        at = part.start + part.size
        if at > end:
            return True
        if part.kind == _SEGMENT:  # what comes behind it is no video
            return False
    return False


def _read_head(file: BinaryIO, at: int) -> _Part:
    """Read the head of the element that begins at a byte.

    Raises:
        EOFError: If the file ends within the head.
        ValueError: If no element begins there.
    """
    file.seek(at)
    head = file.read(12)  # an id of 4 bytes and a size of 8 at most
    id_length = _count_bytes(head[0], 4)
    if len(head) <= id_length:
        raise EOFError
    length = _count_bytes(head[id_length], 8)
    if len(head) < id_length + length:
        raise EOFError
    unknown = (1 << 7 * length) - 1
    size = int.from_bytes(head[id_length : id_length + length], "big") & unknown
    return _Part(int.from_bytes(head[:id_length], "big"), at + id_length + length, None if size == unknown else size)


def _count_bytes(first: int, most: int) -> int:
    """Return how many bytes a number has, which its first byte tells by the zeros at its head."""
    length = 9 - first.bit_length()
    if length > most:
        raise ValueError
    return length
