"""What the last seconds showed: by person, stretches of one label, with gaps where the person was not seen."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mien.core.moments import Moment, Sighting

_MOST_PERSONS: Final = 64  # in a street scene hundreds pass by; the strip has room for a few
_CELLS: Final = 400  # no stretch begins within a 400th of the whole time after the last: memory is bounded
_LANE_KEPT_S: Final = 1.0  # who is gone for a moment keeps the lane
_LANE_EARNED_S: Final = 0.5  # who is seen for less is often no person: lanes would come and go, and the strip with them
_ROUNDING_S: Final = 1e-6


@dataclass(slots=True)
class Stretch:
    """A time in which a person was seen on each frame, with one label.

    Attributes:
        start_s: When it began, in seconds from the beginning of the video.
        stop_s: When the person was seen so the last time.
        expression: The steady label.
        is_certain: Whether the label is more likely right than wrong.
    """

    start_s: float
    stop_s: float
    expression: str
    is_certain: bool


class RecentLabels:
    """The labels of the last seconds, in bounded memory whatever comes."""

    def __init__(self, span_s: float) -> None:
        """Begin without anybody.

        Args:
            span_s: How long a label is remembered, seconds.
        """
        self._span_s = span_s
        self._now_s = 0.0
        self._earned_s = min(_LANE_EARNED_S, span_s / 4)  # a short span can't hold more
        self._stretches: dict[int, deque[Stretch]] = {}  # in the order in which persons were last seen
        self._seen: frozenset[int] = frozenset()  # on the last frame
        self._lanes: list[int] = []

    def note(self, moment: Moment) -> None:
        """Take in a frame; one that lies before the last begins a new story."""
        if moment.time_s < self._now_s:
            self._stretches.clear()
            self._seen = frozenset()
        self._now_s = moment.time_s
        for sighting in moment.sightings:
            self._note_sighting(sighting)
        self._seen = frozenset(sighting.person for sighting in moment.sightings)
        self._forget()

    def choose_lanes(self, most: int) -> list[tuple[int, Sequence[Stretch]]]:
        """Return persons by number, with their stretches, oldest first; at most so many persons, those seen last.

        Who was seen for less than half a second is not chosen. Who is chosen stays so, and gives way to another one
        only after a second out of sight.
        """
        self._lanes = [person for person in self._lanes if person in self._stretches][:most]
        for person in sorted(self._stretches, key=lambda person: (-self._last_seen_s(person), person)):
            if person in self._lanes or self._seen_for_s(person) < self._earned_s - _ROUNDING_S:
                continue
            if len(self._lanes) < most:
                self._lanes.append(person)
                continue
            if not self._lanes:
                break
            oldest = min(self._lanes, key=self._last_seen_s)
            if self._last_seen_s(person) - self._last_seen_s(oldest) > _LANE_KEPT_S:
                self._lanes[self._lanes.index(oldest)] = person
        return [(person, self._stretches[person]) for person in sorted(self._lanes)]

    def _note_sighting(self, sighting: Sighting) -> None:
        person, label = sighting.person, (sighting.expression, sighting.is_certain)
        stretches = self._stretches.pop(person, deque())
        self._stretches[person] = stretches  # now the last of all
        last = stretches[-1] if stretches else None
        is_seen_on = last is not None and person in self._seen
        if last is not None:
            if is_seen_on:
                last.stop_s = self._now_s  # the old label held until the new one came
            if self._now_s - last.start_s < self._span_s / _CELLS:
                last.expression, last.is_certain = label
                last.stop_s = self._now_s
                return
            if is_seen_on and (last.expression, last.is_certain) == label:
                return
        stretches.append(Stretch(self._now_s, self._now_s, *label))

    def _forget(self) -> None:
        """Drop what is too old, and the persons of whom nothing is left."""
        for person in list(self._stretches):
            stretches = self._stretches[person]
            while stretches and stretches[0].stop_s < self._now_s - self._span_s:
                stretches.popleft()
            if not stretches:
                del self._stretches[person]
        for person in list(self._stretches)[:-_MOST_PERSONS]:
            del self._stretches[person]

    def _seen_for_s(self, person: int) -> float:
        return sum(stretch.stop_s - stretch.start_s for stretch in self._stretches[person])

    def _last_seen_s(self, person: int) -> float:
        return self._stretches[person][-1].stop_s
