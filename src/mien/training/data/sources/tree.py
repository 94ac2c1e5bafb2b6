"""A tree of folders with picture files in it: what it holds, and the bytes of each file.

A folder on disk and a .zip of one are such trees, and give the same listing; see `zipped` for the other.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeAlias

from mien.core.errors import DataError, UnreadableMediaError
from mien.inference.media.pictures import MAX_FILE_BYTES, SUFFIXES

ReadFile: TypeAlias = Callable[[str], bytes]
"""Returns the bytes of one file by its path in the tree; raises `UnreadableMediaError` if they can't be had."""

MAC_FOLDER = "__MACOSX"
"""What macOS puts into every .zip beside the files: icons and the like under the pictures' own names."""


@dataclass(frozen=True)
class Listing:
    """What a tree holds, as paths relative to it with `/` on every system; all else in it is left out.

    Attributes:
        folders: Every folder, those without pictures too.
        pictures: Files with a suffix of `inference.media.pictures.SUFFIXES`.
        tables: CSV files.
    """

    folders: tuple[str, ...]
    pictures: tuple[str, ...]
    tables: tuple[str, ...]

    @classmethod
    def of(cls, folders: Iterable[str], files: Iterable[str]) -> Listing:
        """Sort the files by what they are, and everything by name."""
        by_suffix = [(PurePosixPath(file).suffix.lower(), file) for file in sorted(files)]
        return cls(
            folders=tuple(sorted(folders)),
            pictures=tuple(file for suffix, file in by_suffix if suffix in SUFFIXES),
            tables=tuple(file for suffix, file in by_suffix if suffix == ".csv"),
        )


class Tree(Protocol):
    """Something with folders and picture files in it."""

    @property
    def path(self) -> Path:
        """What the user named."""

    def list(self) -> Listing:
        """List what it holds, without reading a picture; raises `DataError` if that can't be done."""

    def open(self) -> AbstractContextManager[ReadFile]:
        """Open it for reading."""


class Folder:
    """A folder on disk. Links to files and folders are followed."""

    def __init__(self, path: Path) -> None:
        """Take the folder's path."""
        self.path = path

    def list(self) -> Listing:
        """List the folder, whatever order its file system has.

        Raises:
            DataError: If a folder in it can't be listed, or a link leads back to a folder that it lies in.
        """
        folders: list[str] = []
        files: list[str] = []
        waiting: list[tuple[str, tuple[_Identity, ...]]] = [("", ())]
        while waiting:
            inside, above = waiting.pop()
            try:
                identity = _identify(self.path / inside)
                if identity in above:
                    raise DataError(
                        f"{self.path / inside} is a link that leads back to a folder it lies in, so there is no end of "
                        "pictures. Remove the link."
                    )
                with os.scandir(self.path / inside) as entries:
                    for entry in entries:
                        path = f"{inside}/{entry.name}" if inside else entry.name
                        if is_left_out(entry.name):
                            continue
                        if entry.is_dir():
                            folders.append(path)
                            waiting.append((path, (*above, identity)))
                        else:
                            files.append(path)
            except OSError as error:
                named = error.filename if error.filename is not None else self.path / inside
                raise DataError(f"{named} can't be listed: {error.strerror or error}.") from None
        return Listing.of(folders, files)

    def open(self) -> AbstractContextManager[ReadFile]:
        """Return the function that reads a file; there is nothing to close."""
        return nullcontext(self._read)

    def _read(self, file: str) -> bytes:
        path = self.path / file
        try:
            info = path.stat()
            if not stat.S_ISREG(info.st_mode):
                raise UnreadableMediaError("no regular file.")
            refuse_large(info.st_size)
            return path.read_bytes()
        except OSError as error:
            raise UnreadableMediaError(f"can't be read: {error.strerror or error}.") from None


def is_left_out(name: str) -> bool:
    """Whether a file or folder of that name is none of the user's: hidden, or one of `MAC_FOLDER`."""
    return name.startswith(".") or name == MAC_FOLDER


def refuse_large(size: int) -> None:
    """Refuse a file before it is read.

    Raises:
        UnreadableMediaError: If it has more than `MAX_FILE_BYTES`.
    """
    if size > MAX_FILE_BYTES:
        raise UnreadableMediaError(
            f"{size / 2**20:,.0f} MiB; pictures are read up to {MAX_FILE_BYTES // 2**20} MiB. Save it smaller."
        )


_Identity: TypeAlias = tuple[int, int]
"""Device and number of a folder: the same under whatever name it is reached."""


def _identify(folder: Path) -> _Identity:
    info = folder.stat()
    return info.st_dev, info.st_ino
