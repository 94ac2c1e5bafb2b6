"""Pictures that are small as files and would keep a decoder busy for hours; they are refused before they are decoded.

Pixels alone don't bound the work: some formats let a file go over all of them again and again.
"""

from __future__ import annotations

import re
from typing import Final

from mien.core.errors import UnreadableMediaError

MAX_SCANS: Final = 100
"""Of a progressive JPEG. Encoders make about ten; each goes over all pixels, and may take less than 100 bytes."""

MAX_EXIF_PARTS: Final = 1000
"""Of a JPEG. Pillow copies all that it has for each further one."""

MAX_COMMENTS: Final = 1000
"""Of a PPM that is written in digits. Pillow copies what is left, up to 1 MiB, for each."""

_PLAIN_PPM: Final = (b"P1", b"P2", b"P3")

_EXIF: Final = b"Exif\0\0"
_SCAN: Final = b"\xff\xda"
_END: Final = b"\xff\xd9"
_MARKER: Final = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
"""What begins a segment: no pixel data, fill byte or restart, which have no length and hold nothing."""


def check_effort(data: bytes, name: str) -> None:
    """Refuse a picture file that takes far longer to decode than its size tells.

    Args:
        data: The file.
        name: For messages.

    Raises:
        UnreadableMediaError: If it is a JPEG of too many scans or EXIF parts, or a PPM of too many comments.

    Source: "Two Issues with the JPEG Standard", libjpeg-turbo, 2018,
        https://libjpeg-turbo.org/pmwiki/uploads/About/TwoIssueswiththeJPEGStandard.pdf
    """
    if data.startswith(b"\xff\xd8"):
        if data.count(_SCAN) > MAX_SCANS and _has_too_many_scans(data):
            raise _refuse(name, f"over {MAX_SCANS} scans")
        if data.count(_EXIF) > MAX_EXIF_PARTS:
            raise _refuse(name, f"over {MAX_EXIF_PARTS:,} parts of EXIF")
    elif data.startswith(_PLAIN_PPM) and data.count(b"#") > MAX_COMMENTS:
        raise _refuse(name, f"over {MAX_COMMENTS:,} comments")


def _has_too_many_scans(data: bytes) -> bool:
    """Count scans as the decoder does, up to the picture's end: what a phone puts behind it may hold any bytes."""
    scans, at = 0, 2
    while found := _MARKER.search(data, at):
        at = found.end()
        if found[0] == _END:
            return False
        if found[0] != b"\xff\xd8":
            scans += found[0] == _SCAN
            at += max(2, int.from_bytes(data[at : at + 2], "big"))
        if scans > MAX_SCANS:
            return True
    return False


def _refuse(name: str, what: str) -> UnreadableMediaError:
    return UnreadableMediaError(f"{name} has {what}, more than any camera or program makes. Save it anew.")
