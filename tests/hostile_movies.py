"""Movies of a few hundred bytes that ask for gigabytes, put together byte by byte.

Source: ISO/IEC 14496-12 (boxes); QuickTime File Format, Apple (`cmov`).
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

from PIL import Image

WIDTH, HEIGHT = 64, 48

_MATRIX = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)


def make_constant_table(samples: int) -> bytes:
    """`stsz` with one size for all samples: two numbers, and an entry of 24 bytes and more in an index for each."""
    head = _box(b"ftyp", b"qt  ", bytes(4), b"qt  ")
    return head + _box(b"mdat", _picture()) + _movie(_tables(samples, len(head) + 8), duration=samples)


def make_fragments(samples: int, runs: int = 4) -> bytes:
    """`trun` boxes whose samples have nothing of their own: likewise, and again for each box."""
    defaults = _full(b"trex", struct.pack(">5I", 1, 1, 1, 1, 0))
    head = _box(b"ftyp", b"qt  ", bytes(4), b"qt  ") + _movie(_tables(0, 0), _box(b"mvex", defaults))
    begin = _full(b"tfhd", struct.pack(">I", 1), flags=0x020000)  # places count from the fragment's beginning
    many = [_full(b"trun", struct.pack(">I", samples))] * runs
    fragment = _box(b"moof", _full(b"mfhd", struct.pack(">I", 1)), _box(b"traf", begin, *many))
    return head + fragment + _box(b"mdat", _picture())


def make_compressed(length: int) -> bytes:
    """`cmov`, a packed head: it unpacks to so many zeros."""
    packer = zlib.compressobj(9)
    packed = b"".join([*(packer.compress(bytes(2**20)) for _ in range(length >> 20)), packer.flush()])
    inner = _box(b"cmov", _box(b"dcom", b"zlib"), _box(b"cmvd", struct.pack(">I", length), packed))
    return _box(b"ftyp", b"qt  ", bytes(4), b"qt  ") + _box(b"moov", inner)


def make_still(width: int = WIDTH, height: int = HEIGHT, samples: int = 1) -> bytes:
    """The control: a movie that is what it says, one picture shown again and again."""
    picture = _picture(width, height)
    head = _box(b"ftyp", b"qt  ", bytes(4), b"qt  ")
    tables = _tables(samples, len(head) + 8, len(picture), width, height)
    return head + _box(b"mdat", picture * samples) + _movie(tables, duration=samples, size=(width, height))


def make_slow(samples: int, width: int = 2000, height: int = 1500) -> bytes:
    """One PNG that is shown again and again: 4 bytes a frame, and some 10 ms of decoding."""
    picture = _picture(width, height, "PNG")
    head = _box(b"ftyp", b"qt  ", bytes(4), b"qt  ")
    tables = _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), _entry(b"png ", width, height)),
        _full(b"stts", struct.pack(">3I", 1, samples, 1)),
        _full(b"stsc", struct.pack(">4I", 1, 1, 1, 1)),
        _full(b"stsz", struct.pack(">2I", len(picture), samples)),
        _full(b"stco", struct.pack(">I", samples), struct.pack(">I", len(head) + 8) * samples),
    )
    return head + _box(b"mdat", picture) + _movie(tables, duration=samples, size=(width, height))


def _picture(width: int = WIDTH, height: int = HEIGHT, form: str = "JPEG") -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (width, height), (90, 60, 30)).save(buffer, form)
    return buffer.getvalue()


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full(kind: bytes, *parts: bytes, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", flags), *parts)


def _tables(samples: int, at: int, size: int = 1, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """Return `stbl`: samples of one size and one unit of time, one after the other from a byte on."""
    return _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), _entry(b"jpeg", width, height)),
        _full(b"stts", struct.pack(">3I", 1, samples, 1)),
        _full(b"stsc", struct.pack(">4I", 1, 1, samples, 1)),
        _full(b"stsz", struct.pack(">2I", size, samples)),
        _full(b"stco", struct.pack(">2I", 1, at)),
    )


def _entry(codec: bytes, width: int, height: int) -> bytes:
    """Return what `stsd` says of the samples."""
    shape = struct.pack(">HHII", width, height, 72 << 16, 72 << 16)
    return _box(codec, bytes(6), b"\0\1", bytes(16), shape, bytes(4), b"\0\1", bytes(32), struct.pack(">Hh", 24, -1))


def _movie(
    tables: bytes, *more: bytes, duration: int = 1, rate: int = 25, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> bytes:
    """Return `moov` with one track of video."""
    head = _full(b"mvhd", struct.pack(">4IIH", 0, 0, rate, duration, 1 << 16, 256), bytes(10), _MATRIX, bytes(28))
    track = _full(
        b"tkhd",
        struct.pack(">5I", 0, 0, 1, 0, duration),
        bytes(16),
        _MATRIX,
        struct.pack(">2I", size[0] << 16, size[1] << 16),
        flags=3,
    )
    media = _full(b"mdhd", struct.pack(">4I2H", 0, 0, rate, duration, 0, 0))
    kind = _full(b"hdlr", bytes(4), b"vide", bytes(13))
    here = _box(b"dinf", _full(b"dref", struct.pack(">I", 1), _full(b"url ", flags=1)))
    inner = _box(b"minf", _full(b"vmhd", bytes(8), flags=1), here, tables)
    return _box(b"moov", head, _box(b"trak", track, _box(b"mdia", media, kind, inner)), *more)
