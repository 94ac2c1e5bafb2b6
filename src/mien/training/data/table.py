"""An imported data set on disk: one typed table, one memory-mapped image array, one manifest.

    DIR/
    ├── table.npy       (N,) structured array, one row a picture, see `ROW`
    ├── images.npy      (N, size, size) gray or (N, size, size, 3) RGB, uint8, opened as a memory map
    └── dataset.json    labels, where it came from, under which terms, how it was split, hash of the two arrays
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mien.core.atomic import atomic_folder, write_text
from mien.core.errors import DataError
from mien.core.labels import FER_PLUS_COLUMNS

Split: TypeAlias = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
"""The standard words; a row's `split` is the position in here, or `UNUSED`."""

UNUSED = 255
"""The `split` of a row that belongs to no part, such as PublicTest when we draw our own validation part."""

ROW = np.dtype(
    [
        ("row", np.int32),  # row of the source, counted from 0, the header not counted
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


class Manifest(BaseModel):
    """What `dataset.json` says.

    Attributes:
        schema_version: Version of this form.
        name: Name of the data set, such as "FER2013".
        license: Its terms, in a sentence; copied to the card of what is trained on it.
        source: Name of the file it was imported from.
        labels: In the order of the numbers in the table.
        has_votes: Whether FER+ was joined.
        split: The rule that was used, such as "official" or "80/20".
        seed: Seed of a split or of pictures that we drew, else None.
        sha256: Hash of table and images together.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    name: str
    license: str
    source: str
    labels: tuple[str, ...] = Field(min_length=2)
    has_votes: bool
    split: str
    seed: int | None = None
    sha256: str


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

    def without_twins(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Mark the given rows that have no pixel-identical twin in train.

        Returns:
            (len(rows),) bool.
        """
        train = self.table["twins"][self.table["split"] == SPLITS.index("train")]
        return ~np.isin(self.table["twins"][rows], train)


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
    path: Path, table: Table, images: Images, *, name: str, license: str, source: str, labels: tuple[str, ...],
    has_votes: bool, split: str, seed: int | None,
) -> Manifest:
    """Write a data set's folder in one step: it is there in the end, or nothing is.

    Args:
        path: The folder to make; must not exist, or be empty.
        table: (N,) of dtype `ROW`.
        images: (N, size, size[, 3]) uint8.
        name: See `Manifest`, as for the rest.

    Raises:
        InputError: If `path` exists or can't be written to.
    """
    manifest = Manifest(
        name=name, license=license, source=source, labels=labels, has_votes=has_votes, split=split, seed=seed,
        sha256=_hash(table, images),
    )
    with atomic_folder(path) as folder:
        np.save(folder / "table.npy", table)
        np.save(folder / "images.npy", images)
        write_text(folder / "dataset.json", manifest.model_dump_json(indent=2) + "\n")
    return manifest


def open_dataset(path: Path) -> Dataset:
    """Open what `mien data import` wrote.

    Raises:
        DataError: If the folder is no data set, or its files don't fit together.
    """
    try:
        manifest = Manifest.model_validate_json((path / "dataset.json").read_text(encoding="utf-8"))
        table = np.load(path / "table.npy", allow_pickle=False)
        images = np.load(path / "images.npy", mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(
            f"{path} is no imported data set: {Path(error.filename).name} is missing. "
            f"Run: mien data import SOURCE --out {path}"
        ) from None
    except (OSError, ValueError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} can't be read: {reason}. Import the data again.") from None
    _check(path, manifest, table, images)
    return Dataset(path, manifest, table, images)


def _check(path: Path, manifest: Manifest, table: Table, images: Images) -> None:
    """Refuse arrays of the wrong kind before anyone computes with them."""
    if table.dtype != ROW:
        raise DataError(f"{path / 'table.npy'} has other columns than this mien writes. Import the data again.")
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.shape[1] != images.shape[2]:
        raise DataError(f"{path / 'images.npy'} holds {images.dtype} {images.shape}, not square uint8 pictures.")
    if len(table) != len(images):
        raise DataError(f"{path} has {len(table)} rows but {len(images)} pictures. Import the data again.")
    wrong = np.flatnonzero((table["label"] < 0) | (table["label"] >= len(manifest.labels)))
    if wrong.size:
        raise DataError(f"{path / 'table.npy'}, row {wrong[0]}: label {table['label'][wrong[0]]} is out of range.")


def _hash(table: Table, images: Images) -> str:
    """Return the SHA-256 of both arrays' bytes."""
    digest = hashlib.sha256(np.ascontiguousarray(table).tobytes())
    for image in images:
        digest.update(np.ascontiguousarray(image))
    return digest.hexdigest()
