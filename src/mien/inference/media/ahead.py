"""Pictures read ahead: the next ones are decoded while the last one is being looked at."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple

from mien.core.errors import InputError
from mien.inference.media.pictures import RGB, PictureSource, read_picture

PICTURES_AHEAD: Final = 2
"""Pictures that are decoded before they are asked for. Each may take 360 MB, so there are few."""


class Read(NamedTuple):
    """A picture that was read, or why it wasn't.

    Attributes:
        name: Its path, or its number where it has none.
        picture: (H, W, 3) uint8, or None.
        error: What is wrong with it, or None.
    """

    name: str
    picture: RGB | None
    error: InputError | None


def read_ahead(sources: Iterable[PictureSource]) -> Iterator[Read]:
    """Read pictures one after the other, in their order, by a thread of its own.

    Args:
        sources: Paths, bytes of files, PIL images, or uint8 arrays; any mix, any number. If it fails, the pictures that
            it gave before come first.
    """
    numbered: Iterator[tuple[int, PictureSource]] = iter(enumerate(sources))
    failure: Exception | None = None
    with ThreadPoolExecutor(1, thread_name_prefix="mien-read") as reader:
        ahead: deque[Future[Read]] = deque()
        try:
            while True:
                try:
                    while len(ahead) < PICTURES_AHEAD and (item := next(numbered, None)) is not None:
                        ahead.append(reader.submit(_read, *item))
                except Exception as error:  # noqa: BLE001 (raised below, when the pictures before it are told)
                    failure, numbered = error, iter(())
                if not ahead:
                    break
                yield ahead.popleft().result()
        finally:
            reader.shutdown(cancel_futures=True)
    if failure is not None:
        raise failure


def try_read(name: str, source: PictureSource, max_pixels: int | None = None) -> Read:
    """Read one picture, or say why it can't be read.

    Args:
        name: What to call it.
        source: As for `read_picture`.
        max_pixels: As for `read_picture`.
    """
    try:
        return Read(name, read_picture(source, max_pixels=max_pixels), None)
    except InputError as error:
        return Read(name, None, error)


def _read(number: int, source: PictureSource) -> Read:
    return try_read(os.fspath(source) if isinstance(source, str | os.PathLike) else f"picture {number}", source)
