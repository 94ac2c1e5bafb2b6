"""An imported set of photos with annotated faces on disk: pixels in one long array, two typed tables, one manifest.

DIR/
├── pixels.npy      (P,) uint8: all photos one after the other, each (H, W, 3) RGB; opened as a memory map
├── photos.npy      (N,) structured array, one row a photo, see `PHOTO`
├── boxes.npy       (M,) structured array, one row a face, in the photos' order, see `FACE`
└── dataset.json    where it came from, under which terms, how it was split, hash of the three arrays
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from mien.core.atomic import atomic_folder, write_text
from mien.core.card import Sha256
from mien.core.errors import DataError
from mien.training.data.arrays import map_array, save_array, save_bytes_array
from mien.training.data.manifest import AGAIN, MANIFEST_FILE, read_manifest
from mien.training.data.table import SPLITS, Split

PIXELS_FILE, PHOTOS_FILE, BOXES_FILE = "pixels.npy", "photos.npy", "boxes.npy"

PHOTO = np.dtype(
    [
        ("start", np.int64),  # where its pixels begin
        ("width", np.int32),
        ("height", np.int32),
        ("split", np.uint8),  # position in SPLITS
        ("first", np.int32),  # row of its first face
        ("count", np.int32),  # number of its faces
    ]
)
FACE = np.dtype(
    [
        ("box", np.float32, (4,)),  # x, y, width, height in pixels of the photo
        ("landmarks", np.float32, (5, 2)),  # pixels of the photo; NaN where none were given
    ]
)

Pixels: TypeAlias = NDArray[np.uint8]


class PhotoManifest(BaseModel):
    """What `dataset.json` says.

    Attributes:
        schema_version: Version of this form.
        task: Tells this kind of data set from crops with labels.
        name: Name of the data set.
        license: Its terms, in a sentence; copied to the card of what is trained on it.
        source: Name of the folder it was imported from.
        split: How the parts came about.
        seed: Seed of what was drawn.
        sha256: Hash of the three arrays together.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    task: Literal["faces"] = "faces"
    name: str
    license: str
    source: str
    split: str
    seed: int
    sha256: Sha256


@dataclass(frozen=True)
class PhotoSet:
    """An imported set of photos, opened for reading.

    Attributes:
        path: Its folder.
        manifest: What it says of itself.
        photos: (N,) rows of dtype `PHOTO`.
        faces: (M,) rows of dtype `FACE`.
        pixels: (P,) uint8, a read-only memory map.
    """

    path: Path
    manifest: PhotoManifest
    photos: NDArray[np.void]
    faces: NDArray[np.void]
    pixels: Pixels

    def rows_of(self, split: Split) -> NDArray[np.intp]:
        """Return the positions of a split's photos.

        Raises:
            DataError: If the set has no such photos.
        """
        rows = np.flatnonzero(self.photos["split"] == SPLITS.index(split))
        if not rows.size:
            present = [name for number, name in enumerate(SPLITS) if (self.photos["split"] == number).any()]
            raise DataError(
                f"{self.path} has no {split} photos (it has {', '.join(present) or 'none at all'}). "
                "Import annotations that name some."
            )
        return rows

    def picture(self, row: int) -> Pixels:
        """Return a photo's pixels, (H, W, 3) uint8 RGB, read-only."""
        photo = self.photos[row]
        height, width = int(photo["height"]), int(photo["width"])
        start = int(photo["start"])
        return self.pixels[start : start + height * width * 3].reshape(height, width, 3)

    def faces_of(self, row: int) -> NDArray[np.void]:
        """Return a photo's faces, (K,) of dtype `FACE`."""
        photo = self.photos[row]
        return self.faces[photo["first"] : photo["first"] + photo["count"]]

    def verify(self) -> None:
        """Compare the arrays with the hash noted at their import; takes some seconds for two gigabytes.

        Raises:
            DataError: If they were changed since.
        """
        if _hash(self.photos, self.faces, self.pixels) != self.manifest.sha256:
            raise DataError(f"{self.path} was changed after its import: its hash differs. Import the data again.")


