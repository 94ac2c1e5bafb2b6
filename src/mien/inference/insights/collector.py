"""`Insights`: takes a video's frames one by one, and tells what they show together."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from mien.core.errors import InputError
from mien.core.moments import Moment
from mien.inference.insights.episodes import Ending, Episode, EpisodeFinder
from mien.inference.insights.group import GroupInsights, GroupSettings, GroupTally
from mien.inference.insights.persons import PersonInsights, PersonTally, is_episode
from mien.inference.insights.settings import InsightSettings
from mien.inference.insights.timeline import Timeline, TimelineTally

_GONE_S = 10.0
"""Who was not seen for so long has a new number when they return."""


@dataclass(frozen=True, slots=True)
class ClipInsights:
    """What a video shows, from its first frame to the one that was added last.

    Attributes:
        duration_s: From the first frame to the end of the last, which is taken to last as long as the one before.
        frames: Frames that were looked at.
        frames_with_faces: Those with a face; None in group mode, where it would tell of single people.
        persons: In the order of their numbers; empty in group mode.
        persons_fleeting: How many were seen for less than `InsightSettings.least_seen_s`, and are not in `persons`.
        persons_left_out: How many came after `InsightSettings.max_persons` others.
        episodes: In the order of their starts; empty in group mode.
        episodes_left_out: How many ended after `InsightSettings.max_episodes` others.
        timeline: None in group mode.
        group: None outside of group mode.
    """

    duration_s: float
    frames: int
    frames_with_faces: int | None
    persons: tuple[PersonInsights, ...]
    persons_fleeting: int
    persons_left_out: int
    episodes: tuple[Episode, ...]
    episodes_left_out: int
    timeline: Timeline | None
    group: GroupInsights | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "duration_s": self.duration_s,
            "frames": self.frames,
            "frames_with_faces": self.frames_with_faces,
            "persons": [person.to_dict() for person in self.persons],
            "persons_fleeting": self.persons_fleeting,
            "persons_left_out": self.persons_left_out,
            "episodes": [episode.to_dict() for episode in self.episodes],
            "episodes_left_out": self.episodes_left_out,
            "timeline": None if self.timeline is None else self.timeline.to_dict(),
            "group": None if self.group is None else self.group.to_dict(),
        }


class Insights:
    """Collects what frames show, in memory that the video's length does not add to.

    What grows are persons, up to `max_persons`, with their shares and bins; and episodes, up to `max_episodes`. In
    group mode nothing is held of single people but for the bin that goes on.
    """

    def __init__(
        self,
        settings: InsightSettings = InsightSettings(),  # noqa: B008 - it is frozen
        *,
        group: GroupSettings | None = None,
    ) -> None:
        """Begin without frames.

        Args:
            settings: How sightings become seconds and stretches; in group mode only `longest_step_s` counts.
            group: Turns group mode on: aggregates alone, and no person, episode or timeline.
        """
        self._settings = settings
        self._tally: _PersonsTally | GroupTally = _PersonsTally(settings) if group is None else GroupTally(group)
        self._labels: tuple[str, ...] = ()
        self._start_s = 0.0
        self._last: Moment | None = None
        self._last_hold_s = 0.0
        self._frames = self._frames_with_faces = 0

    def add(self, moment: Moment) -> None:
        """Take one frame.

        Args:
            moment: Frames without a face, too: they say until when the one before counts.

        Raises:
            InputError: If it is before the last one, or its faces have other labels than those before.
        """
        self._check_labels(moment)
        if self._last is None:
            self._start_s = moment.time_s
        else:
            step_s = moment.time_s - self._last.time_s
            if step_s < 0.0:
                raise InputError(
                    f"frames come in the order of their times, got {moment.time_s} s after {self._last.time_s} s"
                )
            if step_s > 0.0:
                self._last_hold_s = min(step_s, self._settings.longest_step_s)
            self._tally.add(self._last, min(step_s, self._settings.longest_step_s))
        self._last = moment
        self._frames += 1
        self._frames_with_faces += bool(moment.sightings)

    def summarize(self, *ends_s: float | None, is_over: bool = False) -> ClipInsights:
        """Return what was added so far; more frames may follow, and it may be asked for again.

        Args:
            ends_s: When the video ends, as its file says and as it was asked for: the last frame does not count beyond
                the first of them. None says nothing, and neither does a time before the last frame, as some files tell.
            is_over: Whether no frame follows. Of a group, what is left after the last whole bin is told only then.
        """
        tally = deepcopy(self._tally)  # the last frame and the stretches that go on are closed in a copy
        hold_s = self._last_hold_s
        if self._last is not None:
            for told_s in ends_s:
                if told_s is not None and told_s >= self._last.time_s:
                    hold_s = min(hold_s, told_s - self._last.time_s)
            tally.add(self._last, hold_s)
        end_s = self._start_s if self._last is None else self._last.time_s + hold_s
        group = tally.summarize(is_over=is_over) if isinstance(tally, GroupTally) else None
        shown = _Shown() if isinstance(tally, GroupTally) else tally.close(end_s - self._start_s)
        return ClipInsights(
            duration_s=end_s - self._start_s,
            frames=self._frames,
            frames_with_faces=self._frames_with_faces if group is None else None,
            persons=shown.persons,
            persons_fleeting=shown.persons_fleeting,
            persons_left_out=shown.persons_left_out,
            episodes=shown.episodes,
            episodes_left_out=shown.episodes_left_out,
            timeline=shown.timeline,
            group=group,
        )

    def _check_labels(self, moment: Moment) -> None:
        for sighting in moment.sightings:
            labels = tuple(sighting.probabilities)
            self._labels = self._labels or labels
            if labels != self._labels:
                raise InputError(f"a video is read with one set of labels, got {labels} after {self._labels}")


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is told of single people: nothing, unless it is filled."""

    persons: tuple[PersonInsights, ...] = ()
    persons_fleeting: int = 0
    persons_left_out: int = 0
    episodes: tuple[Episode, ...] = ()
    episodes_left_out: int = 0
    timeline: Timeline | None = None


