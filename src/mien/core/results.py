"""What reading a picture gives: faces with their apparent expressions, as frozen values of plain types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType
from typing import Any

import numpy as np

from mien.core.coarse import estimate_valence, sum_tones
from mien.core.errors import InputError
from mien.core.geometry import Box, Landmarks

CERTAIN_FROM = 0.5
"""The calibrated confidence from which a face's label is more likely right than wrong."""

SMALLEST_SURE_PX = 12.0
LEAST_SURE_SHARPNESS = 0.05
MOST_SURE_TURN_DEG = 30.0
"""Beyond these limits nobody knows whether a face's confidence can be believed, or it can't.

Within them the bundled model is at most 7 points too sure, but for faces of 12 to 14 px (13, by 42 faces); for heads
turned further by 18 (34 faces). Smaller faces were not measured, and blurred ones are read as rarely as the model
says. By `examples/quality_limits.py` on FER2013's validation part; the tables stand in `docs/experiments.md`.
"""

SUM_TOLERANCE = 1e-3
"""How far the sum of probabilities may lie from 1, for rounding."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a face can be seen.

    Attributes:
        size_px: Shorter side of the face's box.
        sharpness: Detail in the crop, or None where it was not measured.
        turn_deg: Head turned left or right, or None without landmarks.
        tilt_deg: Head tilted in the picture plane, or None without landmarks.

    Raises:
        InputError: If a value is not finite.
    """

    size_px: float
    sharpness: float | None = None
    turn_deg: float | None = None
    tilt_deg: float | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and not isfinite(value):
                raise InputError(f"{name} of a face's quality is a finite number, got {value}")
            object.__setattr__(self, name, None if value is None else float(value))

    @property
    def is_sufficient(self) -> bool:
        """Whether the face can be seen well enough for its confidence to mean what it says.

        Its size, sharpness and turn are within `SMALLEST_SURE_PX`, `LEAST_SURE_SHARPNESS` and `MOST_SURE_TURN_DEG`;
        what was not measured is not held against it.
        """
        return (
            self.size_px >= SMALLEST_SURE_PX
            and (self.sharpness is None or self.sharpness >= LEAST_SURE_SHARPNESS)
            and (self.turn_deg is None or abs(self.turn_deg) <= MOST_SURE_TURN_DEG)
        )

    def to_dict(self) -> dict[str, float | None]:
        """Return the four values as plain JSON types."""
        return {
            "size_px": self.size_px,
            "sharpness": self.sharpness,
            "turn_deg": self.turn_deg,
            "tilt_deg": self.tilt_deg,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One face that was found, before anyone looked at its expression.

    Attributes:
        box: Where it is, in pixels of the picture as a person sees it (EXIF turned).
        score: How sure the detector is that this is a face, 0-1.
        landmarks: (5, 2) float32 pixels.

    Raises:
        InputError: If the score is out of its range, or the landmarks are not five finite points.
    """

    box: Box
    score: float
    landmarks: Landmarks

    def __post_init__(self) -> None:
        object.__setattr__(self, "score", _check_score(self.score))
        object.__setattr__(self, "landmarks", _freeze_landmarks(self.landmarks))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {"box": self.box.to_list(), "score": self.score, "landmarks": _list_points(self.landmarks)}

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Detection) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.box, self.score))

    def __reduce__(self) -> tuple[Any, ...]:  # a copy has read-only landmarks as well
        return Detection, (self.box, self.score, self.landmarks)


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face and its apparent expression.

    Attributes:
        box: Where it is, in pixels of the picture as a person sees it (EXIF turned).
        score: How sure the detector is that this is a face, 0-1; None where the caller brought the crop.
        landmarks: (5, 2) float32 pixels, or None.
        probabilities: One entry a label of the model's card, in its order; they sum to 1.
        quality: What a user needs to judge the reading.

    Raises:
        InputError: If a value is out of its range, or the probabilities don't sum to 1.
    """

    box: Box
    score: float | None
    landmarks: Landmarks | None
    probabilities: Mapping[str, float]
    quality: Quality

    def __post_init__(self) -> None:
        if self.score is not None:
            object.__setattr__(self, "score", _check_score(self.score))
        if self.landmarks is not None:
            object.__setattr__(self, "landmarks", _freeze_landmarks(self.landmarks))
        object.__setattr__(self, "probabilities", freeze_probabilities(self.probabilities))

    @property
    def expression(self) -> str:
        """The label with the highest probability."""
        return max(self.probabilities, key=lambda label: self.probabilities[label])

    @property
    def confidence(self) -> float:
        """The calibrated probability of `expression`."""
        return self.probabilities[self.expression]

    @property
    def is_certain(self) -> bool:
        """Whether the label is more likely right than wrong.

        That asks for a `confidence` of at least `CERTAIN_FROM`, and a face that is seen well enough for it to be
        believed (`Quality.is_sufficient`).
        """
        return self.confidence >= CERTAIN_FROM and self.quality.is_sufficient

    @property
    def tones(self) -> Mapping[str, float] | None:
        """By tone its probability: positive, neutral, negative, surprise; None if a label is none of the seven."""
        return sum_tones(self.probabilities)

    @property
    def tone(self) -> str | None:
        """The tone with the highest probability, which need not be that of `expression`; None as for `tones`."""
        return None if (tones := self.tones) is None else max(tones, key=tones.__getitem__)

    @property
    def tone_confidence(self) -> float | None:
        """The probability of `tone`; None as for `tones`."""
        return None if (tones := self.tones) is None else max(tones.values())

    @property
    def valence(self) -> float | None:
        """How pleasant the face looks, from -1 to 1, and 0 if neutral or not known; see `estimate_valence`."""
        return estimate_valence(self.probabilities)

    def to_dict(self, *, has_tone: bool = False) -> dict[str, Any]:
        """Return plain JSON types, in the order of the architecture's JSON.

        Args:
            has_tone: Whether `tone`, `tone_confidence` and `valence` follow.
        """
        values: dict[str, Any] = {
            "box": self.box.to_list(),
            "score": self.score,
            "landmarks": None if self.landmarks is None else _list_points(self.landmarks),
            "expression": self.expression,
            "confidence": self.confidence,
            "is_certain": self.is_certain,
            "probabilities": dict(self.probabilities),
            "quality": self.quality.to_dict(),
        }
        if has_tone:
            values |= {"tone": self.tone, "tone_confidence": self.tone_confidence, "valence": self.valence}
        return values

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Face) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.box, self.score, *self.probabilities.items()))

    def __reduce__(self) -> tuple[Any, ...]:  # a read-only mapping can't be pickled as it is
        return Face, (self.box, self.score, self.landmarks, dict(self.probabilities), self.quality)


