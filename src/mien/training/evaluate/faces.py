"""Score the exported detector on one split of annotated photos: the very file that users run, never a checkpoint."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from mien.core.card import FacesCard
from mien.core.results import Detection
from mien.inference.faces.detector import Detector
from mien.inference.runtime.bundled import find_model, read_model_file
from mien.training.data.faces.photos import open_photos
from mien.training.data.table import Split
from mien.training.evaluate.detections.choices import ROUND_SCORES, Choice, compare_scores
from mien.training.evaluate.detections.matching import FoundFaces, TrueFaces
from mien.training.evaluate.detections.measures import DetectionMeasures, measure_detections

LEAST_SCORE = 0.02
"""Average precision is taken over all detections down to this score."""

OnProgress: TypeAlias = Callable[[int, int], None]
"""Told how many pictures are scored, and how many there are."""


class FaceScores(DetectionMeasures):
    """Everything that `metrics.json` says of a detector.

    Attributes:
        model: Name of the file.
        model_sha256: Hash of the whole file. A stamp changes it; the card's `graph_sha256` stays.
        data: Name of the data set.
        split: The part that was scored.
        max_side_px: Longer side that larger photos were scaled to.
        landmark_error: That of faces of at least 64 px.
        by_score: What other least scores than `min_score` would give, and what that one does, by rising score.
        command: The line that makes these figures again.
    """

    model: str
    model_sha256: str
    data: str
    split: Split
    max_side_px: int
    landmark_error: float | None
    by_score: tuple[Choice, ...] = ()
    command: str


def score_detector(
    source: str | os.PathLike[str],
    data_path: Path,
    split: Split,
    *,
    command: str = "",
    threads: int | None = None,
    max_side_px: int | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[FaceScores, FacesCard]:
    """Run a detector over one split of annotated photos and compute its figures.

    Args:
        source: What `mien export` wrote, or the name of a bundled model; see `find_model`.
        data_path: The folder that `mien data import` wrote.
        split: The part to score.
        command: The line that makes these figures again, kept beside them.
        threads: Threads of ONNX Runtime; None for its default here.
        max_side_px: Longer side that larger photos are scaled to; None for the model's own.
        on_progress: Told after each photo.

    Returns:
        The scores, and the model's card as it was.

    Raises:
        ModelError: If the file is no detector of ours.
        DataError: If the data set can't be read or was changed, or has no such photos.
    """
    photos = open_photos(data_path)
    rows = photos.rows_of(split)
    photos.verify()
    path = find_model(source)
    sha256 = hashlib.sha256(read_model_file(path)).hexdigest()
    detector = Detector.load(path, threads=threads)
    found, true = [], []
    for done, row in enumerate(rows, 1):
        detections = detector.detect(photos.picture(int(row)), min_score=LEAST_SCORE, max_side_px=max_side_px)
        found.append(gather(detections))
        faces = photos.faces_of(int(row))
        true.append(TrueFaces(np.ascontiguousarray(faces["box"]), np.ascontiguousarray(faces["landmarks"])))
        if on_progress:
            on_progress(done, len(rows))
    measures = measure_detections(found, true, min_score=detector.card.min_score)
    scores = FaceScores(
        model=path.name,
        model_sha256=sha256,
        data=photos.manifest.name,
        split=split,
        max_side_px=max_side_px or detector.card.max_side_px,
        landmark_error=measures.landmark_error_64,
        by_score=compare_scores(found, true, [*ROUND_SCORES, detector.card.min_score]),
        command=command,
        **measures.model_dump(),
    )
    return scores, detector.card


def gather(detections: Sequence[Detection]) -> FoundFaces:
    """Return the detections of one picture as arrays."""
    return FoundFaces(
        np.array([one.box.to_list() for one in detections], np.float32).reshape(-1, 4),
        np.array([one.score for one in detections], np.float32),
        np.array([one.landmarks for one in detections], np.float32).reshape(-1, 5, 2),
    )
