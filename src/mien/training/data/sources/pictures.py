"""Picture files of any size and format into one array, brought to size and color by what `mien predict` uses."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, UnreadableMediaError
from mien.inference.expression.resampling import resize, to_gray
from mien.inference.media.ahead import read_ahead
from mien.inference.media.pictures import RGB, read_picture
from mien.training.data.files import PictureFile
from mien.training.data.sources.cutting import Cut, FaceCutter
from mien.training.data.sources.packed import OnProgress
from mien.training.data.sources.tree import ReadFile

Color: TypeAlias = Literal["gray", "rgb"]

MIN_SIDE_PX = 2
"""Smaller pictures count as unreadable: `mien predict` refuses them too."""

MIN_SIZE_PX, MAX_SIZE_PX = 8, 1024


@dataclass(frozen=True)
class PictureForm:
    """What every picture is brought to.

    Attributes:
        size_px: Side of the square, 8 to 1024. Larger keeps detail; memory and training time grow with its square.
        color: "gray", or "rgb" for three channels.

    Raises:
        DataError: If there is no such form.
    """

    size_px: int = 48
    color: Color = "gray"

    def __post_init__(self) -> None:
        if not MIN_SIZE_PX <= self.size_px <= MAX_SIZE_PX:
            raise DataError(f"--size-px {self.size_px}: expected {MIN_SIZE_PX} to {MAX_SIZE_PX}.")
        if self.color not in get_args(Color):
            raise DataError(f"--color {self.color!r}: expected {' or '.join(get_args(Color))}.")

    def prepare(self, picture: RGB) -> NDArray[np.uint8]:
        """Bring one picture to this form, the way a picture is brought to what a model takes.

        Args:
            picture: (H, W, 3) uint8. If it is not square it is stretched.

        Returns:
            (size, size) or (size, size, 3) uint8; a picture of that size keeps its pixels.
        """
        return resize(to_gray(picture) if self.color == "gray" else picture, self.size_px)

    def allocate(self, count: int) -> NDArray[np.uint8]:
        """Return room for so many pictures.

        Raises:
            DataError: If they don't fit into memory.
        """
        shape = (count, self.size_px, self.size_px) + ((3,) if self.color == "rgb" else ())
        try:
            return np.empty(shape, np.uint8)
        except MemoryError:
            raise DataError(
                f"{count:,} pictures of {self.size_px} px take {np.prod(shape) / 2**30:,.1f} GiB of memory, more than "
                "there is. Name a smaller --size-px."
            ) from None


def read_pictures(
    read: ReadFile,
    files: Sequence[str],
    form: PictureForm,
    on_progress: OnProgress | None = None,
    cutter: FaceCutter | None = None,
) -> tuple[NDArray[np.uint8], tuple[PictureFile, ...]]:
    """Read picture files one by one; those that can't be used are left out, and noted with the reason.

    Beside the result, memory holds a few pictures at a time.

    Args:
        read: Gives the bytes of a file.
        files: Paths in the source.
        form: What the pictures, or the faces cut out of them, are brought to.
        on_progress: Told the files done, and their number.
        cutter: Cuts the face out of each; None to take pictures whole.

    Returns:
        (N, size, size[, 3]) uint8 of the pictures that are used, in the order of their files, and what became of every
        file.

    Raises:
        DataError: If the pictures don't fit into memory.
        ModelError: If the detector fails.
    """
    images = form.allocate(len(files))
    notes: list[PictureFile] = []
    row = 0
    decoded = _decode_each(read, files) if cutter is None else _decode_ahead(read, files)
    for file, picture in zip(files, decoded, strict=True):
        name = as_text(file)
        if isinstance(picture, Exception):
            notes.append(PictureFile(None, name, problem=str(picture)))
        else:
            height, width = picture.shape[:2]
            cut = Cut(picture) if cutter is None else cutter.cut(picture, form.size_px)
            if cut.picture is None:
                notes.append(PictureFile(None, name, width, height, cut.problem, cut.faces))
            else:
                images[row] = form.prepare(cut.picture)
                notes.append(PictureFile(row, name, width, height, faces=cut.faces))
                row += 1
        if on_progress:
            on_progress(len(notes), len(files))
    return images[:row], tuple(notes)


def _decode_each(read: ReadFile, files: Sequence[str]) -> Iterator[RGB | Exception]:
    """Decode one file after the other; yields what is wrong with one that can't be."""
    for file in files:
        try:
            yield _refuse_small(read_picture(read(file)))
        except UnreadableMediaError as error:
            yield error


def _decode_ahead(read: ReadFile, files: Sequence[str]) -> Iterator[RGB | Exception]:
    """Do the same, but decode the next photos while one is looked at: either takes long for a photo.

    Crops are decoded faster than they can be handed from one thread to another.
    """
    refused: dict[int, UnreadableMediaError] = {}

    def fetch() -> Iterator[bytes]:
        for number, file in enumerate(files):
            try:
                yield read(file)
            except UnreadableMediaError as error:
                refused[number] = error
                yield b""  # keeps its place

    for number, (_, picture, error) in enumerate(read_ahead(fetch())):
        problem = refused.get(number, error)
        if picture is not None:
            yield _refuse_small(picture)
        elif problem is not None:
            yield problem


def _refuse_small(picture: RGB) -> RGB | UnreadableMediaError:
    """Return the picture, or what is wrong with one that has too few pixels."""
    height, width = picture.shape[:2]
    if min(width, height) >= MIN_SIDE_PX:
        return picture
    return UnreadableMediaError(f"{width} x {height} pixels; a picture needs {MIN_SIDE_PX} on each side.")


def as_text(name: str) -> str:
    """Return a file name as text that can be written down: bytes that are none become a question mark in a diamond."""
    return os.fsencode(name).decode(errors="replace")
