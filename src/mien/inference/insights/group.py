"""Group mode: how a crowd looks over time, without a row for anyone.

What is told is told of bins of time in which enough different people were seen, as many of them at once; each of them
counts alike there. What was seen in other bins is forgotten as soon as the bin is over: it is in no total, so that
nothing can be found by taking the bins from the total. Nothing is told of a bin that is not over, so that asking often
tells no more. Only when the video is over, what is left at its end is a bin, too: by the same rule if it is at least
half as long as the others, and else one that says that it is too short. It is told once, so nothing can be found by
comparing it with what was told before.

What this does not protect from: where all show the same expression, each one's is known. Who knows four of five
people's expressions, knows the fifth's; who knows that one person came between two bins, can guess from what changed.
Boxes that are no faces count as people. And whoever has the video itself needs no aggregates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from types import MappingProxyType
from typing import Any

from mien.core.errors import InputError
from mien.core.moments import Moment
from mien.inference.insights.bins import split_span
from mien.inference.insights.settings import check_above_zero, check_max_bins

LEAST_GROUP = 2
"""A group of one is a person."""

LEAST_BIN_S = 2.0
"""Shorter bins would follow single people's changes."""

LEAST_SEEN_S = 1.0
"""Who is seen for less in a bin neither counts toward its minimum nor into its shares: a glimpse hides nobody."""

_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """What may be told of a group.

    Attributes:
        min_group: Different people that a bin needs, on one of its frames together. Higher protects each of them
            better, and leaves more bins empty.
        bin_s: Length of a bin at the start. Higher blurs single people's changes, and gathers more people; what is
            left over at the end of the video is told of where it lasts for at least half of it.
        max_bins: When more are needed, neighbors are merged by two.

    Raises:
        InputError: If the group is smaller than `LEAST_GROUP`, the bins are shorter than `LEAST_BIN_S`, or `max_bins`
            is odd or under 2.
    """

    min_group: int = 5
    bin_s: float = 10.0
    max_bins: int = 600

    def __post_init__(self) -> None:
        check_above_zero("bin_s", self.bin_s)
        check_max_bins(self.max_bins)
        if self.min_group < LEAST_GROUP:
            raise InputError(f"min_group is at least {LEAST_GROUP}: one person is no group; got {self.min_group}")
        if self.bin_s < LEAST_BIN_S:
            raise InputError(f"a group's bins last at least {LEAST_BIN_S:g} s, got {self.bin_s}")


@dataclass(frozen=True, slots=True)
class GroupBin:
    """A stretch of time. The values are None where too few people were seen, or it is too short; `reason` says so.

    Attributes:
        start_s: Where it begins.
        end_s: Where it ends.
        told_s: Seconds of it that the values tell of; less than its length where frames or people were missing.
        faces_mean: Faces on a frame, in the mean over these seconds.
        faces_max: Most faces on a frame.
        shares: By label the share of their seen time in which people showed it; each person counts alike in each of
            the original bins, and longer told bins count for more. They sum to 1.
        valence: Likewise the mean of their valence; None, too, if a label is none of the seven.
        reason: Why there are no values; None where there are.
    """

    start_s: float
    end_s: float
    told_s: float
    faces_mean: float | None
    faces_max: int | None
    shares: Mapping[str, float] | None
    valence: float | None
    reason: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "start_s": self.start_s,
            "end_s": self.end_s,
            "told_s": self.told_s,
            "faces_mean": self.faces_mean,
            "faces_max": self.faces_max,
            "shares": None if self.shares is None else dict(self.shares),
            "valence": self.valence,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class GroupInsights:
    """A crowd over time.

    Attributes:
        min_group: Different people that a bin needed.
        bins: They follow each other. Those of a video that is over reach to its end, and the last one may be shorter;
            else the last one ends where the last whole bin did. Empty before the first frame.
        total: Of all bins that are told, and of nothing else.
    """

    min_group: int
    bins: tuple[GroupBin, ...]
    total: GroupBin

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "min_group": self.min_group,
            "bins": [one.to_dict() for one in self.bins],
            "total": self.total.to_dict(),
        }


