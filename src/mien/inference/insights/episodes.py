"""Episodes: stretches in which a person steadily shows one expression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from mien.core.moments import Moment, Sighting
from mien.inference.insights.settings import InsightSettings

MOSTLY = 0.5
"""Share of the time from which on a label is told as certain; below it stands a question mark."""

_ROUNDING_S = 1e-9
"""How far sums of times may lie from what they stand for."""


def is_guess(certain_share: float | None) -> bool:
    """Whether less than `MOSTLY` of a time is certain; not where nothing is told of that."""
    return certain_share is not None and certain_share < MOSTLY


@dataclass(frozen=True, slots=True)
class Episode:
    """One person, one expression, from a start to an end.

    Attributes:
        person: Their number.
        expression: The steady label.
        start_s: Time of the first frame that shows it.
        end_s: When the next expression began, or the last frame of the person ended to count.
        peak_s: Time of the frame with the highest smoothed probability; of equals the first.
        peak: That probability.
        mean_confidence: The label's smoothed probability, in the mean over the seconds seen.
        certain_share: Share of the seconds seen in which the label was certain.
    """

    person: int
    expression: str
    start_s: float
    end_s: float
    peak_s: float
    peak: float
    mean_confidence: float
    certain_share: float

    @property
    def duration_s(self) -> float:
        """From start to end; gaps that did not end the episode are within."""
        return self.end_s - self.start_s

    @property
    def is_guess(self) -> bool:
        """Whether less than `MOSTLY` of it is certain."""
        return is_guess(self.certain_share)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "person": self.person,
            "expression": self.expression,
            "start_s": self.start_s,
            "end_s": self.end_s,
            "peak_s": self.peak_s,
            "peak": self.peak,
            "mean_confidence": self.mean_confidence,
            "certain_share": self.certain_share,
        }


class Ending(NamedTuple):
    """A stretch that is over, of whatever length.

    Attributes:
        episode: What it was.
        is_change: Whether another expression followed; else the person left, or the video ended.
    """

    episode: Episode
    is_change: bool


@dataclass(slots=True)
class _Stretch:
    """An episode that goes on; `weighted` is confidence times seconds, and `is_certain` of the first frame."""

    expression: str
    start_s: float
    end_s: float
    peak_s: float
    peak: float
    is_certain: bool
    seen_s: float = 0.0
    certain_s: float = 0.0
    weighted: float = 0.0

    def extend(self, sighting: Sighting, time_s: float, hold_s: float) -> None:
        """Take one more frame that shows the same expression."""
        confidence = sighting.confidence
        if confidence > self.peak:
            self.peak_s, self.peak = time_s, confidence
        self.end_s = time_s + hold_s
        self.seen_s += hold_s
        self.certain_s += hold_s if sighting.is_certain else 0.0
        self.weighted += confidence * hold_s

    def close(self, person: int) -> Episode:
        """Return the finished episode; one without length has its peak's confidence and its first frame's certainty."""
        is_seen = self.seen_s > 0.0
        mean = self.weighted / self.seen_s if is_seen else self.peak
        return Episode(
            person=person,
            expression=self.expression,
            start_s=self.start_s,
            end_s=self.end_s,
            peak_s=self.peak_s,
            peak=self.peak,
            mean_confidence=min(mean, self.peak),  # rounding can end a hair above
            certain_share=min(self.certain_s / self.seen_s, 1.0) if is_seen else float(self.is_certain),
        )


class EpisodeFinder:
    """Follows the stretch that each present person is in. Holds nothing of those who left."""

    def __init__(self, settings: InsightSettings) -> None:
        """Begin without persons.

        Args:
            settings: Says which gap ends a stretch.
        """
        self._longest_gap_s = settings.longest_gap_s
        self._stretches: dict[int, _Stretch] = {}

    def add(self, moment: Moment, hold_s: float) -> list[Ending]:
        """Take one frame.

        Args:
            moment: Later than the one before.
            hold_s: For how long it counts.

        Returns:
            The stretches that it ends, in the order of persons' numbers.
        """
        endings = [
            Ending(self._stretches.pop(person).close(person), is_change=False)
            for person, stretch in sorted(self._stretches.items())
            if moment.time_s - stretch.end_s > self._longest_gap_s + _ROUNDING_S
        ]
        for sighting in moment.sightings:
            if (ending := self._follow(sighting, moment.time_s, hold_s)) is not None:
                endings.append(ending)
        return sorted(endings, key=lambda ending: ending.episode.person)

    def close(self) -> list[Ending]:
        """Return the stretches that still go on as if the video ended here, and forget them."""
        endings = [
            Ending(stretch.close(person), is_change=False) for person, stretch in sorted(self._stretches.items())
        ]
        self._stretches.clear()
        return endings

    def _follow(self, sighting: Sighting, time_s: float, hold_s: float) -> Ending | None:
        """Extend a person's stretch, or end it and begin another one."""
        stretch, ending = self._stretches.get(sighting.person), None
        if stretch is not None and stretch.expression != sighting.expression:
            ending, stretch = Ending(stretch.close(sighting.person), is_change=True), None
        if stretch is None:
            stretch = _Stretch(sighting.expression, time_s, time_s, time_s, sighting.confidence, sighting.is_certain)
            self._stretches[sighting.person] = stretch
        stretch.extend(sighting, time_s, hold_s)
        return ending
