"""What insights take for granted: how long a sighting holds, what ends a stretch, and how much is kept."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from mien.core.errors import InputError


@dataclass(frozen=True, slots=True)
class InsightSettings:
    """How sightings become seconds and stretches, and the limits that keep memory bounded.

    Attributes:
        longest_step_s: A sighting counts for the time to the next frame, at most for this long. Higher trusts sparse
            frames for longer; a video that is looked at every 5 s needs at least 5 here, or most of it is not counted.
        longest_gap_s: Time without a person that does not yet end their stretch. Higher joins stretches over longer
            absences.
        min_episode_s: Shorter stretches are no episodes; they are dropped, and their neighbors are not joined. Higher
            leaves fewer.
        max_episodes: Later episodes are counted, but not kept. Each takes about 200 bytes.
        max_persons: Persons who come later get no figures, episodes or timeline of their own; they count in what is
            told of all. Each takes 1 to 60 kB, by the time they are seen.
        least_seen_s: Who is seen for less, in a video of at least four times that, is counted and not told of: mostly
            it is a box that was no face. Higher leaves out more of them, and more people who only passed by.
        bin_s: Length of the timeline's bins at the start.
        max_bins: When the timeline would need more, neighbors are merged by two. Higher keeps more detail of long
            videos; memory grows alike.
        baseline: Whether each person's median valence is told, and valence over time as the difference from it.

    Raises:
        InputError: If a time is not finite or out of its range, or a limit is under 1 or, of `max_bins`, odd.
    """

    longest_step_s: float = 1.0
    longest_gap_s: float = 1.0
    min_episode_s: float = 0.3
    max_episodes: int = 10_000
    max_persons: int = 1_000
    least_seen_s: float = 0.5
    bin_s: float = 0.1
    max_bins: int = 600
    baseline: bool = False

    def __post_init__(self) -> None:
        for name in ("longest_step_s", "bin_s"):
            check_above_zero(name, getattr(self, name))
        for name in ("longest_gap_s", "min_episode_s", "least_seen_s"):
            if not (isfinite(getattr(self, name)) and getattr(self, name) >= 0.0):
                raise InputError(f"{name} is a number of seconds from 0 on, got {getattr(self, name)}")
        for name in ("max_episodes", "max_persons"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is at least 1, got {getattr(self, name)}")
        check_max_bins(self.max_bins)


def check_above_zero(name: str, seconds: float) -> None:
    """Refuse a length of time that is none.

    Raises:
        InputError: If it is not finite or not above 0.
    """
    if not (isfinite(seconds) and seconds > 0.0):
        raise InputError(f"{name} is a number of seconds above 0, got {seconds}")


def check_max_bins(max_bins: int) -> None:
    """Refuse a number of bins that can't be merged by two.

    Raises:
        InputError: If it is odd or under 2.
    """
    if max_bins < 2 or max_bins % 2:
        raise InputError(f"max_bins is an even number from 2 on, so that neighbors can be merged; got {max_bins}")
