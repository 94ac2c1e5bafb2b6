"""From a picture to the faces in it, with one model file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Real
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.core.arguments import check_whole
from mien.core.card import FacesCard
from mien.core.errors import InputError, ModelError
from mien.core.geometry import Box
from mien.core.results import Detection
from mien.inference.faces.crop import MIN_SIDE_PX
from mien.inference.media.pictures import RGB
from mien.inference.runtime.bundled import find_model
from mien.inference.runtime.session import Session, Value, open_model

DEFAULT_DETECTOR: Final = "faces"
INPUTS: Final = {"images": Value("tensor(uint8)", (1, None, None, 3)), "min_score": Value("tensor(float)", ())}
OUTPUTS: Final = {
    "boxes": Value("tensor(float)", (None, 4)),
    "scores": Value("tensor(float)", (None,)),
    "landmarks": Value("tensor(float)", (None, 5, 2)),
}

MIN_SIDE_LIMIT_PX: Final = 32
MAX_SIDE_LIMIT_PX: Final = 8192
"""Larger scaled pictures would take gigabytes in the network."""


class Detector:
    """Finds faces in pictures of any size; safe to use from several threads at once."""

    def __init__(self, session: Session) -> None:
        """Take an open model; `load` opens one by name or path."""
        self._card = session.card.expect(FacesCard)
        self._session = session

    @classmethod
    def load(
        cls,
        model: str | os.PathLike[str] = DEFAULT_DETECTOR,
        *,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
    ) -> Detector:
        """Open a detector.

        Args:
            model: Name of a bundled model, or the path of a file that `mien export` wrote. Names go before paths.
            threads: Threads for one call; None means the processors at hand, at most 4.
            providers: ONNX Runtime execution providers, the preferred first; None means the CPU.

        Raises:
            InputError: If `threads` or `providers` can't be used.
            ModelError: If the file is absent, damaged, or no detector; see `open_model`.
        """
        session = open_model(model, threads=threads, providers=providers)
        try:
            session.card.expect(FacesCard)
            session.check_signature(INPUTS, OUTPUTS)
        except ModelError as error:
            raise type(error)(f"{find_model(model)}: {error}") from error
        return cls(session)

    @property
    def card(self) -> FacesCard:
        """What the model says of itself."""
        return self._card

    def detect(
        self, picture: RGB, *, min_score: float | None = None, max_side_px: int | None = None
    ) -> list[Detection]:
        """Find the faces of one picture.

        Time and memory grow with the pixels of the scaled picture, and hardly with the number of faces.

        Args:
            picture: (H, W, 3) uint8 RGB.
            min_score: Score from which on a detection is shown, 0-1; None for the model's own. Lower finds more faces,
                and more that are none.
            max_side_px: Larger pictures are scaled down to this longer side; None for the model's own. Larger finds
                smaller faces and takes longer.

        Returns:
            The surest first, in pixels of `picture`; empty where there is no face.

        Raises:
            InputError: If a keyword is out of its range.
            ModelError: If ONNX Runtime fails.
        """
        limit = self._card.min_score if min_score is None else min_score
        side_px = self._card.max_side_px if max_side_px is None else max_side_px
        check_search(limit, side_px)
        scaled = _scale(picture, side_px)
        inputs = {"images": scaled[None], "min_score": np.array(limit, np.float32)}
        boxes, scores, landmarks = self._session.run(tuple(OUTPUTS), inputs)
        ratio = np.array([picture.shape[1] / scaled.shape[1], picture.shape[0] / scaled.shape[0]], np.float32)
        return _describe(boxes, scores, landmarks, ratio)


def _scale(picture: RGB, max_side_px: int) -> NDArray[np.uint8]:
    """Scale a large picture down to a longer side; areas are averaged, so that nothing aliases."""
    height, width = picture.shape[:2]
    if max(height, width) <= max_side_px:
        return np.ascontiguousarray(picture)
    factor = max_side_px / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))


def _describe(boxes: Any, scores: Any, landmarks: Any, ratio: NDArray[np.float32]) -> list[Detection]:
    """Turn the network's arrays into values in pixels of the picture."""
    is_sound = np.isfinite(boxes).all(axis=1) & np.isfinite(landmarks).all(axis=(1, 2))
    is_sound &= (boxes[:, 2:] * ratio >= MIN_SIDE_PX).all(axis=1)
    return [
        Detection(Box(*(float(value) for value in box * np.tile(ratio, 2))), float(score), points * ratio)
        for box, score, points in zip(boxes[is_sound], scores[is_sound], landmarks[is_sound], strict=True)
    ]


def check_search(min_score: float | None, max_side_px: int | None) -> None:
    """Refuse what can't tell how to look for faces; see `Detector.detect`.

    Raises:
        InputError: If one is given and out of its range.
    """
    if min_score is not None and not (isinstance(min_score, Real) and 0.0 <= min_score <= 1.0):
        raise InputError(f"min_score lies between 0 and 1, got {min_score!r}.")
    if max_side_px is not None:
        check_whole("max_side_px", max_side_px, MIN_SIDE_LIMIT_PX, MAX_SIDE_LIMIT_PX)
