"""An imported data set on disk: one typed table, one memory-mapped image array, one manifest.

DIR/
├── table.npy       (N,) structured array, one row a picture, see `ROW`
├── images.npy      (N, size, size) gray or (N, size, size, 3) RGB, uint8, opened as a memory map
├── files.csv       only where the source was picture files: what became of each, see `PictureFile`
└── dataset.json    labels, where it came from, under which terms, how it was split, hash of the two arrays
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.core.atomic import atomic_folder, write_text
from mien.core.errors import DataError
from mien.core.labels import FER_PLUS_COLUMNS
from mien.training.data.arrays import map_array, save_array
from mien.training.data.files import PictureFile, read_files, write_files
from mien.training.data.manifest import AGAIN, MANIFEST_FILE, CutFaces, Manifest, read_manifest

Split: TypeAlias = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
"""The standard words; a row's `split` is the position in here, or `UNUSED`."""

UNUSED = 255
"""The `split` of a row that belongs to no part, such as PublicTest when we draw our own validation part."""

TABLE_FILE, IMAGES_FILE = "table.npy", "images.npy"

ROW = np.dtype(
    [
        ("row", np.int32),  # row of the source, from 0, the header not counted; for picture files that of files.csv
        ("label", np.int16),  # position in the manifest's labels
        ("part", np.uint8),  # the source's own part as a position in SPLITS, or UNUSED
        ("split", np.uint8),  # the part we use, likewise
        ("is_face", np.bool_),  # False where FER+ says "not a face"
        ("twins", np.int32),  # pictures with the same number are identical pixel for pixel
        ("votes", np.uint8, (len(FER_PLUS_COLUMNS),)),  # FER+'s votes in its own order; all 0 without FER+
    ]
)

Table: TypeAlias = NDArray[np.void]
Images: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True)
class Dataset:
    """An imported data set, opened for reading.

    Attributes:
        path: Its folder.
        manifest: What it says of itself.
        table: (N,) rows of dtype `ROW`.
        images: (N, size, size[, 3]) uint8, a read-only memory map.
    """

    path: Path
    manifest: Manifest
    table: Table
    images: Images

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the order of their numbers."""
        return self.manifest.labels

    @property
    def size_px(self) -> int:
        """Side of the square pictures."""
        return int(self.images.shape[1])

    @property
    def channels(self) -> int:
        """1 for gray pictures, 3 for RGB."""
        return 1 if self.images.ndim == 3 else int(self.images.shape[3])

    def rows_of(self, split: Split) -> NDArray[np.intp]:
        """Return the positions of a split's rows, in the source's order.

        Raises:
            DataError: If the data set has no such rows.
        """
        rows = np.flatnonzero(self.table["split"] == SPLITS.index(split))
        if not rows.size:
            present = [name for number, name in enumerate(SPLITS) if (self.table["split"] == number).any()]
            raise DataError(
                f"{self.path} has no {split} rows (it has {', '.join(present) or 'none at all'}). "
                "Import it again with another --split."
            )
        return rows

    def some_rows_of(self, split: Split, count: int) -> NDArray[np.intp]:
        """Return evenly spread positions of a split's rows that FER+ does not call no face.

        Args:
            split: Which part.
            count: How many at most; 0 for all.

        Raises:
            DataError: If the data set has no rows of that split.
        """
        rows = self.rows_of(split)
        faces: NDArray[np.intp] = rows[self.table["is_face"][rows]]
        return spread(faces, count)

    @property
    def test_sha256(self) -> str | None:
        """Hash of the test part's pictures, by which the same part is known in another import; None without one."""
        rows = np.flatnonzero(self.table["split"] == SPLITS.index("test"))
        return self.hash_pictures(rows) if rows.size else None

    def hash_pictures(self, rows: NDArray[np.intp]) -> str:
        """Return the SHA-256 of the pixels of some rows, in their order."""
        digest = hashlib.sha256()
        for row in rows:
            digest.update(np.ascontiguousarray(self.images[row]).data)
        return digest.hexdigest()

    def files(self) -> tuple[PictureFile, ...]:
        """Read what became of each picture file of the source; empty where the source was a table of pixels.

        Raises:
            DataError: If the list is broken or belongs to another table.
        """
        return read_files(self.path, len(self.table))

    def verify(self) -> None:
        """Compare table and pictures with the hash noted at their import; takes about a second for a gigabyte.

        Raises:
            DataError: If they were changed since.
        """
        if _hash(self.table, self.images) != self.manifest.sha256:
            raise DataError(f"{self.path} was changed after its import: its hash differs. Import the data again.")

    def without_twins(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Mark the given rows that have no pixel-identical twin in train.

        Returns:
            (len(rows),) bool.
        """
        train = self.table["twins"][self.table["split"] == SPLITS.index("train")]
        return ~np.isin(self.table["twins"][rows], train)


def spread(rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return evenly spread ones of some rows, in their order.

    Args:
        rows: (N,) positions.
        count: How many at most; 0 for all.
    """
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.intp)] if count else rows


