"""What a video shows of one person: shares of time, changes, smiles, valence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mien.core.labels import find_expression
from mien.core.moments import Sighting
from mien.inference.insights.baseline import ValenceMedian
from mien.inference.insights.episodes import Ending, is_guess
from mien.inference.insights.settings import InsightSettings

_SECONDS_A_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class PersonInsights:
    """One person over the whole video. Each frame counts for the seconds to the next one.

    Attributes:
        person: Their number.
        first_s: Time of the first frame they are on.
        last_s: Time of the last one.
        until_s: When that one ended to count: `seen_s` lies between `first_s` and here.
        seen_s: Seconds on which they were seen. What follows from shares of it is None where it is 0: of a video of one
            frame.
        shares: By label its share of `seen_s`; labels that never were steady have 0, and all sum to 1.
        certain_share: Share of `seen_s` in which the label was certain.
        changes_per_minute: Changes of the label, a minute of `seen_s`. A label that differs after an absence is none.
        first_smile_s: Start of the first episode of happiness; None without one.
        longest_smile_s: Length of the longest one; 0 without one.
        mean_valence: See `mien.core.coarse.estimate_valence`; None, too, if a label is none of the seven.
        baseline_valence: The person's median; see `ValenceMedian`. None if it was not asked for.
    """

    person: int
    first_s: float
    last_s: float
    until_s: float
    seen_s: float
    shares: Mapping[str, float] | None
    certain_share: float | None
    changes_per_minute: float | None
    first_smile_s: float | None
    longest_smile_s: float
    mean_valence: float | None
    baseline_valence: float | None

    @property
    def is_guess(self) -> bool:
        """Whether most of what was seen is not certain."""
        return is_guess(self.certain_share)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "person": self.person,
            "first_s": self.first_s,
            "last_s": self.last_s,
            "until_s": self.until_s,
            "seen_s": self.seen_s,
            "shares": None if self.shares is None else dict(self.shares),
            "certain_share": self.certain_share,
            "changes_per_minute": self.changes_per_minute,
            "first_smile_s": self.first_smile_s,
            "longest_smile_s": self.longest_smile_s,
            "mean_valence": self.mean_valence,
            "baseline_valence": self.baseline_valence,
        }


class PersonTally:
    """Adds up what frames show of one person, in constant memory."""

    def __init__(self, sighting: Sighting, time_s: float, settings: InsightSettings) -> None:
        """Begin with the frame on which the person is first seen; it is still to be added.

        Args:
            sighting: With the person's number and labels.
            time_s: The frame's time.
            settings: Say whether there is a baseline, and what counts as an episode.
        """
        self._person = sighting.person
        self._first_s = self._last_s = self._until_s = time_s
        self._min_episode_s = settings.min_episode_s
        self._median = ValenceMedian() if settings.baseline else None
        self._seconds = dict.fromkeys(sighting.probabilities, 0.0)
        self._certain_s = self._weighted_valence = 0.0
        self._has_valence = True
        self._changes = 0
        self._first_smile_s: float | None = None
        self._longest_smile_s = 0.0

    def add(self, sighting: Sighting, time_s: float, hold_s: float) -> None:
        """Take one frame, which counts for `hold_s` seconds."""
        self._last_s, self._until_s = time_s, time_s + hold_s
        self._seconds[sighting.expression] += hold_s
        self._certain_s += hold_s if sighting.is_certain else 0.0
        if (valence := sighting.valence) is None:
            self._has_valence = False
            return
        self._weighted_valence += valence * hold_s
        if self._median is not None:
            self._median.add(valence, hold_s)

    def end_stretch(self, ending: Ending) -> None:
        """Take the end of one of the person's stretches, of whatever length."""
        self._changes += ending.is_change
        episode = ending.episode
        if is_episode(ending, self._min_episode_s) and find_expression(episode.expression) == "happy":
            self._first_smile_s = episode.start_s if self._first_smile_s is None else self._first_smile_s
            self._longest_smile_s = max(self._longest_smile_s, episode.duration_s)

    def summarize(self) -> PersonInsights:
        """Return what was added up so far; stretches that go on are not in it."""
        seen_s = sum(self._seconds.values())
        is_seen = seen_s > 0.0
        shares = {label: seconds / seen_s for label, seconds in self._seconds.items()} if is_seen else None
        return PersonInsights(
            person=self._person,
            first_s=self._first_s,
            last_s=self._last_s,
            until_s=self._until_s,
            seen_s=seen_s,
            shares=None if shares is None else MappingProxyType(shares),
            certain_share=min(self._certain_s / seen_s, 1.0) if is_seen else None,
            changes_per_minute=_SECONDS_A_MINUTE * self._changes / seen_s if is_seen else None,
            first_smile_s=self._first_smile_s,
            longest_smile_s=self._longest_smile_s,
            mean_valence=self._weighted_valence / seen_s if is_seen and self._has_valence else None,
            baseline_valence=self._median.find() if self._median is not None and self._has_valence else None,
        )


def is_episode(ending: Ending, min_episode_s: float) -> bool:
    """Tell whether a stretch was long enough to be an episode; rounding is on its side."""
    return ending.episode.duration_s >= min_episode_s - 1e-9
