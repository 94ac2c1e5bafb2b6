"""Photos with annotated faces: a folder with `annotations.jsonl` and the pictures it names.

A line holds `file`, `width`, `height`, `split` ("train", "validation" or "test") and `faces`, a list of {"box": [x, y,
width, height], "landmarks": [[x, y] x 5] or null}, all in pixels. The landmarks stand in this order: right eye, left
eye, nose tip, right and left corner of the mouth, right and left being the person's. `event` tells the photos of WIDER
FACE; other keys are let be. A file `source.json` beside it may name the data set and its terms, see `Origin`.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mien.core.atomic import check_new_folder
from mien.core.card import Label
from mien.core.errors import DataError, UnreadableMediaError
from mien.inference.media.pictures import read_picture
from mien.training.data.faces.photos import FACE, PHOTO, PhotoManifest, save_photos
from mien.training.data.sources.packed import MAX_LINE, OnProgress, read_lines
from mien.training.data.table import SPLITS

ANNOTATIONS_FILE = "annotations.jsonl"
SOURCE_FILE = "source.json"
WIDER_EVENT = re.compile(r"\d+--\w+")
"""How WIDER FACE numbers and names its events."""

HELD_OUT = 10
"""One in so many photos of the training part is kept apart for every choice."""

MAX_PIECES = 64
"""Pieces of `packed.MAX_LINE` characters that a line may have: 8 million characters, some 60,000 faces."""

Side = Annotated[int, Field(ge=1, le=100_000)]
Number = Annotated[float, Field(ge=-100_000, le=200_000)]
Length = Annotated[float, Field(gt=0.0, le=200_000)]
Point = tuple[Number, Number]


class Origin(BaseModel):
    """What `source.json` says: whose photos these are. The card of a detector trained on them repeats it.

    Attributes:
        name: Of the data set.
        license: Its terms, on one line; of all of its sources, if there are several.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Label
    license: Label


WIDER_FACE = Origin(
    name="WIDER FACE",
    license="WIDER FACE, offered for research; landmarks are another detector's output, good to a pixel or two.",
)
UNKNOWN_TERMS = "the photos' own terms"


class _Face(BaseModel):
    box: tuple[Number, Number, Length, Length]
    landmarks: tuple[Point, Point, Point, Point, Point] | None = None


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore")

    file: str
    event: str = ""
    width: Side
    height: Side
    split: Literal["train", "validation", "test"]
    faces: tuple[_Face, ...]


def is_annotated(source: Path) -> bool:
    """Return whether a path is such a folder."""
    return (source / ANNOTATIONS_FILE).is_file()


def import_photos(source: Path, out: Path, *, seed: int = 0, on_progress: OnProgress | None = None) -> PhotoManifest:
    """Import annotated photos into a folder; an interrupted import leaves none.

    Where no photo is marked for validation, a tenth of the training part is drawn for it by the seed; test stays.

    Args:
        source: The folder.
        out: The folder to make; must not exist, or be empty.
        seed: Seed of what is held out.
        on_progress: Told how many photos are read.

    Raises:
        DataError: If a line, a picture or `source.json` can't be used; names it.
        InputError: If `out` can't be written to, or is in use.
    """
    check_new_folder(out)
    if seed < 0:
        raise DataError(f"--seed {seed}: a seed is a whole number from 0.")
    told = _read_origin(source / SOURCE_FILE)
    lines = list(_read_annotations(source / ANNOTATIONS_FILE))
    trained = [number for number, line in enumerate(lines) if line.split == "train"]
    if len(trained) < 2:
        raise DataError(f"{source / ANNOTATIONS_FILE} has {len(trained)} training photos, at least 2 are needed.")
    is_drawn = all(line.split != "validation" for line in lines)
    count = max(1, round(len(trained) / HELD_OUT)) if is_drawn else 0
    held_out = np.random.default_rng(seed).choice(trained, count, replace=False)
    photos, faces = _build_tables(lines, set(held_out.tolist()))
    is_wider = all(WIDER_EVENT.match(line.event) for line in lines)
    known = told or (WIDER_FACE if is_wider else None)
    return save_photos(
        out,
        photos,
        faces,
        _read_pictures(source, lines, on_progress),
        name=known.name if known else source.resolve().name,
        license=known.license if known else UNKNOWN_TERMS,
        source=source.name,
        split=f"official, one in {HELD_OUT} of train held out" if is_drawn else "official",
        seed=seed,
    )


