"""The first half of reading a picture: its faces are found and cut out, and the rest of it is let go of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError
from mien.core.geometry import Box
from mien.core.results import Detection, Quality
from mien.inference.expression.classifier import BATCH_SIZE, Classifier
from mien.inference.faces.crop import crop_faces
from mien.inference.faces.detector import Detector
from mien.inference.faces.quality import measure_quality
from mien.inference.media.ahead import Read
from mien.inference.media.pictures import RGB

BoxLike: TypeAlias = Box | Sequence[float]
"""A box, or its x, y, width and height."""


class CutFace(NamedTuple):
    """One face that was cut out.

    Attributes:
        box: Where it was, in pixels of the picture as a person sees it.
        found: What the detector said of it; None if nobody looked.
        quality: How well it can be seen.
        crop: What the model will be shown: of its color and size, uint8.
    """

    box: Box
    found: Detection | None
    quality: Quality
    crop: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A picture's faces before anyone looked at their expressions. It holds none of the picture's own pixels.

    Attributes:
        name: The path or name of the picture.
        width: Pixels as a person sees it; None if it couldn't be read.
        height: Likewise.
        faces: In the order of the answer; empty if there is none, or the picture couldn't be read.
        error: Why it couldn't be read, else None.
    """

    name: str
    width: int | None
    height: int | None
    faces: tuple[CutFace, ...]
    error: InputError | None = None


class Cutter:
    """Cuts faces the way one model wants to see them; safe to use from several threads at once."""

    def __init__(self, classifier: Classifier, size_px: int, open_detector: Callable[[], Detector]) -> None:
        """Take what tells the faces' places and shape.

        Args:
            classifier: Brings crops to the model's color and size.
            size_px: Side of the square crops.
            open_detector: Opens what finds the faces, once somebody looks for them.
        """
        self._classifier = classifier
        self._size_px = size_px
        self._open_detector = cache(open_detector)
        self._opening = Lock()

    def detect(self, image: RGB, min_score: float | None, max_side_px: int | None) -> list[Detection]:
        """Find the faces of one picture; as `Detector.detect`."""
        with self._opening:  # or threads that come together would open one each
            detector = self._open_detector()
        return detector.detect(image, min_score=min_score, max_side_px=max_side_px)

    def cut_found(self, read: Read, min_score: float | None, max_side_px: int | None) -> Cut:
        """Find the faces of a picture and cut them out.

        Raises:
            InputError: If a keyword is out of its range.
            ModelError: If the detector can't be opened or fails.
        """
        if read.picture is None:
            return _refuse(read)
        found = self.detect(read.picture, min_score, max_side_px)
        return self._cut(read.name, read.picture, [(one.box, one) for one in found])

    def cut_boxes(self, read: Read, boxes: Sequence[BoxLike]) -> Cut:
        """Cut out faces that the caller found.

        Raises:
            InputError: If a box is no box, or smaller than 2 pixels on a side.
        """
        return _refuse(read) if read.picture is None else self._cut(read.name, read.picture, _place(boxes))

    def cut_whole(self, read: Read) -> Cut:
        """Take a whole picture for a face's crop; one too small for it couldn't be read."""
        if read.picture is None:
            return _refuse(read)
        try:
            crop = self._classifier.prepare(read.picture)
        except InputError as error:
            return _refuse(read._replace(error=error))
        height, width = read.picture.shape[:2]
        box = Box(0.0, 0.0, float(width), float(height))
        face = CutFace(box, None, measure_quality(box, None, read.picture), crop)
        return Cut(read.name, width, height, (face,))

    def _cut(self, name: str, image: RGB, places: list[tuple[Box, Detection | None]]) -> Cut:
        landmarks = [None if found is None else found.landmarks for _, found in places]
        crops = crop_faces(image, [box for box, _ in places], landmarks, self._size_px)
        faces = tuple(
            CutFace(box, found, measure_quality(box, five, crop), self._classifier.prepare(crop))
            for (box, found), five, crop in zip(places, landmarks, crops, strict=True)
        )
        return Cut(name, image.shape[1], image.shape[0], faces)


def gather_cuts(cuts: Iterator[Cut]) -> Iterator[list[Cut]]:
    """Put as many pictures together as have the faces of a batch, or as fail to have them.

    Only crops wait, the pixels of their pictures are let go of. If the cuts fail, those before come first.
    """
    waiting: list[Cut] = []
    try:
        for cut in cuts:
            waiting.append(cut)
            if max(len(waiting), sum(len(each.faces) for each in waiting)) >= BATCH_SIZE:
                yield waiting
                waiting = []
    except Exception:
        yield waiting
        raise
    yield waiting


def _place(boxes: Sequence[BoxLike]) -> list[tuple[Box, Detection | None]]:
    if isinstance(boxes, Box) or not isinstance(boxes, Iterable):
        raise InputError(f"boxes are several, got one {type(boxes).__name__}. Pass [box].")
    return [(_to_box(box), None) for box in boxes]


def _to_box(box: BoxLike) -> Box:
    if isinstance(box, Box):
        return box
    if not isinstance(box, Iterable):
        raise InputError(f"a box is x, y, width and height in pixels, got {box!r}. Pass [box], even for one face.")
    sides = tuple(box)
    if len(sides) != 4:
        raise InputError(f"a box is x, y, width and height in pixels, got {len(sides)} numbers: {sides}")
    return Box(*sides)


def _refuse(read: Read) -> Cut:
    assert read.error is not None
    return Cut(read.name, None, None, (), read.error)
