"""Pictures into arrays: whatever a picture comes from, upright 8-bit RGB comes out, or a clear error."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from mien.core.errors import InputError, MissingMediaError, OversizedMediaError, UnreadableMediaError
from mien.inference.media.addresses import refuse_address
from mien.inference.media.color import to_rgb
from mien.inference.media.effort import MeteredFile, check_effort, check_shades, check_strips

RGB: TypeAlias = NDArray[np.uint8]
"""(H, W, 3) uint8."""

PictureSource: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | Image.Image | NDArray[Any]

MAX_FILE_BYTES: Final = 128 * 2**20
"""Larger files are refused before they are read."""

MAX_PIXELS: Final = 120_000_000
"""Larger pictures are refused before they are decoded; 120 million take 360 MB as an array."""

MAX_SIDE_PX: Final = 65_535
"""Of either side; a JPEG can't have more. A strip of 1 x 50,000,000 would be all side and no picture."""

FORMATS: Final = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""Pillow's names of what is read. Formats that start other programs (EPS) or hold other than pictures are left out."""

SUFFIXES: Final = frozenset(
    f".{name}"
    for name in (
        "avif",
        "bmp",
        "gif",
        "jfif",
        "jp2",
        "jpe",
        "jpeg",
        "jpg",
        "pbm",
        "pgm",
        "png",
        "pnm",
        "ppm",
        "tif",
        "tiff",
        "webp",
    )
)
"""What counts as a picture file in a folder; a file that is named itself may have any suffix."""

_HEIC: Final = frozenset(b"ftyp" + brand for brand in (b"heic", b"heix", b"heim", b"heis", b"mif1"))
"""Bytes 4 to 12 of what many phones take photos as; Pillow reads it by an addition alone."""

_MP4: Final = tuple(b"ftyp" + brand for brand in (b"iso", b"mp4", b"avc", b"M4V", b"qt  ", b"3g", b"dash"))
"""How bytes 4 to 12 of an MP4 or MOV video begin."""

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation: what turns the picture upright."""


def read_picture(source: PictureSource, *, max_pixels: int | None = None) -> RGB:
    """Read one picture as a person sees it.

    EXIF orientation is applied; of an animation the first frame is taken (of a PIL image: its current one); what shines
    through stands on white; 16-bit gray is scaled, not clipped; color profiles are ignored.

    Args:
        source: A path, the bytes of a file, a PIL image, or an array: (H, W) gray or (H, W, 3) RGB, uint8.
        max_pixels: Larger pictures are refused before they are decoded; None means `MAX_PIXELS`. Each million takes
            3 MB as an array, and about as much again while it is decoded.

    Returns:
        (H, W, 3) uint8; an RGB array is returned as it is, not copied.

    Raises:
        UnreadableMediaError: If the file is empty, cut short, no picture, larger than `MAX_FILE_BYTES`, or would keep a
            decoder busy for too long.
        MissingMediaError: If there is no such file.
        OversizedMediaError: If it has more than `max_pixels`, or a side longer than `MAX_SIDE_PX`.
        InputError: If an array has another shape or dtype, or the source is of another type.
    """
    max_pixels = MAX_PIXELS if max_pixels is None else max_pixels
    if isinstance(source, np.ndarray):
        return _check_array(source, max_pixels)
    if isinstance(source, Image.Image):
        with _named("the PIL image", max_pixels):
            return _upright_rgb(source, "the PIL image", max_pixels)
    if isinstance(source, bytes | bytearray | memoryview):
        return _decode(bytes(source), "the picture", max_pixels)
    if isinstance(source, str | os.PathLike):
        refuse_address(name := os.fsdecode(source))
        if not name:
            raise InputError("the path of a picture is empty. Name a file.")
        path = Path(name)
        return _decode(_read_file(path), str(path), max_pixels)
    raise InputError(
        f"a picture is a path, the bytes of a file, a PIL image, or a uint8 array, got {type(source).__name__}."
    )


def _check_array(array: NDArray[Any], max_pixels: int) -> RGB:
    wanted = "an array picture has to be (H, W) gray or (H, W, 3) RGB, uint8 from 0 to 255"
    if array.dtype != np.uint8:
        raise InputError(f"{wanted}; got {array.dtype} {array.shape}. Scale it and convert it with .astype(np.uint8).")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3) or not array.size:
        raise InputError(f"{wanted}; got shape {array.shape}.")
    _check_size(array.shape[1], array.shape[0], "the array", max_pixels)
    if array.ndim == 2:
        return np.repeat(array[:, :, None], 3, axis=2)
    return np.ascontiguousarray(array)


def _read_file(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UnreadableMediaError(f"{path} is a folder, not a picture.", advice="Name a file in it.")
        if not path.exists():
            raise MissingMediaError(f"{path} does not exist.")
        if not path.is_file():
            raise UnreadableMediaError(f"{path} is no regular file, so it can't be a picture.")
        _check_bytes(path.stat().st_size, str(path))
        return path.read_bytes()
    except OSError as error:
        raise UnreadableMediaError(f"{path} can't be read: {error.strerror or error}.") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise UnreadableMediaError(f"{str(path)!r} is no possible path: {error}.") from error


def _decode(data: bytes, name: str, max_pixels: int) -> RGB:
    _check_bytes(len(data), name)
    check_effort(data, name)
    with _named(name, max_pixels):
        with _quiet:
            try:
                image = Image.open(MeteredFile(data, name), formats=_known_formats())
            except UnidentifiedImageError:
                if data[4:12] in _HEIC:
                    raise UnreadableMediaError(f"{name} is HEIC, which mien doesn't read; save it as JPEG.") from None
                if _is_video(data):
                    advice = "Use `mien watch` or `mien.Pipeline` for videos."
                    raise UnreadableMediaError(f"{name} is a video, not a picture.", advice=advice) from None
                raise
        with image:
            check_strips(image, data, name)
            check_shades(image, name)
            return _upright_rgb(image, name, max_pixels)


def _is_video(data: bytes) -> bool:
    """Whether a file begins as one of the common videos does: MP4 and MOV, Matroska and WebM, AVI."""
    return (
        data[4:12].startswith(_MP4) or data[:4] == b"\x1aE\xdf\xa3" or (data[:4] == b"RIFF" and data[8:12] == b"AVI ")
    )


def _known_formats() -> list[str]:
    """Return those of `FORMATS` that the installed Pillow knows; AVIF came in 11.3."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _upright_rgb(image: Image.Image, name: str, max_pixels: int) -> RGB:
    """Decode, turn and convert; `image` itself stays as it is, but for being loaded."""
    _check_size(image.width, image.height, name, max_pixels)
    with _quiet:
        image.load()
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    turn = _TURNS.get(orientation)
    # Converted first: transposing loses what a palette knows of transparency.
    upright = to_rgb(image, name)
    return np.ascontiguousarray(upright if turn is None else upright.transpose(turn))