class _PersonsTally:
    """Adds up what frames show of each person."""

    def __init__(self, settings: InsightSettings) -> None:
        self._settings = settings
        self._persons: dict[int, PersonTally] = {}
        self._left_out = self._highest_left_out = self._dropped = 0
        self._finder = EpisodeFinder(settings)
        self._episodes: list[Episode] = []
        self._episodes_left_out = 0
        self._timeline = TimelineTally(settings.bin_s, settings.max_bins)

    def add(self, moment: Moment, hold_s: float) -> None:
        """Take one frame, which counts for `hold_s` seconds."""
        for sighting in moment.sightings:
            person = sighting.person
            if person not in self._persons:
                if len(self._persons) == self._settings.max_persons:
                    self._drop_fleeting(moment.time_s)
                if len(self._persons) == self._settings.max_persons:
                    self._leave_out(person)
                    continue
                self._persons[person] = PersonTally(sighting, moment.time_s, self._settings)
            self._persons[person].add(sighting, moment.time_s, hold_s)
        for ending in self._finder.add(moment, hold_s):
            self._keep(ending)
        self._timeline.add(moment, hold_s, self._persons)

    def close(self, duration_s: float) -> _Shown:
        """Return what was added up over so many seconds; the tally is not to be used any more."""
        for ending in self._finder.close():
            self._keep(ending)
        least_s = self._settings.least_seen_s if duration_s >= 4 * self._settings.least_seen_s else 0.0
        everyone = [tally.summarize() for _, tally in sorted(self._persons.items())]
        persons = {person.person: person for person in everyone if person.seen_s >= least_s - 1e-9}
        episodes = [episode for episode in self._episodes if episode.person in persons]
        return _Shown(
            persons=tuple(persons.values()),
            persons_fleeting=self._dropped + len(everyone) - len(persons),
            persons_left_out=self._left_out,
            episodes=tuple(sorted(episodes, key=lambda episode: (episode.start_s, episode.person))),
            episodes_left_out=self._episodes_left_out,
            timeline=self._timeline.summarize({number: person.baseline_valence for number, person in persons.items()}),
        )

    def _drop_fleeting(self, now_s: float) -> None:
        """Make room: let go of who was seen too briefly to be told of, and left a while ago."""
        for number, tally in list(self._persons.items()):
            person = tally.summarize()
            if person.seen_s < self._settings.least_seen_s and now_s - person.last_s > _GONE_S:
                del self._persons[number]
                self._timeline.forget(number)
                self._dropped += 1

    def _leave_out(self, person: int) -> None:
        """Count a person once: numbers are given in the order of appearance, so a higher one is a new one."""
        if person > self._highest_left_out:
            self._left_out, self._highest_left_out = self._left_out + 1, person

    def _keep(self, ending: Ending) -> None:
        """Note the end of a stretch, and keep it if it is an episode of somebody who is followed."""
        tally = self._persons.get(ending.episode.person)
        if tally is None:
            return
        tally.end_stretch(ending)
        if is_episode(ending, self._settings.min_episode_s):
            if len(self._episodes) < self._settings.max_episodes:
                self._episodes.append(ending.episode)
            else:
                self._episodes_left_out += 1
