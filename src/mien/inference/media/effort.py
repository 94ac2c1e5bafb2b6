"""Pictures that are small as files and would keep a decoder busy for hours; they are refused before they are decoded.

Pixels alone don't bound the work: some formats let a file go over all of them again and again, and some of Pillow's
readers go over a file byte by byte in Python.
"""

from __future__ import annotations

import io
import re
from typing import Final

from PIL import Image, PpmImagePlugin, TiffImagePlugin

from mien.core.errors import UnreadableMediaError

MAX_SCANS: Final = 100
"""Of a progressive JPEG. Encoders make about ten; each goes over all pixels, and may take less than 100 bytes."""

MAX_EXIF_PARTS: Final = 1000
"""Of a JPEG. Pillow copies all that it has for each further one."""

MAX_COMMENTS: Final = 1000
"""Of a PPM that is written in digits. Pillow copies what is left, up to 1 MiB, for each."""

MAX_PLAIN_BYTES: Final = 4 * 2**20
"""Of a PPM that is written in digits: room for 640 x 480 in color. Pillow takes it apart word by word."""

MAX_READS: Final = 400_000
"""Times that Pillow may ask for a piece of one file: about a second's worth. An ordinary file takes some thousands; one
of 640 x 480 that is read pixel by pixel, as BMPs packed by run lengths are, takes 300,000."""

MAX_STRIPS: Final = 100_000
"""Of a TIFF whose strips or tiles are JPEGs, each with its own scans."""

_PLAIN_PPM: Final = (b"P1", b"P2", b"P3")

_JPEG_IN_TIFF: Final = (6, 7)
"""Values of the tag for compression: JPEG as it was thought of first, and as it is used."""

_PLACES: Final = ((273, 279), (324, 325), (513, 514))
"""Tags for where a TIFF's strips, tiles and its one old JPEG begin, and how many bytes they have."""

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
        UnreadableMediaError: If it is a JPEG of too many scans or EXIF parts, or a PPM in digits that has too many
            comments or bytes.

    Source: "Two Issues with the JPEG Standard", libjpeg-turbo, 2018,
        https://libjpeg-turbo.org/pmwiki/uploads/About/TwoIssueswiththeJPEGStandard.pdf
    """
    if data.startswith(b"\xff\xd8"):
        if data.count(_SCAN) > MAX_SCANS and _has_too_many_scans(data):
            raise _refuse(name, f"over {MAX_SCANS} scans")
        if data.count(_EXIF) > MAX_EXIF_PARTS:
            raise _refuse(name, f"over {MAX_EXIF_PARTS:,} parts of EXIF")
    elif data.startswith(_PLAIN_PPM):
        if len(data) > MAX_PLAIN_BYTES:
            raise UnreadableMediaError(
                f"{name} is a PPM of {len(data):,} bytes in digits; such are read up to {MAX_PLAIN_BYTES:,}. Save it "
                "as a PNG."
            )
        if data.count(b"#") > MAX_COMMENTS:
            raise _refuse(name, f"over {MAX_COMMENTS:,} comments")


def check_strips(image: Image.Image, data: bytes, name: str) -> None:
    """Refuse a TIFF with a JPEG in it that would be refused as a file.

    Args:
        image: That was opened, not loaded; anything but a TIFF is let through.
        data: Its file.
        name: For messages.

    Raises:
        UnreadableMediaError: If one of its strips or tiles has too many scans, or there are too many of them.
    """
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return
    tags = image.tag_v2
    if tags.get(TiffImagePlugin.COMPRESSION) not in _JPEG_IN_TIFF or data.count(_SCAN) <= MAX_SCANS:
        return
    for starts, sizes in _PLACES:
        places = list(zip(_to_numbers(tags.get(starts)), _to_numbers(tags.get(sizes)), strict=False))
        if len(places) > MAX_STRIPS:
            raise _refuse(name, f"over {MAX_STRIPS:,} strips")
        for start, size in places:
            part = data[start : start + size]
            if part.count(_SCAN) > MAX_SCANS and _has_too_many_scans(part):
                raise _refuse(name, f"over {MAX_SCANS} scans")


def check_shades(image: Image.Image, name: str) -> None:
    """Refuse a PPM that Pillow brings to 8 bits pixel by pixel, unless it is small.

    Args:
        image: That was opened, not loaded; anything but a PPM is let through.
        name: For messages.

    Raises:
        UnreadableMediaError: If it has more pixels than `MAX_READS`.
    """
    is_slow = isinstance(image, PpmImagePlugin.PpmImageFile) and any(tile[0] == "ppm" for tile in image.tile)
    if is_slow and image.width * image.height > MAX_READS:
        raise UnreadableMediaError(
            f"{name} is a PPM with other than 256 shades; such are read up to {MAX_READS:,} pixels. Save it as a PNG."
        )


class MeteredFile(io.BytesIO):
    """The bytes of a file, of which only so many pieces may be asked for.

    What one of Pillow's readers does for each byte, pixel or segment, begins with asking for it.
    """

    def __init__(self, data: bytes, name: str) -> None:
        """Begin at the start.

        Args:
            data: The file.
            name: For messages.
        """
        super().__init__(data)
        self._name = name
        self._reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next piece.

        Raises:
            UnreadableMediaError: If too many were asked for.
        """
        self._reads += 1
        if self._reads > MAX_READS:
            raise UnreadableMediaError(
                f"{self._name} takes too long to read: it is of over {MAX_READS:,} pieces, or packed in an old way. "
                "Save it anew, as a PNG or JPEG."
            )
        return super().read(size)


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


def _to_numbers(value: object) -> tuple[int, ...]:
    """Return a tag's whole numbers, however many it has."""
    values = value if isinstance(value, tuple) else (value,)
    return tuple(number for number in values if isinstance(number, int))


def _refuse(name: str, what: str) -> UnreadableMediaError:
    return UnreadableMediaError(f"{name} has {what}, more than any camera or program makes. Save it anew.")
