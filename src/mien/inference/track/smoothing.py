"""Expressions smoothed over time: a steady face keeps its label, and a real change shows within a third of a second.

All is done in seconds, not frames: the same film at 10 and at 60 frames a second gets the same labels at about the same
times. To that end a frame's probabilities are taken to hold from the frame before it to itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from math import exp, isfinite, log

from mien.core.errors import InputError
from mien.core.results import freeze_probabilities

_ROUNDING_S = 1e-9
"""How far sums of times may lie from what they stand for."""


@dataclass(frozen=True, slots=True)
class SmoothingSettings:
    """How calm the labels are, and how late.

    A change from one expression at probability 0.8 to another at 0.8, with the old one at 0.05, shows within
    about 0.3 s with the defaults. Weaker changes show later. The defaults were chosen with `examples/flicker.py`.

    Attributes:
        time_constant_s: After a change the smoothed probabilities have gone 63% of the way in this time. Higher calms
            more, and all changes show later; 0 leaves the probabilities as they are.
        margin: How far another label's smoothed probability must lie above that of the present label, 0-1. Higher
            holds the label between two expressions that are about as likely, and faint changes may never show.
        dwell_s: For how long it must do so without a break. Higher lets shorter expressions pass unnoticed, and each
            change shows later by as much.
        return_margin: How far a label must lead that was left not long ago, 0-1; under `margin` it does nothing.
            Higher keeps faces between two expressions from going to and fro, and a faint expression that comes back
            waits until `return_s` is over.
        return_s: For how long a label counts as left not long ago; 0 treats all labels alike.
        restart_after_s: A person who was not seen for longer begins anew, with the probabilities of the next frame.
            Higher lets what was seen before a gap weigh on what is seen after it.

    Raises:
        InputError: If a value is not finite or negative, or a margin is 1 or more.
    """

    time_constant_s: float = 0.2
    margin: float = 0.18
    dwell_s: float = 0.1
    return_margin: float = 0.4
    return_s: float = 10.0
    restart_after_s: float = 1.0

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            if not (isfinite(value) and value >= 0.0):
                raise InputError(f"smoothing's {setting.name} is a number from 0 on, got {value}")
        for name in ("margin", "return_margin"):
            if (value := getattr(self, name)) >= 1.0:
                raise InputError(f"smoothing's {name} lies under 1, or no label ever changes; got {value}")


@dataclass(slots=True)
class _State:
    """What is known of one person after a frame.

    Attributes:
        time_s: The frame's time.
        probabilities: Smoothed.
        label: The steady one.
        behind_since_s: From when on the label has been behind another one by the margin; None if it is not.
        left_s: When the labels before this one were left, of those that were left not long ago.
    """

    time_s: float
    probabilities: dict[str, float]
    label: str
    behind_since_s: float | None = None
    left_s: Mapping[str, float] = field(default_factory=dict)


class Smoother:
    """Smooths each person's probabilities, and holds the label until another one clearly leads."""

    def __init__(self, settings: SmoothingSettings | None = SmoothingSettings()) -> None:
        """Begin without persons.

        Args:
            settings: How much is smoothed; None for nothing at all: raw probabilities and the likeliest label.
        """
        self._settings = settings
        self._states: dict[int, _State] = {}

    @property
    def settings(self) -> SmoothingSettings | None:
        """How much is smoothed; None for nothing at all."""
        return self._settings

    def update(self, person: int, probabilities: Mapping[str, float], time_s: float) -> tuple[dict[str, float], str]:
        """Take what one frame shows of a person.

        Args:
            person: Their number.
            probabilities: As read on this frame alone; by label, they sum to 1.
            time_s: When the frame is shown. Steps may differ; a person who is not on a frame is not updated.

        Returns:
            The smoothed probabilities, which sum to 1, and the steady label, which need not be the likeliest.

        Raises:
            InputError: If the probabilities don't sum to 1, have other labels than the person's last ones, or time
                went backward.
        """
        raw = dict(freeze_probabilities(probabilities))
        if not isfinite(time_s):
            raise InputError(f"a frame's time is a finite number of seconds, got {time_s}")
        if self._settings is None:
            return raw, _find_leader(raw)
        last = self._states.get(person)
        if last is None or time_s - last.time_s > self._settings.restart_after_s + _ROUNDING_S:
            state = _State(time_s, raw, _find_leader(raw))
        else:
            state = _continue(last, raw, time_s, self._settings)
        self._states[person] = state
        return dict(state.probabilities), state.label

    def forget_all_but(self, persons: Collection[int]) -> None:
        """Drop what is known of all others, so that memory does not grow with those who left."""
        self._states = {person: state for person, state in self._states.items() if person in persons}


def _find_leader(probabilities: Mapping[str, float]) -> str:
    """Return the likeliest label; of equals the first."""
    return max(probabilities, key=probabilities.__getitem__)


def _continue(last: _State, raw: dict[str, float], time_s: float, settings: SmoothingSettings) -> _State:
    """Return a person's state after one more frame."""
    step_s = time_s - last.time_s
    if step_s < 0.0:
        raise InputError(f"frames come in the order of their times, got {time_s} s after {last.time_s} s")
    if raw.keys() != last.probabilities.keys():
        raise InputError(f"a person's labels stay the same, got {list(raw)} after {list(last.probabilities)}")
    kept = exp(-step_s / settings.time_constant_s) if settings.time_constant_s > 0.0 else 0.0
    smoothed = {label: kept * last.probabilities[label] + (1.0 - kept) * raw[label] for label in raw}
    leader = _find_leader(smoothed)
    lead = smoothed[leader] - smoothed[last.label]
    left_s = {label: left for label, left in last.left_s.items() if time_s - left < settings.return_s}
    if lead <= 0.0 or lead < settings.margin:
        return _State(time_s, smoothed, last.label, left_s=left_s)
    since_s = last.behind_since_s
    if since_s is None:
        before = last.probabilities[leader] - last.probabilities[last.label]
        since_s = last.time_s + _find_crossing_s(before, raw[leader] - raw[last.label], step_s, settings)
    is_brief = time_s - since_s < settings.dwell_s - _ROUNDING_S
    if is_brief or (leader in left_s and lead < settings.return_margin):
        return _State(time_s, smoothed, last.label, since_s, left_s)
    return _State(time_s, smoothed, leader, left_s=left_s | {last.label: time_s})


def _find_crossing_s(before: float, toward: float, step_s: float, settings: SmoothingSettings) -> float:
    """Return how long after the last frame a lead reached the margin, on its way through one step.

    Counting from there, and not from the frame that shows it, is what makes the delay the same at any frame rate.

    Args:
        before: The smoothed lead at the last frame.
        toward: The raw lead, which the smoothed one approaches.
        step_s: From the last frame to this one.
        settings: With the time constant and the margin.
    """
    if before >= settings.margin or toward <= settings.margin:  # another one led; or rounding
        return 0.0
    crossing_s = settings.time_constant_s * log((toward - before) / (toward - settings.margin))
    return min(crossing_s, step_s)
