"""A clip's figures of expressions and valence over time: of all persons together, of each one, and of a group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mien.apps.report.clip.area import Band, count_persons, number, stack
from mien.apps.report.clip.curve import Curve, draw_curve, find_height
from mien.apps.report.clip.hues import Hue
from mien.apps.report.clip.lanes import choose_persons, describe_person
from mien.apps.report.clip.series import Slot, list_group_slots, list_slots
from mien.apps.report.clip.tables import show_valence
from mien.apps.report.clip.times import Span, show_length
from mien.inference.insights.collector import ClipInsights
from mien.inference.insights.group import GroupInsights
from mien.inference.insights.persons import PersonInsights
from mien.inference.insights.timeline import Timeline

MOST_PLATES = 12
"""Persons with figures of their own; of more, those are shown who are seen for the longest time."""

_SLOTS, _SMALL_SLOTS = 300, 150
"""Into how many slots a figure's time is divided: each is 2 to 3 pixels wide on a desktop."""

_MANY = 1.05  # persons at the same time, from which on it is worth a figure


class Baseline(NamedTuple):
    """A person's usual valence.

    Attributes:
        height: How far it lies below the figure's upper end, in percent.
        text: Its value.
    """

    height: float
    text: str


class Hidden(NamedTuple):
    """A stretch that nothing is told of: where it begins and how wide it is, 0-1."""

    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Plate:
    """A figure.

    Attributes:
        title: Whom it shows.
        remark: For how long they were seen; empty where that is not told.
        bands: Stacked shares.
        curve: Valence; None if a label has none.
        baseline: Drawn beside the valence; None where there is none.
        persons: Path of how many were seen at a time; empty where that tells nothing.
        most: The highest number of them.
        hidden: Stretches that too few people were seen in.
        description: What the shares show, in words.
        valence: What the curve shows, in words.
    """

    title: str
    remark: str
    bands: tuple[Band, ...]
    curve: Curve | None
    baseline: Baseline | None
    persons: str
    most: str
    hidden: tuple[Hidden, ...]
    description: str
    valence: str


def draw_together(timeline: Timeline, insights: ClipInsights, span: Span, hues: Sequence[Hue]) -> Plate:
    """Draw all persons together; if there is but one, with their baseline."""
    slots = list_slots(timeline.everyone, timeline, span, _SLOTS)
    path, most = count_persons(slots)
    only = insights.persons[0] if len(insights.persons) == 1 and not insights.persons_left_out else None
    return Plate(
        title="All persons together" if only is None else f"Person {only.person}",
        remark="",
        bands=stack(slots, hues),
        curve=draw_curve(slots),
        baseline=None if only is None else _find_baseline(only),
        persons=path if most > _MANY else "",
        most=number(most),
        hidden=(),
        description=describe_slots("All persons together" if only is None else f"Person {only.person}", slots, hues),
        valence=_describe_valence(slots),
    )


def draw_persons(timeline: Timeline, insights: ClipInsights, span: Span, hues: Sequence[Hue]) -> tuple[Plate, ...]:
    """Draw a small figure for each of at most `MOST_PLATES` persons; none if there is but one."""
    if len(insights.persons) < 2:
        return ()
    chosen = [person for person in choose_persons(insights, MOST_PLATES) if person.person in timeline.persons]
    return tuple(_draw_person(person, timeline, span, hues) for person in chosen)


def draw_group(group: GroupInsights, labels: Sequence[str], span: Span, hues: Sequence[Hue]) -> Plate:
    """Draw a group's bins as columns, and mark those that are not told."""
    slots = list_group_slots(group, labels, span)
    path, most = count_persons(slots)
    return Plate(
        title="The group",
        remark="",
        bands=stack(slots, hues, is_stepped=True),
        curve=draw_curve(slots, is_stepped=True),
        baseline=None,
        persons=path,
        most=number(most),
        hidden=tuple(_find_hidden(slots)),
        description=describe_slots("The group", slots, hues),
        valence=_describe_valence(slots),
    )


def describe_slots(who: str, slots: Sequence[Slot], hues: Sequence[Hue]) -> str:
    """Return a sentence on the shares in the mean, such as "The group: neutral 70 %, happy 30 %"."""
    known = [(slot.right - slot.left, slot.values) for slot in slots if slot.values is not None]
    whole = sum(width for width, _ in known)
    if whole <= 0.0:
        return f"{who}: nothing is shown"
    means = {hue.label: sum(width * values[hue.position] for width, values in known) / whole for hue in hues}
    ranked = sorted(means.items(), key=lambda item: -item[1])
    shares = ", ".join(f"{label} {100 * share:.0f} %" for label, share in ranked if share >= 0.005)
    return f"{who}, mean probabilities over the time shown: {shares}"


def _draw_person(person: PersonInsights, timeline: Timeline, span: Span, hues: Sequence[Hue]) -> Plate:
    slots = list_slots(timeline.persons[person.person], timeline, span, _SMALL_SLOTS)
    return Plate(
        title=f"Person {person.person}",
        remark=f"seen for {show_length(person.seen_s)}",
        bands=stack(slots, hues),
        curve=draw_curve(slots),
        baseline=_find_baseline(person),
        persons="",
        most="1",
        hidden=(),
        description=describe_person(person),
        valence=_describe_valence(slots),
    )


def _find_baseline(person: PersonInsights) -> Baseline | None:
    valence = person.baseline_valence
    return None if valence is None else Baseline(find_height(valence), show_valence(valence))


def _describe_valence(slots: Sequence[Slot]) -> str:
    values = [slot.valence for slot in slots if slot.valence is not None]
    if not values:
        return ""
    return f"Valence over time, between {show_valence(min(values))} and {show_valence(max(values))}"


def _find_hidden(slots: Sequence[Slot]) -> list[Hidden]:
    """Return where nothing is told, what is left over behind the last bin included."""
    hidden: list[Hidden] = []
    end = slots[-1].right if slots else 0.0
    pieces = [(slot.left, slot.right) for slot in slots if slot.values is None]
    for left, right in [*pieces, *([(end, 1.0)] if end < 1.0 - 1e-6 else [])]:
        if hidden and abs(hidden[-1].left + hidden[-1].width - left) < 1e-9:
            hidden[-1] = Hidden(hidden[-1].left, right - hidden[-1].left)
        else:
            hidden.append(Hidden(left, right - left))
    return hidden