def _check_score(score: float) -> float:
    """Return a score as a plain number."""
    if not 0.0 <= score <= 1.0:
        raise InputError(f"a face's score lies between 0 and 1, got {score}")
    return float(score)


def _list_points(landmarks: Landmarks) -> list[list[float]]:
    return [[float(x), float(y)] for x, y in landmarks]


def _freeze_landmarks(landmarks: Landmarks) -> Landmarks:
    """Return a read-only copy of five finite points."""
    frozen = np.array(landmarks, np.float32)
    if frozen.shape != (5, 2) or not np.isfinite(frozen).all():
        raise InputError(f"landmarks are five finite points, (5, 2), got {frozen.shape} {frozen.tolist()}")
    frozen.setflags(write=False)
    return frozen


def freeze_probabilities(probabilities: Mapping[str, float]) -> Mapping[str, float]:
    """Return a read-only copy of probabilities that sum to 1.

    Raises:
        InputError: If one is not finite or below 0, or their sum lies further than `SUM_TOLERANCE` from 1.
    """
    frozen = {label: float(probability) for label, probability in probabilities.items()}
    is_sound = all(isfinite(value) and value >= 0.0 for value in frozen.values())
    if not is_sound or abs(sum(frozen.values()) - 1.0) > SUM_TOLERANCE:
        raise InputError(f"a face needs probabilities of its labels that sum to 1, got {frozen}")
    return MappingProxyType(frozen)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture that was read, or the reason why it wasn't.

    Attributes:
        source: The path or name it came from.
        width: Pixels as a person sees it; None if it couldn't be read.
        height: Likewise.
        faces: The faces found, or None if it couldn't be read.
        error: {"code": ..., "message": ...} if it couldn't be read, else None.

    Raises:
        InputError: If it holds neither faces nor an error or both, or faces without the size of a picture.
    """

    source: str
    width: int | None = None
    height: int | None = None
    faces: tuple[Face, ...] | None = None
    error: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if (self.faces is None) == (self.error is None):
            raise InputError("a picture holds either its faces or an error, not both and not neither")
        if self.error is not None:
            object.__setattr__(self, "error", MappingProxyType(dict(self.error)))
        if self.faces is not None:
            if not (self.width and self.height and min(self.width, self.height) > 0):
                raise InputError(f"a picture that was read has a size, got {self.width} x {self.height}")
            object.__setattr__(self, "faces", tuple(self.faces))

    def to_dict(self, *, has_tone: bool = False) -> dict[str, Any]:
        """Return the line that `mien predict --json` prints, as plain JSON types.

        Args:
            has_tone: Whether each face has its coarse answers, too, as with `--coarse`.
        """
        if self.error is not None:
            return {"source": self.source, "error": dict(self.error)}
        return {
            "source": self.source,
            "width": self.width,
            "height": self.height,
            "faces": [face.to_dict(has_tone=has_tone) for face in self.faces or ()],
        }

    def __hash__(self) -> int:
        return hash((self.source, self.width, self.height, self.faces))

    def __reduce__(self) -> tuple[Any, ...]:  # a read-only mapping can't be pickled as it is
        error = None if self.error is None else dict(self.error)
        return Picture, (self.source, self.width, self.height, self.faces, error)
