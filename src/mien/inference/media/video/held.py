"""Videos that lie in memory or come as an open file, read as if they were files with a path."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO, Final, Protocol, TypeAlias, runtime_checkable

from mien.core.errors import UnreadableMediaError

_NAME: Final = "the video"
"""What it is called in messages."""


@runtime_checkable
class SeekableFile(Protocol):
    """An open binary file that can be read at any place, as `open(path, "rb")` and `io.BytesIO` give them."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place, and return it."""


VideoContent: TypeAlias = bytes | bytearray | memoryview | SeekableFile


class Held:
    """A video without a path. It may be opened several times at once; each opening reads at a place of its own."""

    def __init__(self, content: VideoContent) -> None:
        """Take the content; it is neither copied, if it is `bytes`, nor ever closed.

        Args:
            content: The bytes of a video file, or a binary file that is open. Nobody else should read it meanwhile.

        Raises:
            UnreadableMediaError: If it is empty, or a file that is open for text or can't be read at any place.
        """
        self._content = content if isinstance(content, SeekableFile) else bytes(content)
        if not self._measure():
            raise UnreadableMediaError(f"{self} is empty (0 bytes).")

    def open(self) -> BinaryIO:
        """Open it for reading, from its beginning."""
        if isinstance(self._content, bytes):
            return io.BytesIO(self._content)  # shares them
        return io.BufferedReader(_Place(self._content))

    def __str__(self) -> str:
        return _NAME

    def _measure(self) -> int:
        if isinstance(self._content, bytes):
            return len(self._content)
        try:
            is_text = isinstance(self._content.read(0), str)
            size = self._content.seek(0, io.SEEK_END)
        except (OSError, ValueError) as error:  # a pipe, a closed file
            raise UnreadableMediaError(
                f"{self} is a file that can't be read at any place ({error}). Read it, and pass its bytes."
            ) from error
        if is_text:
            raise UnreadableMediaError(f'{self} is a file that is open for text. Open it as open(path, "rb").')
        return size


class _Place(io.RawIOBase):
    """One reader's place in a file that others read, too."""

    def __init__(self, file: SeekableFile) -> None:
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._file.seek(self._at)
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_CUR:
            offset, whence = offset + self._at, io.SEEK_SET
        self._at = self._file.seek(offset, whence)
        return self._at

    def tell(self) -> int:
        return self._at


Origin: TypeAlias = Path | Held
"""What a video is read from; as text, what it is called in messages."""


def open_origin(origin: Origin) -> BinaryIO:
    """Open it for reading.

    Raises:
        OSError: If there is no such file, or it must not be read.
    """
    return origin.open("rb") if isinstance(origin, Path) else origin.open()
