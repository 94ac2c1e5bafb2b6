"""What a tracker remembers of a person besides the motion and the look."""

from __future__ import annotations

from dataclasses import dataclass

from mien.inference.track.settings import TrackerSettings


@dataclass(slots=True)
class Person:
    """One who was seen lately.

    Attributes:
        number: Theirs.
        first_s: When they were seen first.
        last_s: When they were seen last.
        score: The highest so far.
        back_s: When they were found again after an absence, as long as that is not certain; else None.
        gone_s: When they were seen last before that absence.
        is_cut_off: Whether the video cut to another picture since. They are found again by their look alone.
    """

    number: int
    first_s: float
    last_s: float
    score: float
    back_s: float | None = None
    gone_s: float = 0.0
    is_cut_off: bool = False

    def is_settled(self, settings: TrackerSettings) -> bool:
        """Return whether they were followed for long enough to be somebody for sure."""
        stay_s = self.last_s - self.first_s
        return stay_s >= (settings.settle_s if self.score >= settings.sure_score else settings.settle_unsure_s)
