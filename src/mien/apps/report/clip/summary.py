"""The first screen of a clip's page: what was shown for the longest time, and a handful of figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mien.apps.report.clip.area import Band, stack_once
from mien.apps.report.clip.hues import Hue
from mien.apps.report.clip.tables import show_share
from mien.apps.report.clip.times import show_length
from mien.inference.insights.collector import ClipInsights
from mien.inference.insights.episodes import is_guess

_LEAST_LISTED = 0.005


class Share(NamedTuple):
    """An expression and how much of the time it was shown."""

    hue: Hue
    text: str


class Figure(NamedTuple):
    """A number with its name and what it means."""

    name: str
    value: str
    remark: str


@dataclass(frozen=True, slots=True)
class Mix:
    """How time is divided among expressions.

    Attributes:
        shares: The largest first; those under half a percent are left out.
        bands: One bar from left to right.
        remark: Shares of what.
        certain: How much of it is certain, in words; empty where that is not told.
        is_guess: Whether most of it is a guess.
    """

    shares: tuple[Share, ...]
    bands: tuple[Band, ...]
    remark: str
    certain: str
    is_guess: bool


def find_mix(insights: ClipInsights, hues: Sequence[Hue]) -> Mix | None:
    """Return the expressions of all that is told; None if nothing is."""
    shares = _add_up(insights) if insights.group is None else insights.group.total.shares
    if not shares:
        return None
    certain = _find_certain(insights)
    ordered = sorted(hues, key=lambda hue: -shares[hue.label])
    by_position = [shares[hue.label] for hue in sorted(hues, key=lambda hue: hue.position)]
    return Mix(
        shares=tuple(
            Share(hue, show_share(shares[hue.label])) for hue in ordered if shares[hue.label] >= _LEAST_LISTED
        ),
        bands=stack_once(by_position, hues),
        remark=_name_whole(insights),
        certain="" if certain is None else f"{show_share(certain)} of it certain, the rest a guess",
        is_guess=is_guess(certain),
    )


def list_figures(insights: ClipInsights) -> list[Figure]:
    """Return the main figures."""
    frames = "1 frame" if insights.frames == 1 else f"{insights.frames:,} frames"
    length = Figure("Length", show_length(insights.duration_s), f"{frames} looked at")
    if insights.group is not None:
        group = insights.group
        told = sum(one.reason is None for one in group.bins)
        faces = group.total.faces_mean
        return [
            length,
            Figure("Told", f"{told:,} of {len(group.bins):,}", "bins of time"),
            Figure("Fewest people", f"{group.min_group:,}", "that a bin needs for anything to be told"),
            *([] if faces is None else [Figure("Faces", f"{faces:.1f}", "on a frame, in the mean of what is told")]),
        ]
    persons = len(insights.persons) + insights.persons_left_out
    brief = insights.persons_fleeting
    followed = "faces followed from frame to frame" + (f"; {brief:,} more too brief to be told of" if brief else "")
    episodes = len(insights.episodes) + insights.episodes_left_out
    with_faces = insights.frames_with_faces or 0
    share = show_share(with_faces / insights.frames) if insights.frames else "0 %"
    return [
        length,
        Figure("With a face", share, f"{with_faces:,} of {frames}"),
        Figure("Persons", f"{persons:,}", followed),
        Figure("Episodes", f"{episodes:,}", "stretches of one steady expression"),
    ]


def _add_up(insights: ClipInsights) -> Mapping[str, float]:
    """Return the shares of all persons' time."""
    seconds: dict[str, float] = {}
    for person in insights.persons:
        for label, share in (person.shares or {}).items():
            seconds[label] = seconds.get(label, 0.0) + share * person.seen_s
    whole = sum(seconds.values())
    return {label: part / whole for label, part in seconds.items()} if whole > 0.0 else {}


def _find_certain(insights: ClipInsights) -> float | None:
    """Return the share of all persons' time that is certain; None of a group, where that is not told, and of none."""
    seen = [(person.seen_s, person.certain_share) for person in insights.persons if person.certain_share is not None]
    whole = sum(seconds for seconds, _ in seen)
    return sum(seconds * share for seconds, share in seen) / whole if whole > 0.0 else None


def _name_whole(insights: ClipInsights) -> str:
    if insights.group is not None:
        return f"of the {show_length(insights.group.total.told_s)} that are told"
    seen = show_length(sum(person.seen_s for person in insights.persons))
    if len(insights.persons) == 1:
        return f"of the {seen} in which person {insights.persons[0].person} was seen"
    return f"of the {seen} in which persons were seen, all of them added up"