@dataclass(slots=True)
class _Told:
    """A closed bin with enough people: sums over seconds, and nothing of a single person."""

    told_s: float
    face_s: float
    faces_max: int
    shares_s: dict[str, float]
    valence_s: float | None

    def merge(self, other: _Told) -> _Told:
        """Return both as one."""
        has_valence = self.valence_s is not None and other.valence_s is not None
        return _Told(
            told_s=self.told_s + other.told_s,
            face_s=self.face_s + other.face_s,
            faces_max=max(self.faces_max, other.faces_max),
            shares_s={label: seconds + other.shares_s[label] for label, seconds in self.shares_s.items()},
            valence_s=(self.valence_s or 0.0) + (other.valence_s or 0.0) if has_valence else None,
        )


@dataclass(slots=True)
class _Open:
    """The bin that goes on; forgotten when it is over.

    Attributes:
        covered_s: Seconds of frames.
        face_s: Faces times seconds.
        faces_max: Most faces on a frame.
        seconds: By person, by label the seconds it was shown.
        valence_s: By person the valence times seconds; None if a label is none of the seven.
    """

    covered_s: float = 0.0
    face_s: float = 0.0
    faces_max: int = 0
    seconds: dict[int, dict[str, float]] = field(default_factory=dict)
    valence_s: dict[int, float | None] = field(default_factory=dict)

    def add(self, moment: Moment, hold_s: float) -> None:
        """Take one frame, or the part of it that lies in this bin."""
        self.covered_s += hold_s
        self.face_s += hold_s * len(moment.sightings)
        self.faces_max = max(self.faces_max, len(moment.sightings))
        for sighting in moment.sightings:
            person, valence = sighting.person, sighting.valence
            if person not in self.seconds:
                self.seconds[person], self.valence_s[person] = dict.fromkeys(sighting.probabilities, 0.0), 0.0
            self.seconds[person][sighting.expression] += hold_s
            before = self.valence_s[person]
            self.valence_s[person] = None if valence is None or before is None else before + valence * hold_s

    def close(self, min_group: int) -> _Told | None:
        """Return what may be told; None if there were too few people."""
        seen_s = {person: sum(by_label.values()) for person, by_label in self.seconds.items()}
        counted = [person for person, seconds in seen_s.items() if seconds >= LEAST_SEEN_S - _ROUNDING]
        if min(len(counted), self.faces_max) < min_group:  # one face whose track broke often is many numbers
            return None
        weight = {person: self.covered_s / len(counted) / seen_s[person] for person in counted}
        shares_s: dict[str, float] = {}
        for person in counted:
            for label, seconds in self.seconds[person].items():
                shares_s[label] = shares_s.get(label, 0.0) + seconds * weight[person]
        valences = [(self.valence_s[person], weight[person]) for person in counted]
        known = [valence * each for valence, each in valences if valence is not None]
        valence_s = sum(known) if len(known) == len(counted) else None
        return _Told(self.covered_s, self.face_s, self.faces_max, shares_s, valence_s)


