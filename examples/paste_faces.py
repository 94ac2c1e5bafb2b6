"""Make more photos to train a detector on: faces of FER2013 pasted into photos that have room for them.

People fill FER2013's crops, without hair, ears and shoulders, as they fill a phone held close; few photos of WIDER FACE
show that. Boxes and landmarks of the pasted faces are what a first detector finds in them. Training photos alone get a
second, pasted version; validation and test stay as they are. `source.json` tells the terms of both, so that the card of
what is trained on them does.

    mien data import PHOTOS --out photos && mien data import fer2013.csv.xz --votes fer2013new.csv --out fer2013
    mien train faces --data photos --out first
    python examples/paste_faces.py photos fer2013 pasted       # or: ... --detector mine-faces.onnx
    mien data import pasted --out more
    mien train faces-large --data more --out second --init first
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from cyclopts import run
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track

from mien.core.atomic import atomic_folder
from mien.core.geometry import Box, iou
from mien.inference.faces.detector import Detector
from mien.training.data.canvases import lay_out, paste
from mien.training.data.faces.photos import PhotoSet, open_photos
from mien.training.data.sources.annotated_photos import ANNOTATIONS_FILE, SOURCE_FILE, Origin
from mien.training.data.table import SPLITS, Dataset, open_dataset

SEED = 0
SIDE_PX = (48, 280)
"""Smallest and largest side of a pasted crop; drawn log-uniformly."""
MOST_TURN_DEG = 30.0
LEAST_SCORE = 0.3
"""Of a face in a crop: lower than the detector's own threshold, as each crop is known to show one."""
MOST_FACES = 3
TRIES = 8
"""To find a free place for a face."""
GRAY = 0.5
"""Share of the pasted photos that are made gray as a whole, or else gray would tell a face."""


def annotate(detector: Detector, crop: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the four corners of the box and the landmarks in a crop, in the unit square; None if no face is found."""
    canvas = lay_out(crop, 112)
    found = detector.detect(canvas.picture, min_score=LEAST_SCORE)
    face = next((one for one in found if canvas.shows(one.box)), None)
    if face is None:
        return None
    x, y, width, height = face.box.to_list()
    corners = np.array([(x, y), (x + width, y), (x, y + height), (x + width, y + height)])
    return canvas.locate(corners), canvas.locate(face.landmarks)


def describe(file: str, split: str, picture: NDArray[np.uint8], faces: list[dict[str, Any]]) -> str:
    """Return a line of annotations.jsonl."""
    height, width = picture.shape[:2]
    return json.dumps({"file": file, "width": width, "height": height, "split": split, "faces": faces})


def tell_origin(photos: PhotoSet, dataset: Dataset) -> Origin:
    """Return the name and the terms of both."""
    names = f"{photos.manifest.name} with faces of {dataset.manifest.name}"
    terms = (one.manifest.license.rstrip(".") for one in (photos, dataset))
    return Origin(name=names, license="Photos: {}. Faces pasted into them: {}.".format(*terms))


def read_faces(photos: PhotoSet, row: int) -> list[dict[str, Any]]:
    """Return what is annotated in a photo."""
    faces = []
    for face in photos.faces_of(row):
        points = face["landmarks"]
        known = points.tolist() if np.isfinite(points).all() else None
        faces.append({"box": face["box"].tolist(), "landmarks": known})
    return faces


def paste_faces(
    picture: NDArray[np.uint8],
    faces: list[dict[str, Any]],
    dataset: Dataset,
    rows: NDArray[np.intp],
    detector: Detector,
    random: np.random.Generator,
) -> tuple[NDArray[np.uint8], list[dict[str, Any]]]:
    """Paste up to three faces where none is, and annotate them."""
    if random.random() < GRAY:
        picture = np.asarray(Image.fromarray(picture).convert("L").convert("RGB"))
    height, width = picture.shape[:2]
    faces = list(faces)
    for _ in range(int(random.integers(1, MOST_FACES + 1))):
        crop = dataset.images[random.choice(rows)]
        found = annotate(detector, crop)
        if found is None:
            continue
        for _ in range(TRIES):
            side = round(float(np.exp(random.uniform(*np.log(SIDE_PX)))))
            reach = 0.7 * side  # of the turned crop from its middle
            if 2 * reach >= min(width, height):
                continue
            center = (float(random.uniform(reach, width - reach)), float(random.uniform(reach, height - reach)))
            region = Box(center[0] - reach, center[1] - reach, 2 * reach, 2 * reach)
            if any(iou(region, Box(*face["box"])) > 0 for face in faces):
                continue
            canvas = paste(crop, picture, side, center, float(random.uniform(-MOST_TURN_DEG, MOST_TURN_DEG)))
            # As for turned photos: the ellipse in the box is turned, and framed anew.
            corners, points = canvas.place(found[0]), canvas.place(found[1])
            across, down = (corners[1] - corners[0]) / 2, (corners[2] - corners[0]) / 2
            half, middle = np.hypot(across, down), corners.mean(axis=0)
            picture = canvas.picture
            faces.append({"box": [*(middle - half).tolist(), *(2 * half).tolist()], "landmarks": points.tolist()})
            break
    return picture, faces


def main(photos: Path, data: Path, out: Path, *, detector: str = "faces") -> None:
    """Write a folder of annotated photos.

    Args:
        photos: What `mien data import` made of annotated photos.
        data: What it made of FER2013.
        out: The folder to make.
        detector: Finds boxes and landmarks in the crops.
    """
    photo_set, dataset, finder = open_photos(photos), open_dataset(data), Detector.load(detector)
    rows, random = dataset.some_rows_of("train", 0), np.random.default_rng(SEED)
    with atomic_folder(out) as folder, (folder / ANNOTATIONS_FILE).open("w", encoding="utf-8") as file:
        (folder / "images").mkdir()
        (folder / SOURCE_FILE).write_text(tell_origin(photo_set, dataset).model_dump_json(indent=2) + "\n", "utf-8")
        for row in track(range(len(photo_set.photos)), "pasting", console=Console(stderr=True), transient=True):
            split = SPLITS[photo_set.photos["split"][row]]
            picture, faces = photo_set.picture(row), read_faces(photo_set, row)
            versions = [(f"images/{row:05}.png", picture, faces)]
            if split == "train":
                pasted = paste_faces(picture, faces, dataset, rows, finder, random)
                versions.append((f"images/{row:05}-pasted.png", *pasted))
            for name, pixels, shown in versions:
                Image.fromarray(pixels).save(folder / name, compress_level=1)
                print(describe(name, split, pixels, shown), file=file)


if __name__ == "__main__":
    run(main)
