"""What `mien predict` hands its readings to: JSON lines, and a folder of annotated pictures."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from PIL import Image

from mien.core.atomic import check_shared_folder, write_bytes
from mien.core.errors import InputError
from mien.core.results import Picture
from mien.inference.media.drawing import annotate
from mien.inference.media.pictures import SUFFIXES, read_picture

MAX_REASONS: Final = 100
"""More pictures that could not be drawn are counted and not kept: a disk that is gone would give one for each."""


MAX_TOLD: Final = 5
"""More pictures that could not be read are counted: their reasons stand with the rows."""


class Output(Protocol):
    """Takes readings in order."""

    def write(self, picture: Picture) -> None:
        """Take the next picture."""


class JsonLines:
    """One JSON object a line on standard output; in ASCII, so that any terminal and any file name will do."""

    def __init__(self, *, has_tone: bool = False) -> None:
        """Begin without a line.

        Args:
            has_tone: Whether each face has its coarse answers, too.
        """
        self._has_tone = has_tone

    def write(self, picture: Picture) -> None:
        """Print the next picture."""
        print(json.dumps(picture.to_dict(has_tone=self._has_tone)))


class Failures:
    """Keeps why pictures could not be read, for those who see no table.

    Attributes:
        count: Pictures that could not be read.
        reasons: What was wrong with the first `MAX_TOLD` of them; each names its picture.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self.count = 0
        self.reasons: list[str] = []

    def write(self, picture: Picture) -> None:
        """Take the next picture."""
        if picture.error is not None:
            self.count += 1
            if len(self.reasons) < MAX_TOLD:
                self.reasons.append(picture.error["message"])

    def tell(self) -> None:
        """Say it on standard error."""
        for reason in self.reasons:
            print(f"mien: note: {printable(reason)}", file=sys.stderr)
        if (more := self.count - len(self.reasons)) > 0:
            print(f"mien: note: and {more:,} more; the column error has them", file=sys.stderr)


class AnnotatedFolder:
    """A folder of annotated pictures, each under the name it had below the path that was named.

    Attributes:
        folder: Where it is.
        drawn: Pictures that were written.
        undrawn: Pictures that were gone, or others, when they were read once more to draw on them.
        reasons: What was wrong with them: the first `MAX_REASONS`.
    """

    def __init__(self, folder: Path, sources: Sequence[tuple[Path, Path]]) -> None:
        """Check the folder and choose a name for every picture.

        Args:
            folder: Where they go; is made with the first of them if absent.
            sources: The pictures in the order they will come, each with its relative path.

        Raises:
            InputError: If the folder can't be written to, or its name is that of a picture.
        """
        refuse_picture_name("--annotate", folder)
        check_shared_folder(folder)
        self.folder = folder
        self.drawn = self.undrawn = 0
        self.reasons: list[str] = []
        self._pending = zip([path for path, _ in sources], choose_targets(folder, sources), strict=True)

    def write(self, picture: Picture) -> None:
        """Write the next picture, if it could be read, and can be once more.

        Raises:
            InputError: If it can't be written.
        """
        source, target = next(self._pending)
        if picture.faces is None:
            return
        try:
            pixels = read_picture(source)
        except InputError as error:
            self.undrawn += 1
            if len(self.reasons) < MAX_REASONS:
                self.reasons.append(str(error))
            return
        buffer = io.BytesIO()
        Image.fromarray(annotate(pixels, picture.faces)).save(buffer, "PNG")
        write_bytes(target, buffer.getvalue())
        self.drawn += 1


def refuse_picture_name(flag: str, folder: Path) -> None:
    """Refuse a folder that is called like a picture, unless it is there.

    Raises:
        InputError: If somebody meant a file.
    """
    if folder.suffix.lower() in SUFFIXES and not folder.is_dir():
        raise InputError(f"{flag} {folder} names a picture, and a folder is meant. Name one, such as seen.")


def choose_targets(folder: Path, sources: Sequence[tuple[Path, Path]]) -> list[Path]:
    """Return a PNG's path in `folder` for every source, so that none overwrites another's, or a source itself.

    `a/x.jpg` and `b/x.png` named one by one become `x.png` and `x-2.png`; files of one folder keep their subfolders.
    """
    taken = {_same_file_key(path) for path, _ in sources}
    targets = []
    for _, relative in sources:
        target, number = folder / relative.with_suffix(".png"), 1
        while _same_file_key(target) in taken:
            number += 1
            target = folder / relative.with_name(f"{relative.stem}-{number}.png")
        taken.add(_same_file_key(target))
        targets.append(target)
    return targets


def printable(text: str) -> str:
    """Return the text with escapes for what would move the cursor or can't be encoded."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _same_file_key(path: Path) -> str:
    """Return what two paths share if they may mean one file; some file systems don't tell cases apart."""
    return os.path.realpath(path).casefold()