class GroupTally:
    """Adds frames up for a group. Holds single people's seconds for the bin that goes on, and no longer."""

    def __init__(self, settings: GroupSettings) -> None:
        """Begin without bins; the first frame is where they start.

        Args:
            settings: What may be told.
        """
        self._settings = settings
        self._bin_s = settings.bin_s
        self._start_s: float | None = None
        self._length_s = 0.0
        self._closed = 0
        self._told: dict[int, _Told] = {}
        self._open = _Open()

    def add(self, moment: Moment, hold_s: float) -> None:
        """Take one frame, which counts for `hold_s` seconds; not before the one before."""
        self._start_s = moment.time_s if self._start_s is None else self._start_s
        start_s = moment.time_s - self._start_s
        end_s = start_s + hold_s
        self._length_s = max(self._length_s, end_s)
        self._close_until(start_s)
        while end_s - start_s > _ROUNDING * hold_s:
            _, seconds = next(split_span(start_s, end_s, self._bin_s))  # anew each time: bins may have been merged
            self._open.add(moment, seconds)
            start_s += seconds
            self._close_until(start_s)

    def summarize(self, *, is_over: bool = False) -> GroupInsights:
        """Return what may be told of the bins that are over.

        Args:
            is_over: Whether the video is: then what is left at its end is a bin of its own, told or with a reason.
                While frames may follow it has to be False, or asking often would tell of single people's changes.
        """
        bins = [
            self._describe(self._told.get(number), number * self._bin_s, (number + 1) * self._bin_s)
            for number in range(self._closed)
        ]
        told = list(self._told.values())
        if is_over and self._has_rest():
            rest, reason = self._close_rest()
            bins.append(self._describe(rest, self._closed * self._bin_s, self._length_s, reason))
            told += [] if rest is None else [rest]
        total = reduce(_Told.merge, told) if told else None
        end_s = self._length_s if len(bins) > self._closed else self._closed * self._bin_s
        reason = bins[0].reason if len(bins) == 1 else None
        return GroupInsights(self._settings.min_group, tuple(bins), self._describe(total, 0.0, end_s, reason))

    def _has_rest(self) -> bool:
        """Tell whether the last bin does not end where the video does; a video of one frame is all rest."""
        rest_s = self._length_s - self._closed * self._bin_s
        return rest_s > _ROUNDING * self._bin_s or (self._start_s is not None and not self._closed)

    def _close_rest(self) -> tuple[_Told | None, str | None]:
        """Return what may be told of what is left at the end, and why nothing is; the bin itself stays as it is."""
        rest_s, least_s = self._length_s - self._closed * self._bin_s, max(self._bin_s / 2, LEAST_BIN_S)
        if rest_s < least_s * (1.0 - _ROUNDING):
            return None, f"too short: {rest_s:.1f} s of at least {least_s:g} s"
        return self._open.close(self._settings.min_group), None

    def _close_until(self, time_s: float) -> None:
        """Close each bin that ends at this time or before, counted from the first frame."""
        while (self._closed + 1) * self._bin_s <= time_s + _ROUNDING * self._bin_s:
            told, self._open = self._open.close(self._settings.min_group), _Open()
            if told is not None:
                self._told[self._closed] = told
            self._closed += 1
            if self._closed == self._settings.max_bins:
                self._merge()

    def _merge(self) -> None:
        """Double the bins' length; what was not told stays untold."""
        merged: dict[int, _Told] = {}
        for number, told in self._told.items():
            other = merged.get(number // 2)
            merged[number // 2] = told if other is None else other.merge(told)
        self._bin_s, self._closed, self._told = 2 * self._bin_s, self._closed // 2, merged

    def _describe(self, told: _Told | None, start_s: float, end_s: float, reason: str | None = None) -> GroupBin:
        """Return a bin; one that is not told of had too few people, unless another reason is known."""
        film_s = self._start_s or 0.0
        start_s, end_s = film_s + start_s, film_s + end_s
        if told is None:
            reason = reason or f"fewer than {self._settings.min_group} people"
            return GroupBin(start_s, end_s, 0.0, None, None, None, None, reason)
        whole = sum(told.shares_s.values())
        return GroupBin(
            start_s=start_s,
            end_s=end_s,
            told_s=told.told_s,
            faces_mean=told.face_s / told.told_s,
            faces_max=told.faces_max,
            shares=MappingProxyType({label: seconds / whole for label, seconds in told.shares_s.items()}),
            valence=None if told.valence_s is None else told.valence_s / told.told_s,
            reason=None,
        )
