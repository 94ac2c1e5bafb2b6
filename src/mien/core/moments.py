"""What a video shows at one time: who is on the frame, and which expression each one shows, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from mien.core.coarse import estimate_valence
from mien.core.errors import InputError
from mien.core.results import CERTAIN_FROM, Face, freeze_probabilities


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One person on one frame.

    Attributes:
        person: The number that the person keeps from frame to frame, from 1 on, in the order of their appearance.
        face: The face as it was read on this frame alone; its probabilities are the raw ones.
        probabilities: Smoothed over the person's last frames; one entry a label, they sum to 1.
        expression: The steady label. It changes only when another one clearly leads, so that it need not be the
            likeliest of `probabilities`.

    Raises:
        InputError: If the person's number is under 1, the probabilities don't sum to 1, or the expression is none of
            their labels.
    """

    person: int
    face: Face
    probabilities: Mapping[str, float]
    expression: str

    def __post_init__(self) -> None:
        if self.person < 1:
            raise InputError(f"persons are numbered from 1 on, got {self.person}")
        object.__setattr__(self, "probabilities", freeze_probabilities(self.probabilities))
        if self.expression not in self.probabilities:
            raise InputError(f"the expression {self.expression!r} is none of the labels {list(self.probabilities)}")

    @property
    def confidence(self) -> float:
        """The smoothed probability of `expression`."""
        return self.probabilities[self.expression]

    @property
    def is_certain(self) -> bool:
        """Whether the label is more likely right than wrong, as for `Face.is_certain`."""
        return self.confidence >= CERTAIN_FROM and self.face.quality.is_sufficient

    @property
    def valence(self) -> float | None:
        """How pleasant the face looks, from -1 to 1, after smoothing; see `estimate_valence`."""
        return estimate_valence(self.probabilities)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "person": self.person,
            "box": self.face.box.to_list(),
            "score": self.face.score,
            "expression": self.expression,
            "confidence": self.confidence,
            "is_certain": self.is_certain,
            "probabilities": dict(self.probabilities),
            "raw_probabilities": dict(self.face.probabilities),
        }

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sighting):
            return NotImplemented
        return self.face == other.face and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.person, self.face))

    def __reduce__(self) -> tuple[Any, ...]:  # a read-only mapping can't be pickled as it is
        return Sighting, (self.person, self.face, dict(self.probabilities), self.expression)


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame of a video that was looked at.

    Attributes:
        frame: The frame's number in the video, from 0 on; frames that were skipped are counted.
        time_s: When it is shown, in seconds from the beginning of the video.
        width: Pixels as a person sees it.
        height: Likewise.
        sightings: Who is on it; empty where no face was found.

    Raises:
        InputError: If the number or the time is negative, the size is not positive, or a person is on it twice.
    """

    frame: int
    time_s: float
    width: int
    height: int
    sightings: tuple[Sighting, ...] = ()

    def __post_init__(self) -> None:
        if self.frame < 0 or not (isfinite(self.time_s) and self.time_s >= 0.0):
            raise InputError(f"a frame's number and time begin at 0, got {self.frame} and {self.time_s}")
        if self.width < 1 or self.height < 1:
            raise InputError(f"a frame has a size, got {self.width} x {self.height}")
        persons = [sighting.person for sighting in self.sightings]
        if len(set(persons)) < len(persons):
            raise InputError(f"a person is on a frame once, got the numbers {persons}")

    def to_dict(self) -> dict[str, Any]:
        """Return the line that `mien watch --json` prints, as plain JSON types."""
        return {
            "frame": self.frame,
            "time_s": self.time_s,
            "width": self.width,
            "height": self.height,
            "faces": [sighting.to_dict() for sighting in self.sightings],
        }
