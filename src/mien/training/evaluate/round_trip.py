"""What is lost between a photo and its face's crop: faces laid into pictures, found, cut, and read again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from mien.core.results import Face
from mien.inference.recognizer import Recognizer
from mien.training.data.canvases import draw_canvas
from mien.training.data.table import Dataset
from mien.training.evaluate.metrics import Share
from mien.training.evaluate.score import check_labels

CHUNK = 256
"""Crops that are read as they are in one call."""

OnProgress: TypeAlias = Callable[[int, int], None]
"""Told how many crops made the trip, and how many there are."""


class RoundTrip(BaseModel):
    """How crops fare that go the way of a photo.

    Attributes:
        n: Crops laid into a picture each.
        found: Share of them whose face was found.
        extra: Detections a picture that are not of the crop's face.
        accuracy_untouched: Of the found ones, share read rightly from the crop as it is; None if none was found, as the
            next two.
        accuracy: Of the found ones, share read rightly from the crop that was cut out of the picture.
        certain: Of the found ones, share that is certain.
        accuracy_where_certain: Of these, share read rightly; None if there are none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int
    found: Share
    extra: float
    accuracy_untouched: Share | None
    accuracy: Share | None
    certain: Share | None
    accuracy_where_certain: Share | None

    def describe(self) -> str:
        """Say it in a sentence."""
        found = f"{self.found:.1%} of {self.n} faces found, {self.extra:.3f} other detections a picture"
        if self.accuracy is None or self.accuracy_untouched is None:
            return found
        lost = 100 * (self.accuracy_untouched - self.accuracy)
        return (
            f"{found}; of the found, "
            f"{self.accuracy:.1%} read rightly, untouched {self.accuracy_untouched:.1%} ({lost:+.1f} points lost)"
        )


def take_round_trip(
    recognizer: Recognizer,
    dataset: Dataset,
    rows: NDArray[np.intp],
    *,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> RoundTrip:
    """Lay each crop into a picture, have it found, cut and read, and compare with the untouched crop.

    Pictures are drawn by `draw_canvas`: crops of 64 to 160 px, turned up to 20 degrees.

    Args:
        recognizer: With a detector, whose labels are those of the data set.
        dataset: Where the crops are.
        rows: (N,) positions in its table, N of at least 1.
        seed: Of the draws.
        on_progress: Told after each crop.

    Raises:
        DataError: If names or order of the labels differ.
        ModelError: If a model fails.
    """
    check_labels(recognizer.card, dataset)
    random = np.random.default_rng(seed)
    labels = dataset.table["label"][rows].astype(np.int64)
    untouched = np.concatenate(
        [
            recognizer.classify(dataset.images[rows[start : start + CHUNK]]).argmax(axis=1)
            for start in range(0, len(rows), CHUNK)
        ]
    )
    faces: list[Face | None] = []
    detections = 0
    for number, row in enumerate(rows, 1):
        canvas = draw_canvas(dataset.images[row], random)
        found = recognizer.predict(canvas.picture)
        detections += len(found)
        faces.append(next((face for face in found if canvas.shows(face.box)), None))
        if on_progress:
            on_progress(number, len(rows))
    is_found = np.array([face is not None for face in faces])
    read = np.array([-1 if face is None else recognizer.labels.index(face.expression) for face in faces])
    is_certain = np.array([face is not None and face.is_certain for face in faces])
    is_right = read == labels
    return RoundTrip(
        n=len(rows),
        found=float(is_found.mean()),
        extra=float((detections - is_found.sum()) / len(rows)),
        accuracy_untouched=_share(untouched == labels, is_found),
        accuracy=_share(is_right, is_found),
        certain=_share(is_certain, is_found),
        accuracy_where_certain=_share(is_right, is_certain),
    )


def _share(is_right: NDArray[np.bool_], among: NDArray[np.bool_]) -> float | None:
    return float(is_right[among].mean()) if among.any() else None
