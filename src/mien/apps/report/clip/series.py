"""What is drawn over time, thinned to what a screen can show: the timeline's bins as slots of an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mien.apps.report.clip.times import Span
from mien.inference.insights.group import GroupInsights
from mien.inference.insights.timeline import Timeline, Track


class Slot(NamedTuple):
    """A piece of an axis with one value a label.

    Attributes:
        left: Where it begins, 0-1.
        right: Where it ends.
        values: By label a share, summing to 1; None where nothing is known.
        valence: Within -1 to 1; None where it is not known.
        persons: How many there were in the mean; None where that is not told.
    """

    left: float
    right: float
    values: tuple[float, ...] | None
    valence: float | None
    persons: float | None


def list_slots(track: Track, timeline: Timeline, span: Span, most: int) -> list[Slot]:
    """Return a line of the timeline.

    Args:
        track: The line; seconds without a sighting stay empty.
        timeline: Which it is from.
        span: The axis.
        most: Neighbors are merged until there are no more slots than this on the whole axis.
    """
    count = max(round(span.length_s / timeline.bin_s), 1)
    merged = -(-count // most)
    slots = []
    for first in range(track.first_bin // merged * merged, track.first_bin + len(track.seen_s), merged):
        places = [
            number - track.first_bin
            for number in range(first, first + merged)
            if 0 <= number - track.first_bin < len(track.seen_s)
        ]
        start_s = timeline.start_s + first * timeline.bin_s
        left, right = span.place(start_s), span.place(start_s + merged * timeline.bin_s)
        if right > left:
            slots.append(_merge(track, places, left, right, (right - left) * span.length_s))
    return slots


def list_group_slots(group: GroupInsights, labels: Sequence[str], span: Span) -> list[Slot]:
    """Return a group's bins; those that are not told have no values."""
    return [
        Slot(
            left=span.place(one.start_s),
            right=span.place(one.end_s),
            values=None if one.shares is None else tuple(one.shares[label] for label in labels),
            valence=one.valence,
            persons=one.faces_mean,
        )
        for one in group.bins
    ]


def split_runs(slots: Sequence[Slot]) -> list[list[Slot]]:
    """Return the stretches of slots without a gap between them that have values."""
    runs: list[list[Slot]] = []
    last: Slot | None = None
    for slot in slots:
        if slot.values is not None:
            if last is None:
                runs.append([])
            runs[-1].append(slot)
        last = slot if slot.values is not None else None
    return runs


def _merge(track: Track, places: Sequence[int], left: float, right: float, length_s: float) -> Slot:
    """Return the mean of some bins, each of which weighs as many seconds as persons were seen in it."""
    seen_s = sum(track.seen_s[place] for place in places)
    known = [(track.seen_s[place], means) for place in places if (means := track.probabilities[place]) is not None]
    if not known or seen_s <= 0.0:
        return Slot(left, right, None, None, 0.0)
    values = tuple(sum(weight * means[label] for weight, means in known) / seen_s for label in range(len(known[0][1])))
    valences = [(track.seen_s[place], value) for place in places if (value := track.valence[place]) is not None]
    valence = sum(weight * value for weight, value in valences) / seen_s if len(valences) == len(known) else None
    return Slot(left, right, values, valence, seen_s / length_s)
