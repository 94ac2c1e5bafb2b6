"""One colored lane a person: which expression they steadily show when, and when they are not seen."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.apps.report.clip.area import Band
from mien.apps.report.clip.times import Span, show_length, show_time
from mien.inference.insights.collector import ClipInsights
from mien.inference.insights.episodes import Episode
from mien.inference.insights.persons import PersonInsights
from mien.inference.insights.timeline import Timeline, Track

MOST_LANES = 60
"""Of more persons, those are shown who are seen for the longest time."""

COLUMNS = 1200
"""Into how many steps a lane's time is divided: finer than most screens, and few bytes even where labels flicker."""

HEIGHT = 12
"""Of a lane's box, which is `COLUMNS` wide."""

_NARROWEST_NAME = 0.04  # of the lane; a name in a shorter stretch could not be read on any screen
_LEAST_UNTOLD = 0.15  # of a bin: less comes from the first and last frame of an episode, and is no stretch of its own
_NOTHING = -1


class Name(NamedTuple):
    """A name to be written into a stretch.

    Attributes:
        left: 0-1.
        width: Likewise.
        position: Of the label among the model's.
        label: The name.
        title: What a pointer on it shows.
        is_guess: Whether the stretch is drawn hollow.
    """

    left: float
    width: float
    position: int
    label: str
    title: str
    is_guess: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """One person.

    Attributes:
        person: Their number.
        episodes: Stretches of a steady expression, over the lane's whole height.
        guesses: Likewise, those that are mostly not certain; they are drawn hollow.
        brief: Stretches in which the person is seen without an episode, as a thin line in the likeliest one's color.
        names: For the longer stretches.
        description: The same in words, for those who don't see it.
    """

    person: int
    episodes: tuple[Band, ...]
    guesses: tuple[Band, ...]
    brief: tuple[Band, ...]
    names: tuple[Name, ...]
    description: str


def choose_persons(insights: ClipInsights, most: int) -> list[PersonInsights]:
    """Return those who are seen for the longest time, in the order of their numbers."""
    longest = sorted(insights.persons, key=lambda person: (-person.seen_s, person.person))[:most]
    return sorted(longest, key=lambda person: person.person)


def draw_lanes(insights: ClipInsights, timeline: Timeline, span: Span) -> tuple[Lane, ...]:
    """Draw a lane for each person, at most `MOST_LANES`.

    Args:
        insights: Of the video; without a group.
        timeline: Its timeline.
        span: The axis.
    """
    episodes: dict[int, list[Episode]] = {}
    for episode in insights.episodes:
        episodes.setdefault(episode.person, []).append(episode)
    return tuple(
        _draw(person, episodes.get(person.person, []), timeline.persons[person.person], timeline, span)
        for person in choose_persons(insights, MOST_LANES)
        if person.person in timeline.persons
    )