def _read_origin(path: Path) -> Origin | None:
    """Read `source.json`; None where there is none."""
    try:
        return Origin.model_validate_json(path.read_bytes().removeprefix(BOM_UTF8))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}. Repair it, or take it away.") from None
    except ValidationError as error:
        raise DataError(
            f'{path}: {_tell_first(error)} It holds {{"name": ..., "license": ...}}, the name of the data set and its '
            "terms on one line each, and nothing else. Correct it, or take it away."
        ) from None


def _tell_first(error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "the whole of it"
    return f"{field}: {first['msg']}, got {first['input']!r:.60}."


def _read_annotations(path: Path) -> Iterator[_Line]:
    """Read the lines, each checked in itself and against those before it; blank ones are passed over."""
    line_of: dict[str, int] = {}
    with read_lines(path) as pieces:
        for number, text in enumerate(_join_pieces(path, pieces), 1):
            if not text.strip():
                continue
            try:
                line = _Line.model_validate_json(text)
            except ValidationError as error:
                raise DataError(f"{path}, line {number}: {_tell_first(error)}") from None
            if line.file in line_of:
                raise DataError(
                    f"{path}, line {number}: {line.file} stands in line {line_of[line.file]} already. "
                    "Put all its faces into one line."
                )
            line_of[line.file] = number
            for place, face in enumerate(line.faces):
                x, y, width, height = face.box
                if x >= line.width or y >= line.height or x + width <= 0 or y + height <= 0:
                    raise DataError(
                        f"{path}, line {number}: faces.{place}.box: {list(face.box)} lies outside of the photo, which "
                        f"is {line.width} x {line.height}. Give boxes in pixels of this very file."
                    )
            yield line


def _join_pieces(path: Path, pieces: Iterable[str]) -> Iterator[str]:
    """Join what `read_lines` cut: a photo of a crowd has a long line."""
    held: list[str] = []
    number = 1
    for piece in pieces:
        held.append(piece)
        if len(piece) == MAX_LINE and not piece.endswith(("\n", "\r")):
            if len(held) == MAX_PIECES:
                raise DataError(f"{path}, line {number}: more than {MAX_LINE * MAX_PIECES:,} characters.")
            continue
        yield "".join(held)
        held.clear()
        number += 1
    if held:
        yield "".join(held)


def _build_tables(lines: Sequence[_Line], held_out: set[int]) -> tuple[NDArray[np.void], NDArray[np.void]]:
    photos = np.zeros(len(lines), PHOTO)
    rows: list[tuple[ArrayLike, ArrayLike]] = []
    start = 0
    for number, line in enumerate(lines):
        split = "validation" if number in held_out else line.split
        photos[number] = (start, line.width, line.height, SPLITS.index(split), len(rows), len(line.faces))
        start += line.width * line.height * 3
        rows += [
            (face.box, np.full((5, 2), np.nan) if face.landmarks is None else face.landmarks) for face in line.faces
        ]
    return photos, np.array(rows, FACE)


def _read_pictures(source: Path, lines: Sequence[_Line], on_progress: OnProgress | None) -> Iterator[NDArray[np.uint8]]:
    for number, line in enumerate(lines, 1):
        path = source / line.file
        try:
            picture = read_picture(path)
        except UnreadableMediaError as error:
            raise DataError(f"{error} {ANNOTATIONS_FILE} names it: fetch it again, or take its line out.") from error
        if picture.shape != (line.height, line.width, 3):
            height, width = picture.shape[:2]
            raise DataError(f"{path} is {width} x {height}, but {ANNOTATIONS_FILE} says {line.width} x {line.height}.")
        yield picture
        if on_progress:
            on_progress(number, len(lines))
