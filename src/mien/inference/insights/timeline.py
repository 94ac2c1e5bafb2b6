"""A timeline of bounded size: mean probabilities by bins of time, of everyone and of each person."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mien.core.coarse import estimate_valence
from mien.core.moments import Moment
from mien.inference.insights.bins import split_span

_Sums = dict[int, list[float]]
"""By a bin's number the probabilities times seconds, in the labels' order, and last the seconds seen."""


@dataclass(frozen=True, slots=True)
class Track:
    """One line of the timeline; its bins follow each other without a break.

    Attributes:
        first_bin: Number of its first bin.
        seen_s: By bin the seconds seen; of everyone the persons' seconds, summed.
        probabilities: By bin the mean of the smoothed probabilities over these seconds, in the labels' order; None
            where nobody was seen.
        valence: By bin that of the mean probabilities; None where nobody was seen, or a label is none of the seven.
        valence_change: `valence` less the person's baseline; None where that was not asked for or is not known.
    """

    first_bin: int
    seen_s: tuple[float, ...]
    probabilities: tuple[tuple[float, ...] | None, ...]
    valence: tuple[float | None, ...]
    valence_change: tuple[float | None, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "first_bin": self.first_bin,
            "seen_s": list(self.seen_s),
            "probabilities": [None if means is None else list(means) for means in self.probabilities],
            "valence": list(self.valence),
            "valence_change": None if self.valence_change is None else list(self.valence_change),
        }


@dataclass(frozen=True, slots=True)
class Timeline:
    """Expressions over time.

    Attributes:
        start_s: Where bin 0 begins: the time of the first frame.
        bin_s: Length of each bin.
        labels: In the order of `Track.probabilities`; empty if nobody was seen.
        everyone: From bin 0 to the video's end.
        persons: By number, from the first bin in which they were seen to the last.
    """

    start_s: float
    bin_s: float
    labels: tuple[str, ...]
    everyone: Track
    persons: Mapping[int, Track]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; persons' numbers become strings, as JSON has it."""
        return {
            "start_s": self.start_s,
            "bin_s": self.bin_s,
            "labels": list(self.labels),
            "everyone": self.everyone.to_dict(),
            "persons": {str(person): track.to_dict() for person, track in self.persons.items()},
        }


class TimelineTally:
    """Adds frames up into at most `max_bins` bins a line; when more are needed, neighbors are merged by two."""

    def __init__(self, bin_s: float, max_bins: int) -> None:
        """Begin without bins; the first frame is where they start.

        Args:
            bin_s: Length of the bins until they are merged.
            max_bins: Even, from 2 on.
        """
        self._bin_s, self._max_bins = bin_s, max_bins
        self._start_s: float | None = None
        self._labels: tuple[str, ...] = ()
        self._bins = 0
        self._everyone: _Sums = {}
        self._persons: dict[int, _Sums] = {}

    def add(self, moment: Moment, hold_s: float, persons: Collection[int]) -> None:
        """Take one frame.

        Args:
            moment: Not before the one before, with the same labels.
            hold_s: For how long it counts.
            persons: Those that have a line of their own.
        """
        if moment.sightings:
            self._labels = self._labels or tuple(moment.sightings[0].probabilities)
        self._start_s = moment.time_s if self._start_s is None else self._start_s
        start_s = moment.time_s - self._start_s
        pieces = list(split_span(start_s, start_s + hold_s, self._bin_s))
        while pieces and pieces[-1][0] >= self._max_bins:
            self._merge()
            pieces = list(split_span(start_s, start_s + hold_s, self._bin_s))
        for number, seconds in pieces:
            self._bins = max(self._bins, number + 1)
            for sighting in moment.sightings:
                values = tuple(sighting.probabilities.values())
                _add_to(self._everyone, number, values, seconds)
                if sighting.person in persons:
                    _add_to(self._persons.setdefault(sighting.person, {}), number, values, seconds)

    def forget(self, person: int) -> None:
        """Let go of a person's line; in that of everyone they stay."""
        self._persons.pop(person, None)

    def summarize(self, baselines: Mapping[int, float | None]) -> Timeline:
        """Return what was added up so far.

        Args:
            baselines: By person who has a line the valence from which changes are told, or None.
        """
        everyone = self._describe(self._everyone, range(self._bins), None)
        persons = {
            person: self._describe(sums, range(min(sums), max(sums) + 1), baselines[person])
            for person, sums in sorted(self._persons.items())
            if person in baselines
        }
        return Timeline(self._start_s or 0.0, self._bin_s, self._labels, everyone, MappingProxyType(persons))

    def _describe(self, sums: _Sums, numbers: range, baseline: float | None) -> Track:
        seen_s = tuple(sums[number][-1] if number in sums else 0.0 for number in numbers)
        means = tuple(
            tuple(value / sums[number][-1] for value in sums[number][:-1]) if number in sums else None
            for number in numbers
        )
        valence = tuple(
            None if values is None else estimate_valence(dict(zip(self._labels, values, strict=True)))
            for values in means
        )
        change = None
        if baseline is not None:
            change = tuple(None if value is None else value - baseline for value in valence)
        return Track(numbers.start, seen_s, means, valence, change)

    def _merge(self) -> None:
        """Double the bins' length."""
        self._bin_s *= 2
        self._bins = (self._bins + 1) // 2
        self._everyone = _merge_by_two(self._everyone)
        self._persons = {person: _merge_by_two(sums) for person, sums in self._persons.items()}


def _add_to(sums: _Sums, number: int, values: tuple[float, ...], seconds: float) -> None:
    """Add one sighting's probabilities, weighted by its seconds in this bin."""
    totals = sums.setdefault(number, [0.0] * (len(values) + 1))
    for place, value in enumerate(values):
        totals[place] += value * seconds
    totals[-1] += seconds


def _merge_by_two(sums: _Sums) -> _Sums:
    merged: _Sums = {}
    for number, totals in sums.items():
        other = merged.get(number // 2)
        merged[number // 2] = totals if other is None else [a + b for a, b in zip(other, totals, strict=True)]
    return merged