def _check_bytes(size: int, name: str) -> None:
    if not size:
        raise UnreadableMediaError(f"{name} is empty (0 bytes).")
    if size > MAX_FILE_BYTES:
        limit = f"pictures are read up to {MAX_FILE_BYTES // 2**20} MiB"
        raise UnreadableMediaError(f"{name} has {size / 2**20:,.0f} MiB; {limit}. Save it smaller.")


def _check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise UnreadableMediaError(f"{name} has no pixels ({width} x {height}).")
    if max(width, height) > MAX_SIDE_PX:
        limit = f"pictures are read up to {MAX_SIDE_PX:,} pixels a side"
        raise OversizedMediaError(f"{name} has {width} x {height} pixels; {limit}. Cut or save it smaller.")
    if width * height > max_pixels:
        raise _too_many_pixels(name, f"{width} x {height}", max_pixels)


def _too_many_pixels(name: str, number: str, max_pixels: int) -> OversizedMediaError:
    limit = f"pictures are read up to {max_pixels / 1e6:.3g} million"
    return OversizedMediaError(f"{name} has {number} pixels; {limit}. Save it smaller.")


@contextmanager
def _named(name: str, max_pixels: int) -> Iterator[None]:
    """Turn whatever a decoder raises into one error that names the picture.

    Damaged files make decoders raise nearly anything, from OSError over SyntaxError to struct.error.
    """
    try:
        yield
    except InputError:
        raise
    except UnidentifiedImageError as error:
        known = ", ".join(name for name in FORMATS if name != "DIB")
        raise UnreadableMediaError(
            f"{name} is in none of the formats that mien reads ({known}), or it is damaged."
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(name, "too many", max_pixels) from error
    except MemoryError as error:
        raise UnreadableMediaError(f"{name} does not fit into memory. Save it smaller.") from error
    except Exception as error:
        raise UnreadableMediaError(f"{name} is damaged or cut short: {error or type(error).__name__}.") from error


class _Quiet:
    """Keeps Pillow's warnings of large pictures and odd EXIF from the user: our own limits answer instead.

    The interpreter's warning filters are shared by all threads: the first thread to come sets one, the last to leave
    takes it back. None waits for another, however long a file takes to open.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: AbstractContextManager[object] = nullcontext()

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._before.__exit__(None, None, None)


_quiet: Final = _Quiet()
