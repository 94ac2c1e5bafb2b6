"""Forms with files (multipart/form-data), taken apart in memory as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from mien.apps.service.problems import Refusal

FIELD: Final = "files"
"""The name that every file of a form has."""

Part = tuple[str | None, bytes]
"""A file's name as the client gave it, and its bytes."""


def read_boundary(content_type: str) -> bytes:
    """Return what stands between the parts of a form.

    Raises:
        Refusal: `bad_input`, if the content type doesn't say.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise Refusal("bad_input", "the form's Content-Type names no boundary. Let your HTTP library build the form.")
    return boundary


async def parse_form(chunks: AsyncIterator[bytes], boundary: bytes, max_files: int, max_file_bytes: int) -> list[Part]:
    """Take a form apart.

    Args:
        chunks: The body as it comes.
        boundary: Stands between its parts.
        max_files: Parts it may have.
        max_file_bytes: Bytes that one of them may have.

    Returns:
        At least one part, in order.

    Raises:
        Refusal: `bad_input` if it is no whole form or has other fields than `files`; `too_many`, `too_large`.
    """
    collector = _Collector(max_files, max_file_bytes)
    try:
        parser = MultipartParser(boundary, collector.callbacks)  # type: ignore[arg-type]
        async for chunk in chunks:
            parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise Refusal(
            "bad_input", f"the form is damaged: {str(error)[:200]}. Let your HTTP library build it."
        ) from None
    if not collector.is_whole:
        raise Refusal("bad_input", "the form was cut short: its last boundary is missing. Send it again.")
    if not collector.parts:
        raise Refusal("bad_input", f"the form holds no file. Name each of them {FIELD!r}.")
    return [(name, bytes(data)) for name, data in collector.parts]


class _Collector:
    """Gathers what the parser finds."""

    def __init__(self, max_files: int, max_file_bytes: int) -> None:
        self._max_files = max_files
        self._max_file_bytes = max_file_bytes
        self._header = bytearray()
        self._value = bytearray()
        self._disposition = b""
        self.parts: list[tuple[str | None, bytearray]] = []
        self.is_whole = False
        self.callbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._read_header,
            "on_header_value": self._read_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": self._append,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._disposition = b""

    def _read_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _read_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _open(self) -> None:
        """Begin a part once its headers are known."""
        _, options = parse_options_header(self._disposition)
        field = options.get(b"name", b"").decode("utf-8", "replace")
        if field != FIELD:
            raise Refusal("bad_input", f"a form's parts are called {FIELD!r}, got {field[:80]!r}.")
        if len(self.parts) >= self._max_files:
            noun = "file" if self._max_files == 1 else "files"
            raise Refusal("too_many", f"a request may hold {self._max_files} {noun}, got more.")
        name = options.get(b"filename")
        self.parts.append((None if name is None else name.decode("utf-8", "replace"), bytearray()))

    def _append(self, data: bytes, start: int, end: int) -> None:
        part = self.parts[-1][1]
        if len(part) + end - start > self._max_file_bytes:
            limit = f"a file may have {self._max_file_bytes:,} bytes, got more"
            raise Refusal("too_large", f"{limit}. Make it smaller.")
        part += data[start:end]

    def _end(self) -> None:
        self.is_whole = True