def _draw(person: PersonInsights, episodes: Sequence[Episode], track: Track, timeline: Timeline, span: Span) -> Lane:
    steady = _paint(episodes, timeline.labels, span)
    bins = _find_bins(timeline, span) - track.first_bin
    seen = np.array([*track.seen_s, 0.0])  # the last place stands for all that lies outside
    bins[(bins < 0) | (bins >= len(track.seen_s))] = len(track.seen_s)
    steady[seen[bins] <= 0.0] = _NOTHING
    brief = np.full(COLUMNS, _NOTHING)
    is_untold = (_find_untold_s(episodes, track, timeline) > _LEAST_UNTOLD * timeline.bin_s)[bins]
    likeliest = np.array(
        [_NOTHING if means is None else int(np.argmax(means)) for means in (*track.probabilities, None)]
    )
    brief[is_untold & (steady == _NOTHING)] = likeliest[bins][is_untold & (steady == _NOTHING)]
    bands = _to_bands(steady, 0, HEIGHT)
    count = len(timeline.labels)
    return Lane(
        person=person.person,
        episodes=tuple(band for band in bands if band.position < count),
        guesses=tuple(Band(band.position - count, band.path) for band in bands if band.position >= count),
        brief=_to_bands(brief, HEIGHT // 3, HEIGHT // 3),
        names=tuple(_name(steady, timeline.labels, span)),
        description=describe_person(person),
    )


def describe_person(person: PersonInsights) -> str:
    """Return words such as "Person 1, seen for 4.2 s between 0:01.0 and 0:07.3: happy 70 %, neutral 30 %; 2 % certain".

    Certainty is named where the most is a guess.
    """
    first, last = (show_time(time_s, tenths=True) for time_s in (person.first_s, person.until_s))
    ranked = sorted((person.shares or {}).items(), key=lambda item: -item[1])
    shares = ", ".join(f"{label} {100 * share:.0f} %" for label, share in ranked if share >= 0.005)
    certain = f"; {100 * (person.certain_share or 0.0):.0f} % certain" if person.is_guess else ""
    return (
        f"Person {person.person}, seen for {show_length(person.seen_s)} between {first} and {last}: {shares}{certain}"
    )


def _paint(episodes: Sequence[Episode], labels: Sequence[str], span: Span) -> NDArray[np.int64]:
    """Return for each column the position of the label that covers most of it, or `_NOTHING`.

    Guesses' positions come after those of all labels.
    """
    cells, covered = np.full(COLUMNS, _NOTHING), np.zeros(COLUMNS)
    for episode in episodes:
        start, end = (COLUMNS * span.place(time_s) for time_s in (episode.start_s, episode.end_s))
        first, last = int(start), min(int(np.ceil(end)), COLUMNS)
        edges = np.arange(first, last)
        share = np.minimum(edges + 1, end) - np.maximum(edges, start)
        is_more = share > covered[first:last]
        cells[first:last][is_more] = labels.index(episode.expression) + len(labels) * episode.is_guess
        covered[first:last][is_more] = share[is_more]
    cells[covered < 0.25] = _NOTHING
    return cells


def _find_bins(timeline: Timeline, span: Span) -> NDArray[np.int64]:
    """Return for each column the number of the timeline's bin that its middle lies in."""
    times_s = span.start_s - timeline.start_s + (np.arange(COLUMNS) + 0.5) / COLUMNS * span.length_s
    return (times_s / timeline.bin_s).astype(np.int64)


def _find_untold_s(episodes: Sequence[Episode], track: Track, timeline: Timeline) -> NDArray[np.float64]:
    """Return for each bin of a track, and one beyond, the seconds seen that no episode tells of."""
    count = len(track.seen_s)
    edges_s = timeline.start_s + (track.first_bin + np.arange(count + 1)) * timeline.bin_s
    told_s = np.zeros(count + 1)
    for episode in episodes:
        first = max(int(np.searchsorted(edges_s, episode.start_s, side="right")) - 1, 0)
        last = min(int(np.searchsorted(edges_s, episode.end_s)), count)
        places = np.arange(first, last)
        told_s[first:last] += np.minimum(edges_s[places + 1], episode.end_s) - np.maximum(
            edges_s[places], episode.start_s
        )
    return np.array([*track.seen_s, 0.0]) - told_s


def _to_bands(cells: NDArray[np.int64], top: int, height: int) -> tuple[Band, ...]:
    """Return a path of rectangles for each label that occurs."""
    paths: dict[int, list[str]] = {}
    for position, first, last in _list_runs(cells):
        paths.setdefault(position, []).append(f"M{first} {top}H{last}v{height}H{first}Z")
    return tuple(Band(position, "".join(parts)) for position, parts in sorted(paths.items()))


def _list_runs(cells: NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """Yield (value, first column, column behind the last) of each run of equal cells that hold something."""
    borders = [0, *(np.flatnonzero(np.diff(cells)) + 1).tolist(), len(cells)]
    for first, last in itertools.pairwise(borders):
        if cells[first] != _NOTHING:
            yield int(cells[first]), first, last


def _name(cells: NDArray[np.int64], labels: Sequence[str], span: Span) -> Iterator[Name]:
    for position, first, last in _list_runs(cells):
        if last - first >= _NARROWEST_NAME * COLUMNS:
            start, end = (show_time(span.start_s + x / COLUMNS * span.length_s, tenths=True) for x in (first, last))
            is_guess, place = divmod(position, len(labels))
            label = f"{labels[place]}{'?' * is_guess}"
            title = f"{label}, {start} to {end}{', mostly not certain' * is_guess}"
            yield Name(first / COLUMNS, (last - first) / COLUMNS, place, label, title, bool(is_guess))
