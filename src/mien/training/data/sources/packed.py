"""Text files read straight out of the archive they were published in."""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TypeAlias, cast

from mien.core.errors import DataError

OnProgress: TypeAlias = Callable[[int, int], None]
"""Called with what is done and what there is in all, in any unit."""

MAX_LINE = 1 << 17
"""Characters after which a line is cut, so that a file without line ends does not fill the memory."""

LINES_A_REPORT = 200

PREFERRED = ("fer2013.csv", "icml_face_data.csv")
"""Of several tables in a .zip the one with such a name is read; the first name that is there decides."""

_CORRUPT = (EOFError, lzma.LZMAError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, NotImplementedError)


@contextmanager
def read_lines(path: Path, on_progress: OnProgress | None = None) -> Iterator[Iterator[str]]:
    """Open a text file, plain or packed as .gz, .xz or .zip (told by its content), and yield its lines.

    Args:
        path: The file. A .zip must hold one CSV file, or one with a name of `PREFERRED`.
        on_progress: Told the bytes of the packed file read so far, and their number; in the end both are equal.

    Raises:
        DataError: If the file is missing, not UTF-8 text, or cut short.
    """
    try:
        if path.exists() and not path.is_file():
            raise DataError(f"{path} is {'a folder' if path.is_dir() else 'no ordinary file'}. Name the CSV file.")
        with path.open("rb") as raw, _unpack(raw, path) as unpacked:
            text = io.TextIOWrapper(unpacked, encoding="utf-8-sig", newline="")
            yield _report(text, raw, path.stat().st_size, on_progress)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist. Check its name.") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is no UTF-8 text: byte {error.object[error.start]:#04x}. Name a CSV file; an archive that is no "
            ".gz, .xz or .zip has to be unpacked first."
        ) from None
    except _CORRUPT as error:
        raise DataError(f"{path} is cut short or broken: {error}. Fetch the file again.") from None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}.") from None


def _unpack(raw: IO[bytes], path: Path) -> IO[bytes]:
    """Return the unpacked bytes as a stream."""
    magic = raw.read(6)
    raw.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.open(raw))
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
    tables = [file for file in archive.infolist() if _is_table(file.filename)]
    named = ([file for file in tables if Path(file.filename).name.lower() == name] for name in PREFERRED)
    chosen = next(filter(None, named), tables)
    if len(chosen) != 1:
        names = ", ".join(file.filename for file in chosen)[:200]
        raise DataError(
            f"{path} holds {len(chosen)} CSV files to choose from ({names or 'none at all'}), expected one, "
            f"or one named {' or '.join(PREFERRED)}. Unpack it and name the file."
        )
    if chosen[0].flag_bits & 1:
        raise DataError(f"{path} is encrypted. Unpack it with its password and name the file.")
    return archive.open(chosen[0])


def _is_table(name: str) -> bool:
    return name.lower().endswith(".csv") and not name.startswith("__MACOSX/")


def _report(text: io.TextIOWrapper, raw: IO[bytes], total: int, on_progress: OnProgress | None) -> Iterator[str]:
    """Pass the lines on, telling now and then how far the packed file is read."""
    for number, line in enumerate(iter(partial(text.readline, MAX_LINE), "")):
        if on_progress and number % LINES_A_REPORT == 0:
            on_progress(raw.tell(), total)
        yield line
    if on_progress:
        on_progress(total, total)