def number_twins(images: Images) -> NDArray[np.int32]:
    """Give pixel-identical pictures the same number, counted from 0 in the order they first appear.

    Returns:
        (N,) int32.
    """
    numbers: dict[bytes, int] = {}
    return np.array(
        [numbers.setdefault(hashlib.sha256(image.tobytes()).digest(), len(numbers)) for image in images],
        dtype=np.int32,
    )


def save_dataset(
    path: Path,
    table: Table,
    images: Images,
    *,
    name: str,
    license: str,
    source: str,
    labels: tuple[str, ...],
    has_votes: bool,
    split: str,
    seed: int | None,
    files: Sequence[PictureFile] = (),
    faces: CutFaces | None = None,
) -> Manifest:
    """Write a data set's folder in one step: it is there in the end, or nothing is.

    Args:
        path: The folder to make; must not exist, or be empty.
        table: (N,) of dtype `ROW`.
        images: (N, size, size[, 3]) uint8.
        name: Name of the data set.
        license: Its terms.
        source: Where it was imported from.
        labels: In the order of the numbers in the table.
        has_votes: Whether the table holds FER+'s votes.
        split: The rule that was used.
        seed: Its seed, or None.
        files: What became of each picture file of the source; none for a table of pixels.
        faces: How the faces were cut out of photos; None for pictures that were taken whole.

    Raises:
        InputError: If `path` exists or can't be written to.
    """
    manifest = Manifest(
        name=name,
        license=license,
        source=source,
        labels=labels,
        has_votes=has_votes,
        split=split,
        seed=seed,
        sha256=_hash(table, images),
        faces=faces,
    )
    with atomic_folder(path) as folder:
        save_array(folder / TABLE_FILE, table)
        save_array(folder / IMAGES_FILE, images)
        if files:
            write_files(folder, files)
        write_text(folder / MANIFEST_FILE, manifest.to_json())
    return manifest


def open_dataset(path: Path) -> Dataset:
    """Open what `mien data import` wrote.

    Raises:
        DataError: If the folder is no data set, or its files don't fit together; names the file.
    """
    manifest = read_manifest(path, Manifest)
    table = np.array(map_array(path, TABLE_FILE))
    images = map_array(path, IMAGES_FILE)
    _check_table(path / TABLE_FILE, table, manifest)
    if images.dtype != np.uint8 or not _is_square(images.shape):
        raise DataError(f"{path / IMAGES_FILE} holds {images.dtype} {images.shape}, not square uint8 pictures. {AGAIN}")
    if len(table) != len(images):
        raise DataError(f"{path} has {len(table)} rows but {len(images)} pictures. {AGAIN}")
    return Dataset(path, manifest, table, images)


def _check_table(file: Path, table: Table, manifest: Manifest) -> None:
    """Refuse a table of another kind or with numbers out of range before anyone computes with them."""
    if table.dtype != ROW or table.ndim != 1:
        raise DataError(f"{file} has other columns than this mien writes. {AGAIN}")
    parts = (*range(len(SPLITS)), UNUSED)
    for column, allowed in (("label", range(len(manifest.labels))), ("part", parts), ("split", parts)):
        wrong = np.flatnonzero(~np.isin(table[column], allowed))
        if wrong.size:
            row = int(wrong[0])
            raise DataError(f"{file}, row {row}, column {column}: {table[column][row]} is out of range. {AGAIN}")


def _is_square(shape: tuple[int, ...]) -> bool:
    """Whether a shape is (N, size, size) or (N, size, size, 3)."""
    return len(shape) in (3, 4) and shape[1] == shape[2] > 0 and shape[3:] in ((), (3,))


def _hash(table: Table, images: Images) -> str:
    """Return the SHA-256 of both arrays' bytes."""
    digest = hashlib.sha256(np.ascontiguousarray(table).tobytes())
    digest.update(np.ascontiguousarray(images).data)
    return digest.hexdigest()
