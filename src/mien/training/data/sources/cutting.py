"""The face of each photo, found, turned and cut by the very functions that live pictures go through."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.core.results import Detection
from mien.inference.faces.crop import crop_face
from mien.inference.faces.detector import DEFAULT_DETECTOR, Detector
from mien.inference.media.pictures import RGB
from mien.inference.runtime.bundled import read_model
from mien.training.data.manifest import CutFaces

CLEARLY_LARGER: Final = 2.0
"""Of several faces the largest is taken if its box has at least so many times the area of the next.

A photo's label is that of its subject. People in the background are seldom half as large; of two people side by side
nobody can tell which of them the label means, and a wrong label costs more than a photo left out.
"""

CHOICE: Final = f"the only face, or the largest if its box has at least {CLEARLY_LARGER:g} times the area of the next"
CROP: Final = "turned upright by its five landmarks, and framed as FER2013 frames faces"


class Cut(NamedTuple):
    """What is taken of one photo.

    Attributes:
        picture: (H, W, 3) uint8, or None where nothing is taken.
        faces: How many faces there are; None where nobody looked.
        problem: Why nothing is taken; empty if something is.
    """

    picture: NDArray[np.uint8] | None
    faces: int | None = None
    problem: str = ""


class FaceCutter:
    """Cuts the one face out of each photo."""

    def __init__(self, detector: Detector, facts: CutFaces) -> None:
        """Take an open detector; `load` opens one by name or path.

        Args:
            detector: Finds the faces, at its own default score.
            facts: What the data set will say of it.
        """
        self._detector = detector
        self.facts = facts

    @classmethod
    def load(cls, detector: str | os.PathLike[str] = DEFAULT_DETECTOR) -> FaceCutter:
        """Open a detector.

        Args:
            detector: Name of a bundled model, or the path of a file that `mien export` wrote.

        Raises:
            ModelError: If the file is absent, damaged, or no detector.
        """
        opened = Detector.load(detector)
        digest = hashlib.sha256(read_model(detector).data).hexdigest()
        return cls(opened, CutFaces(detector=opened.card.name, detector_sha256=digest, choice=CHOICE, crop=CROP))

    def cut(self, photo: RGB, size_px: int) -> Cut:
        """Cut the one face out of a photo.

        Args:
            photo: (H, W, 3) uint8, of any size; the crop is made from its own pixels, not from what the detector saw.
            size_px: Side of the crop.

        Returns:
            The crop in color; nothing if the photo shows no face, or several of which none is clearly the largest.

        Raises:
            ModelError: If the detector fails.
        """
        faces = self._detector.detect(photo)
        chosen = choose_face(faces)
        if chosen is None:
            return Cut(None, len(faces), f"several faces: {len(faces)}" if faces else "no face")
        return Cut(crop_face(photo, chosen.box, chosen.landmarks, size_px), len(faces))


def choose_face(faces: Sequence[Detection]) -> Detection | None:
    """Return the face that a photo is of.

    Args:
        faces: In any order.

    Returns:
        The only one; of several the largest, if its box has at least `CLEARLY_LARGER` times the area of the next; else
        None.
    """
    by_area = sorted(faces, key=_measure, reverse=True)
    if len(by_area) > 1 and _measure(by_area[0]) < CLEARLY_LARGER * _measure(by_area[1]):
        return None
    return by_area[0] if by_area else None


def _measure(face: Detection) -> float:
    return face.box.width * face.box.height
