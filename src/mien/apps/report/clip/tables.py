"""The rows of a clip's tables, as texts."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mien.apps.report.clip.hues import Hue
from mien.apps.report.clip.lanes import choose_persons
from mien.apps.report.clip.times import show_length, show_time
from mien.core.labels import find_expression
from mien.inference.insights.collector import ClipInsights
from mien.inference.insights.episodes import Episode
from mien.inference.insights.group import GroupBin, GroupInsights
from mien.inference.insights.persons import PersonInsights

MOST_PERSONS = 100
"""Rows of persons in a page; of more, those are shown who are seen for the longest time."""

MOST_EPISODES = 200
"""Rows of episodes in a page; of more, the longest are shown."""

MOST_BINS = 120
"""Rows of a group's bins in a page; of more, the first are shown."""

NOTHING = "–"
"""Stands where there is no value."""


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person.

    Attributes:
        person: Their number.
        seen: How long.
        span: From when to when.
        shares: By hue, in percent.
        changes: A minute.
        first_smile: When it began.
        longest_smile: How long it was.
        certain: Share of the time seen, in percent.
        guess: Place among `shares` of the largest, if most of the time is a guess.
        valence: In the mean.
        usual: The baseline.
    """

    person: int
    seen: str
    span: str
    shares: tuple[str, ...]
    changes: str
    first_smile: str
    longest_smile: str
    certain: str
    guess: int | None
    valence: str
    usual: str


@dataclass(frozen=True, slots=True)
class EpisodeRow:
    """One episode.

    Attributes:
        person: Their number.
        position: Of the label among the model's.
        label: The expression.
        start: When it began.
        end: When it ended.
        length: How long it was.
        peak: Highest probability, in percent.
        peak_at: When that was.
        mean: Mean confidence, in percent.
        picture: A `data:` address, or None.
    """

    person: int
    position: int
    label: str
    start: str
    end: str
    length: str
    peak: str
    peak_at: str
    mean: str
    picture: str | None


@dataclass(frozen=True, slots=True)
class BinRow:
    """One bin of a group.

    Attributes:
        start: When it began.
        end: When it ended.
        faces: On a frame, in the mean.
        shares: By hue, in percent; empty where nothing is told.
        valence: In the mean.
        reason: Why nothing is told; None where something is.
    """

    start: str
    end: str
    faces: str
    shares: tuple[str, ...]
    valence: str
    reason: str | None


def list_persons(insights: ClipInsights, hues: Sequence[Hue]) -> list[PersonRow]:
    """Return a row for each person, at most `MOST_PERSONS`."""
    return [_describe_person(person, hues) for person in choose_persons(insights, MOST_PERSONS)]


def list_episodes(
    episodes: Sequence[Episode], labels: Sequence[str], pictures: Mapping[int, bytes] | None
) -> list[EpisodeRow]:
    """Return a row for the longest `MOST_EPISODES`, in the order of their starts.

    Args:
        episodes: In the order of their starts.
        labels: The model's.
        pictures: By position in `episodes` the bytes of a JPEG file; None for none.
    """
    longest = sorted(range(len(episodes)), key=lambda place: (-episodes[place].duration_s, place))[:MOST_EPISODES]
    return [_describe_episode(episodes[place], labels, (pictures or {}).get(place)) for place in sorted(longest)]


def list_bins(group: GroupInsights, hues: Sequence[Hue]) -> list[BinRow]:
    """Return a row for each bin, at most `MOST_BINS`."""
    return [describe_bin(one, hues) for one in group.bins[:MOST_BINS]]


def describe_bin(one: GroupBin, hues: Sequence[Hue]) -> BinRow:
    """Return the row of a bin, or of the total."""
    return BinRow(
        start=show_time(one.start_s),
        end=show_time(one.end_s),
        faces=NOTHING if one.faces_mean is None else f"{one.faces_mean:.1f}",
        shares=() if one.shares is None else tuple(show_share(one.shares[hue.label]) for hue in hues),
        valence=show_valence(one.valence),
        reason=one.reason,
    )


def has_smiles(labels: Sequence[str]) -> bool:
    """Tell whether a model knows happy faces: without, nothing is said of smiles."""
    return any(find_expression(label) == "happy" for label in labels)


def show_share(share: float | None) -> str:
    """Return a share in percent; what is there and rounds to 0 stays apart from what is not."""
    if share is None:
        return NOTHING
    return "< 1 %" if 0.0 < share < 0.005 else f"{100 * share:.0f} %"


def show_valence(valence: float | None) -> str:
    """Return a valence with its sign."""
    return (
        NOTHING
        if valence is None
        else f"{valence:+.2f}".replace("-", "−").replace("+0.00", "0.00").replace("−0.00", "0.00")
    )


def _describe_person(person: PersonInsights, hues: Sequence[Hue]) -> PersonRow:
    return PersonRow(
        person=person.person,
        seen=show_length(person.seen_s),
        span=f"{show_time(person.first_s)} to {show_time(person.until_s)}",
        shares=tuple(show_share(None if person.shares is None else person.shares[hue.label]) for hue in hues),
        changes=NOTHING if person.changes_per_minute is None else f"{person.changes_per_minute:.1f}",
        first_smile=NOTHING if person.first_smile_s is None else show_time(person.first_smile_s, tenths=True),
        longest_smile=show_length(person.longest_smile_s) if person.longest_smile_s else NOTHING,
        certain=show_share(person.certain_share),
        guess=_find_guess(person, hues),
        valence=show_valence(person.mean_valence),
        usual=show_valence(person.baseline_valence),
    )


def _find_guess(person: PersonInsights, hues: Sequence[Hue]) -> int | None:
    """Return the place of the hue that a person showed most, if the most is a guess."""
    if not person.is_guess or (shares := person.shares) is None:
        return None
    return max(range(len(hues)), key=lambda place: shares[hues[place].label])


def _describe_episode(episode: Episode, labels: Sequence[str], picture: bytes | None) -> EpisodeRow:
    return EpisodeRow(
        person=episode.person,
        position=labels.index(episode.expression),
        label=f"{episode.expression}{'?' * episode.is_guess}",
        start=show_time(episode.start_s, tenths=True),
        end=show_time(episode.end_s, tenths=True),
        length=show_length(episode.duration_s),
        peak=show_share(episode.peak),
        peak_at=show_time(episode.peak_s, tenths=True),
        mean=show_share(episode.mean_confidence),
        picture=None if picture is None else f"data:image/jpeg;base64,{b64encode(picture).decode()}",
    )
