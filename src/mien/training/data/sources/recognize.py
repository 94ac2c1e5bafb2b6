"""What a source is, told by what it holds: a folder or .zip of pictures, or one of the tables of `TABLES`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mien.core.errors import DataError
from mien.inference.media.pictures import SUFFIXES
from mien.training.data.sources import fer2013, fer_plus, icml_face_data, kaggle_train
from mien.training.data.sources.class_folders import find_class_folders, read_class_folders
from mien.training.data.sources.cutting import FaceCutter
from mien.training.data.sources.kaggle import name_kaggle_copy
from mien.training.data.sources.packed import PREFERRED, OnProgress
from mien.training.data.sources.pictures import PictureForm
from mien.training.data.sources.records import read_header
from mien.training.data.sources.rows import Rows
from mien.training.data.sources.tree import Folder, Tree
from mien.training.data.sources.zipped import MAGIC, Zip
from mien.training.data.table import SPLITS


@dataclass(frozen=True)
class Source:
    """A source that was recognized, and is not read yet.

    Attributes:
        read: Reads it; told whom to report the progress to.
        parts: The parts that it makes of its rows, positions in `SPLITS`; a table may lack one all the same.
        has_fer_plus_rows: Whether its rows are those of FER+, in the same order.
    """

    read: Callable[[OnProgress | None], Rows]
    parts: Collection[int] = range(len(SPLITS))
    has_fer_plus_rows: bool = False

    @property
    def is_parted(self) -> bool:
        """Whether the source keeps any rows apart from those for training."""
        return bool(set(self.parts) - {SPLITS.index("train")})


@dataclass(frozen=True)
class PixelTable:
    """A kind of table.

    Attributes:
        name: The name it is published under.
        columns: Its header.
        read: Reads it.
        parts: As in `Source`.
        has_fer_plus_rows: As in `Source`.
    """

    name: str
    columns: tuple[str, ...]
    read: Callable[[Path, OnProgress | None], Rows]
    parts: Collection[int] = range(len(SPLITS))
    has_fer_plus_rows: bool = True


TABLES = (
    PixelTable("fer2013.csv", fer2013.COLUMNS, fer2013.read_fer2013),
    PixelTable("icml_face_data.csv", icml_face_data.COLUMNS, icml_face_data.read_icml_face_data),
    PixelTable("train.csv", kaggle_train.COLUMNS, kaggle_train.read_kaggle_train, (SPLITS.index("train"),), False),
)

REFUSED = {
    ("pixels",): "pixels without labels, as Kaggle's test.csv: icml_face_data.csv has the same pictures with theirs",
    fer_plus.COLUMNS: "FER+'s votes without pictures: name fer2013.csv, and this file behind --votes",
}
"""By header: tables that can't be imported, and what to do instead."""


def recognize(path: Path, form: PictureForm | None = None, detector: str | os.PathLike[str] | None = None) -> Source:
    """Find out what a path holds: names are listed and a header is read, but no row and no picture.

    Args:
        path: A folder or .zip of class folders, or a table, plain or packed as .gz, .xz or .zip.
        form: What pictures of any size and format are brought to; None for 48x48 gray.
        detector: Name or path of the model that finds the face to be cut out of each picture; None to take pictures
            whole.

    Raises:
        DataError: If it is nothing that can be imported, or is a table, for which there is no choice of `form`, or if
            faces are to be found in pictures that are known to be faces cut out already.
        ModelError: If the detector can't be opened.
    """
    tree = _find_tree(path)
    if tree is not None:
        folders = find_class_folders(tree.list(), path)
        found = name_kaggle_copy(folders)
        if detector is not None and found is not folders:
            raise DataError(f"{path} is FER2013, whose pictures are faces that are cut out already. Leave out --faces.")
        cutter = None if detector is None else FaceCutter.load(detector)
        return Source(partial(read_class_folders, tree, found, form or PictureForm(), cutter=cutter), found.parts)
    if path.suffix.lower() in SUFFIXES and _read_magic(path):
        raise DataError(f"{path} is one picture. Name a folder of class folders with pictures.")
    table = _find_table(path)
    if detector is not None:
        raise DataError(f"--faces goes with folders of photos; those of {path} are faces that are cut out already.")
    if form is not None:
        raise DataError(f"--size-px and --color go with folders of pictures; those of {path} are 48x48 gray.")
    return Source(partial(table.read, path), table.parts, table.has_fer_plus_rows)


def _find_tree(path: Path) -> Tree | None:
    """Return the tree that a path is, or None if it is a table or nothing at all."""
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where a name is too long for any file
        return Folder(path)
    if _read_magic(path) != MAGIC:
        return None
    archive = Zip(path)
    listing = archive.list()
    tables = {table.rpartition("/")[2].lower() for table in listing.tables}
    if not listing.pictures and not tables:
        raise DataError(f"{path} holds neither a table nor picture files. Is it the right file?")
    if not listing.pictures or not tables.isdisjoint(PREFERRED):
        return None
    if tables:
        raise DataError(
            f"{path} holds both pictures and tables ({', '.join(listing.tables)[:100]}). Unpack it, and name the "
            "folder of class folders or the table."
        )
    return archive


def _read_magic(path: Path) -> bytes:
    """Return the first bytes of an ordinary file; none where there is no such file, which reading it will explain."""
    try:
        if not path.is_file():  # to open a pipe would wait for somebody to write
            return b""
        with path.open("rb") as file:
            return file.read(len(MAGIC))
    except OSError:
        return b""


def _find_table(path: Path) -> PixelTable:
    """Tell a table by its header."""
    header = read_header(path)
    for table in TABLES:
        if table.columns == header:
            return table
    if header in REFUSED:
        raise DataError(f"{path} holds {REFUSED[header]}.")
    if any(re.search("[\0-\x08]", name) for name in header):
        raise DataError(f"{path} holds another archive or no text. Unpack it, and name the table or the folder in it.")
    known = " or ".join(f"{','.join(table.columns)!r} ({table.name})" for table in TABLES)
    raise DataError(f"{path}: the columns are {','.join(header)[:100]!r}, expected {known}. Is it the right file?")