def save_photos(
    path: Path,
    photos: NDArray[np.void],
    faces: NDArray[np.void],
    pictures: Iterable[Pixels],
    *,
    name: str,
    license: str,
    source: str,
    split: str,
    seed: int,
) -> PhotoManifest:
    """Write a set's folder in one step: it is there in the end, or nothing is. One photo at a time is held.

    Args:
        path: The folder to make; must not exist, or be empty.
        photos: (N,) of dtype `PHOTO`, their pixels one after the other from 0 on.
        faces: (M,) of dtype `FACE`.
        pictures: The N photos in their order, each (H, W, 3) uint8.
        name: Name of the data set.
        license: Its terms.
        source: Where it was imported from.
        split: How the parts came about.
        seed: Seed of what was drawn.

    Raises:
        InputError: If `path` exists or can't be written to.
        DataError: If the pictures have other sizes than `photos` says.
    """
    size = int((photos["width"].astype(np.int64) * photos["height"]).sum() * 3)
    with atomic_folder(path) as folder:
        save_bytes_array(folder / PIXELS_FILE, _check_sizes(photos, pictures), size)
        save_array(folder / PHOTOS_FILE, photos)
        save_array(folder / BOXES_FILE, faces)
        manifest = PhotoManifest(
            name=name,
            license=license,
            source=source,
            split=split,
            seed=seed,
            sha256=_hash(photos, faces, map_array(folder, PIXELS_FILE)),
        )
        write_text(folder / MANIFEST_FILE, manifest.model_dump_json(indent=2) + "\n")
    return manifest


def open_photos(path: Path) -> PhotoSet:
    """Open what `mien data import` wrote of annotated photos.

    Raises:
        DataError: If the folder is no such set, or its files don't fit together; names the file.
    """
    manifest = read_manifest(path, PhotoManifest)
    photos, faces = np.array(map_array(path, PHOTOS_FILE)), np.array(map_array(path, BOXES_FILE))
    pixels = map_array(path, PIXELS_FILE)
    for file, table, form in ((PHOTOS_FILE, photos, PHOTO), (BOXES_FILE, faces, FACE)):
        if table.dtype != form or table.ndim != 1:
            raise DataError(f"{path / file} has other columns than this mien writes. {AGAIN}")
    sizes = photos["width"].astype(np.int64) * photos["height"] * 3
    is_in_range = (photos["width"] > 0) & (photos["height"] > 0) & (photos["count"] >= 0)
    wrong = np.flatnonzero(~(is_in_range & (photos["split"] < len(SPLITS))))
    if wrong.size:
        row = int(wrong[0])
        raise DataError(f"{path / PHOTOS_FILE}, row {row}: {photos[row]} is out of range. {AGAIN}")
    is_whole = (
        pixels.dtype == np.uint8
        and pixels.shape == (sizes.sum(),)
        and np.array_equal(photos["start"], np.cumsum(sizes) - sizes)
        and np.array_equal(photos["first"], np.cumsum(photos["count"]) - photos["count"])
        and photos["count"].sum() == len(faces)
    )
    if not is_whole:
        raise DataError(f"{path}: photos, faces and pixels don't fit together. {AGAIN}")
    return PhotoSet(path, manifest, photos, faces, pixels)


def _check_sizes(photos: NDArray[np.void], pictures: Iterable[Pixels]) -> Iterator[Pixels]:
    """Pass the pictures on, each held against its row; that there are enough of them shows in their total."""
    for number, picture in enumerate(pictures):
        sides = photos[number : number + 1][["height", "width"]].tolist()
        if sides != [picture.shape[:2]] or picture.shape[2:] != (3,):
            raise DataError(f"picture {number} is {picture.shape}, but its row says {sides or 'nothing'}.")
        yield picture


def _hash(photos: NDArray[np.void], faces: NDArray[np.void], pixels: Pixels) -> str:
    """Return the SHA-256 of the three arrays' bytes."""
    digest = hashlib.sha256(np.ascontiguousarray(photos).tobytes())
    digest.update(np.ascontiguousarray(faces).tobytes())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
