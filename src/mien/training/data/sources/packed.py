"""Text files read straight out of the archive they were published in."""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeAlias

from mien.core.errors import DataError

OnProgress: TypeAlias = Callable[[int, int], None]
"""Called with what is done and what there is in all, in any unit."""

_CORRUPT = (EOFError, lzma.LZMAError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, UnicodeDecodeError)


@contextmanager
def read_lines(path: Path, on_progress: OnProgress | None = None) -> Iterator[Iterator[str]]:
    """Open a text file, plain or packed as .gz, .xz or .zip (told by its content), and yield its lines.

    Args:
        path: The file. A .zip must hold one CSV file, or one named `fer2013.csv`.
        on_progress: Told the bytes of the packed file read so far, and their number.

    Raises:
        DataError: If the file is missing, not text, or cut short.
    """
    try:
        with path.open("rb") as raw, _unpack(raw, path) as unpacked:
            text = io.TextIOWrapper(unpacked, encoding="utf-8-sig", newline="")
            yield _report(text, raw, path.stat().st_size, on_progress)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist. Name the CSV file to import, or the word `synthetic`.") from None
    except _CORRUPT as error:
        raise DataError(f"{path} is cut short or broken: {error}. Fetch the file again.") from None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}.") from None


def _unpack(raw: IO[bytes], path: Path) -> IO[bytes]:
    """Return the unpacked bytes as a stream."""
    magic = raw.read(6)
    raw.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.open(raw)  # type: ignore[return-value]
    if magic.startswith(b"\xfd7zXZ\x00"):
        return lzma.open(raw)
    if magic.startswith(b"PK"):
        return _unzip(raw, path)
    if not magic:
        raise DataError(f"{path} is empty. Fetch the file again.")
    return raw


def _unzip(raw: IO[bytes], path: Path) -> IO[bytes]:
    """Open the one CSV file inside a .zip."""
    archive = zipfile.ZipFile(raw)
    tables = [name for name in archive.namelist() if name.lower().endswith(".csv") and "__MACOSX" not in name]
    named = [name for name in tables if Path(name).name.lower() == "fer2013.csv"]
    chosen = named or tables
    if len(chosen) != 1:
        raise DataError(f"{path} holds {len(tables)} CSV files, expected one, or one named fer2013.csv.")
    return archive.open(chosen[0])


def _report(text: io.TextIOWrapper, raw: IO[bytes], total: int, on_progress: OnProgress | None) -> Iterator[str]:
    """Pass the lines on, telling about every 200th how far the packed file is read."""
    for number, line in enumerate(text):
        if on_progress and number % 200 == 0:
            on_progress(raw.tell(), total)
        yield line
    if on_progress:
        on_progress(total, total)
