"""A .zip of folders with picture files in it, read where it lies: nothing of it is ever written to disk."""

from __future__ import annotations

import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mien.core.errors import DataError, UnreadableMediaError
from mien.training.data.sources.tree import Listing, ReadFile, is_left_out, refuse_large

MAGIC = b"PK"
ENCRYPTED, SAYS_UTF_8 = 0x1, 0x800
"""Flags of a member."""

_DAMAGE = (
    EOFError,
    NotImplementedError,  # a way of packing that Python lacks
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What `zipfile` fails with on archives that are broken in one way or another."""


class Zip:
    """A .zip archive."""

    def __init__(self, path: Path) -> None:
        """Take the archive's path."""
        self.path = path

    def list(self) -> Listing:
        """List the archive.

        Raises:
            DataError: If it is broken or encrypted, or a name in it leads outside of it.
        """
        with self._open() as archive:
            members = self._members(archive)
            folders = {"/".join(parts[:depth]) for parts in map(_split, members) for depth in range(1, len(parts))}
            folders |= {name for name, member in members.items() if member.is_dir()}
            return Listing.of(folders, (name for name, member in members.items() if not member.is_dir()))

    @contextmanager
    def open(self) -> Iterator[ReadFile]:
        """Open the archive for reading.

        Raises:
            DataError: As `list`.
        """
        with self._open() as archive:
            members = self._members(archive)

            def read(file: str) -> bytes:
                refuse_large(members[file].file_size)  # `zipfile` unpacks no more than that
                try:
                    return archive.read(members[file])
                except _DAMAGE as error:
                    raise UnreadableMediaError(f"damaged inside the archive: {error}.") from None

            yield read

    @contextmanager
    def _open(self) -> Iterator[zipfile.ZipFile]:
        try:
            archive = zipfile.ZipFile(self.path)
        except _DAMAGE as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"{self.path} is cut short or broken: {reason}. Fetch the file again.") from None
        with archive:
            yield archive

    def _members(self, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
        """Return what the archive holds by its path; of two files with one path the last, as if it were unpacked."""
        members: dict[str, zipfile.ZipInfo] = {}
        for member in archive.infolist():
            name = _name(member).replace("\\", "/")  # as some programs on Windows write it
            parts = _split(name)
            if name.startswith("/") or re.match("[A-Za-z]:/", name) or ".." in parts:
                raise DataError(f"{self.path} holds {name[:100]!r}, a name that leads outside of it. Don't trust it.")
            if any(is_left_out(part) for part in parts) or not parts:
                continue
            if member.flag_bits & ENCRYPTED:
                raise DataError(f"{self.path} is encrypted. Unpack it with its password and name what is in it.")
            members["/".join(parts)] = member
        return members


def _name(member: zipfile.ZipInfo) -> str:
    """Return a member's name; many programs write UTF-8 without saying so, which `zipfile` takes for code page 437."""
    if member.flag_bits & SAYS_UTF_8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _split(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
