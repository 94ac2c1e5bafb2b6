"""A person's neutral baseline: the median of how pleasant their face looks."""

from __future__ import annotations

LEAST_BASELINE_S = 10.0
"""Of persons who are seen for less there is no baseline."""

_BINS_PER_UNIT = 100


class ValenceMedian:
    """The median valence over the seconds a person is seen, in constant memory and within 0.005.

    Faces at rest differ: one looks a little sad, another a little pleased, and what differs from a person's own median
    tells more than what differs from 0. Its limits: it is right only of someone who is neutral for most of the time. Of
    a person who smiles through the whole video the smile becomes the baseline, and a neutral face looks displeased
    beside it. It mixes what the face is like with how the model errs on it, light and pose included. And it takes the
    whole video into account, also what comes after.
    """

    def __init__(self) -> None:
        """Begin without frames."""
        self._seconds: dict[int, float] = {}

    def add(self, valence: float, hold_s: float) -> None:
        """Take one frame.

        Args:
            valence: Within -1 to 1.
            hold_s: For how long it counts.
        """
        number = round(valence * _BINS_PER_UNIT)
        self._seconds[number] = self._seconds.get(number, 0.0) + hold_s

    def find(self) -> float | None:
        """Return the weighted median; None under `LEAST_BASELINE_S`."""
        total_s = sum(self._seconds.values())
        if total_s < LEAST_BASELINE_S - 1e-6:
            return None
        passed_s = 0.0
        for number, seconds in sorted(self._seconds.items()):
            passed_s += seconds
            if passed_s >= total_s / 2 - 1e-9:
                return number / _BINS_PER_UNIT
        return None
