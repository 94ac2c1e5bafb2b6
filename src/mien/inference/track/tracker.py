"""Who is who: from the faces of frame after frame to persons' numbers, by where faces are, how they move and look.

Each person's next place is predicted; the faces of a frame go to the persons that make them likeliest together, within
reach. Persons who are not found go on moving as they did, unseen, until they are found again or forgotten: so a number
passes through gaps and behind other faces. Two who meet are told apart by a sketch of each face as well, a hundred gray
dots (see `looks`); without looks by their motion alone. A sketch is forgotten with the person, `remember_s` after they
were seen last, and identifies nobody: it is compared with later faces of the same video, stored nowhere and handed to
nobody.

Source:
    Bewley et al., Simple Online and Realtime Tracking, ICIP 2016 (arXiv:1602.00763), for a Kalman filter with the
    Hungarian method. Costs are likelihoods here, where SORT takes the boxes' overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError
from mien.core.results import Detection, Face
from mien.inference.track.looks import Looks, Sketch, stack, stand_apart
from mien.inference.track.matching import is_within, measure_costs, measure_surprises, open_solver, pair
from mien.inference.track.motion import Motions, Places, are_near, to_places
from mien.inference.track.person import Person
from mien.inference.track.settings import TrackerSettings
from mien.inference.track.shake import find_shift

__all__ = ["Tracker", "TrackerSettings"]

Pairs: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]
"""(K,) rows of persons and (K,) columns of faces that belong together."""

WITNESSES = 2
"""So many settled persons who were there lately can tell that the picture is another one."""

UNSURE = 0.5
"""Of the reach and the stretch this share holds for unsure faces, however long the person has not been found."""

CLEAR = 0.85
"""The score from which a box is as steady as boxes get: by `TrackerSettings.wobble`."""

BLUR = 0.2
"""A box that scores so much less than `CLEAR` is off by twice as much, by twice that much less by three times."""

RETURN_S = 0.25
"""Who was away for longer is back for certain only after `TrackerSettings.settle_s`."""

LEAP = 50.0
"""The surprise (see `measure_surprises`) from which a face leaped: by 7 standard deviations. That a head does now and
then; that all do at once, each in its own way, is a cut."""


class Tracker:
    """Numbers the persons of one video or camera. Not for several threads at once.

    It holds a few numbers for each person that was seen lately, a sketch of the face among them, and nothing else: its
    memory is bounded by `TrackerSettings.remember_s`. The same faces at the same times give the same numbers.
    """

    def __init__(self, settings: TrackerSettings = TrackerSettings()) -> None:  # noqa: B008 - it is frozen
        """Begin without persons.

        Raises:
            MissingExtraError: Without the extra "video".
        """
        self._settings = settings
        self._solve = open_solver()
        self._persons: list[Person] = []
        self._motions = self._earlier = self._begin(np.zeros((0, 3)))
        self._looks = Looks.begin(0)
        self._given = 0
        self._time_s: float | None = None

    @property
    def active(self) -> frozenset[int]:
        """The numbers that are still remembered; all others will never be given again."""
        return frozenset(person.number for person in self._persons)

    def update(
        self,
        found: Sequence[Detection | Face],
        time_s: float,
        looks: Sequence[Sketch] | None = None,
        *,
        is_cut: bool = False,
    ) -> list[int]:
        """Take the faces of the next frame that was looked at, also where there are none.

        Args:
            found: The faces, in any order.
            time_s: When the frame is shown, in seconds; not before the last one's. Steps may be of any length, and
                differ.
            looks: For each face what `looks.sketch` made of its crop; None goes by motion alone.
            is_cut: Whether the frame shows another picture than the last one, as `scenes.Scenes` tells. Who was there
                keeps the number only for a face that looks like theirs, and is where they were.

        Returns:
            For each face its person's number: 1, 2, ... in the order of their appearance, each once a frame and none
            ever reused. A box that is no face has a number as well, which it keeps as long as it is found.

        Raises:
            InputError: If the time is not finite, or before that of the last frame, or the looks are not one a face.
        """
        if not isfinite(time_s) or (self._time_s is not None and time_s < self._time_s):
            raise InputError(
                f"frames are tracked in the order of their times, got {time_s} s after {self._time_s} s. "
                "Take a new Tracker for another video."
            )
        seen, sketches = to_places([face.box for face in found]), stack(looks, len(found))
        last_s = time_s if self._time_s is None else self._time_s
        self._time_s = time_s
        self._motions = self._motions.predict(time_s - last_s, liveliness=self._settings.liveliness)
        self._earlier = self._earlier.predict(time_s - last_s, liveliness=self._settings.liveliness)
        self._forget_gone(time_s, last_s)
        for person in self._persons:
            person.is_cut_off |= is_cut
        lately_s = last_s - self._settings.remember_fleeting_s
        is_witness = ~self._are_cut_off() & np.array(
            [one.last_s >= lately_s and one.is_settled(self._settings) for one in self._persons], bool
        )
        if (shift := find_shift(self._motions.places[is_witness], seen)) is not None:
            self._motions, self._earlier = self._motions.shift(shift), self._earlier.shift(shift)
        self._doubt_returns(seen)
        scores = np.array([_score(face) for face in found])
        is_sure, wobble = scores >= self._settings.sure_score, self._settings.wobble * _blur(scores)
        surprises = measure_surprises(self._motions, seen, wobble=wobble)
        likeness = self._looks.compare(sketches)
        costs = measure_costs(self._motions, seen, wobble=wobble) - self._settings.look_weight * likeness
        is_alike = self._looks.recognize(likeness, self._settings.look_trust) & (self._settings.look_weight > 0)
        is_alike &= (likeness >= self._settings.cut_trust) | ~self._are_cut_off()[:, None]
        pairs = self._match(seen, costs, is_alike | (surprises < LEAP), is_sure, is_alike, time_s, last_s)
        if is_witness.sum() >= WITNESSES <= is_sure.sum() and not (surprises[pairs] < LEAP).any():
            self._keep(np.zeros(len(self._persons), bool))  # a cut: whoever comes now is new
            pairs = np.zeros(0, np.intp), np.zeros(0, np.intp)
        numbers = self._note(scores, seen, pairs, is_alike, time_s)
        self._learn_looks(numbers, seen, sketches, time_s - last_s)
        return numbers

    def _are_cut_off(self) -> NDArray[np.bool_]:
        return np.array([person.is_cut_off for person in self._persons], bool)

    def _begin(self, seen: Places) -> Motions:
        return Motions.begin(seen, wobble=self._settings.wobble, speed=self._settings.start_speed)

    def _keep(self, is_kept: NDArray[np.bool_]) -> None:
        self._motions, self._earlier = self._motions.keep(is_kept), self._earlier.keep(is_kept)
        self._looks = self._looks.keep(is_kept)
        self._persons = [person for person, is_one in zip(self._persons, is_kept, strict=True) if is_one]

    def _forget_gone(self, time_s: float, last_s: float) -> None:
        """Forget who has not been found for too long. Who is fleeting gets one frame more, however late it is."""

        def is_kept(person: Person, is_known: bool) -> bool:
            away_s = time_s - person.last_s
            return away_s <= self._settings.remember_s and (is_known or not self._is_passing(person, time_s, last_s))

        kept = [is_kept(*one) for one in zip(self._persons, self._looks.are_known.tolist(), strict=True)]
        if not all(kept):
            self._keep(np.array(kept))

    def _is_passing(self, person: Person, time_s: float, last_s: float) -> bool:
        """Return whether somebody who is not settled is away for too long to be found by motion."""
        is_trusted = person.last_s == last_s or person.is_settled(self._settings)
        return not is_trusted and time_s - person.last_s > self._settings.remember_fleeting_s

    def _match(
        self,
        seen: Places,
        costs: NDArray[np.float64],
        is_calm: NDArray[np.bool_],
        is_sure: NDArray[np.bool_],
        is_alike: NDArray[np.bool_],
        time_s: float,
        last_s: float,
    ) -> Pairs:
        """Pair persons with faces: settled persons who are as expected, then those who leaped, then all others.

        So a missed person doesn't push the others over to a box that is nobody's.

        Args:
            seen: (M, 3) places of the faces.
            costs: (N, M) of `measure_costs`, less what the looks tell.
            is_calm: (N, M) whether a face is about where the person is expected, or looks like them.
            is_sure: (M,) whether it is a face for sure.
            is_alike: (N, M) whether a face looks like the person.
            time_s: Of the frame.
            last_s: Of the one before.
        """
        settings = self._settings
        is_settled = np.array([person.is_settled(settings) for person in self._persons], bool)[:, None]
        is_away = [person.last_s < last_s or person.back_s is not None for person in self._persons]
        is_lost = is_settled & np.array(is_away, bool)[:, None]
        is_cut_off = self._are_cut_off()
        is_near = are_near(seen, self._motions.places) & ~is_cut_off
        is_shared = is_near.sum(axis=1) >= 2  # one box around two is larger than either
        is_trusted = is_sure | is_lost | is_alike | is_shared  # who comes out from behind is half seen at first
        away_s = np.array([time_s - person.last_s for person in self._persons])[:, None] * is_trusted
        trust = np.where(is_trusted, 1.0, UNSURE)
        is_possible = is_within(
            self._motions,
            seen,
            (settings.reach + settings.reach_growth * away_s) * trust,
            (settings.stretch + settings.stretch_growth * away_s) ** trust,
        )
        is_possible &= is_calm | is_sure
        is_passing = np.array([self._is_passing(person, time_s, last_s) for person in self._persons], bool)
        is_possible &= is_alike | ~is_passing[:, None]
        is_possible &= is_alike | ~is_cut_off[:, None]
        rows, columns = np.zeros(0, np.intp), np.zeros(0, np.intp)
        for is_allowed in (is_possible & is_settled & is_calm, is_possible & is_settled, is_possible):
            is_allowed[rows] = False
            is_allowed[:, columns] = False
            more_rows, more_columns = pair(costs, is_allowed, self._solve)
            rows, columns = np.concatenate([rows, more_rows]), np.concatenate([columns, more_columns])
        return rows, columns

    def _note(
        self, scores: NDArray[np.float64], seen: Places, pairs: Pairs, is_alike: NDArray[np.bool_], time_s: float
    ) -> list[int]:
        """Learn from the pairs, take in who is new, and return the numbers. Who is alike is back for certain."""
        rows, columns = pairs
        wobble = self._settings.wobble * _blur(scores[columns])
        self._motions = self._motions.correct(rows, seen[columns], wobble=wobble)
        numbers = [0] * len(seen)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            person = self._persons[row]
            is_back = person.is_settled(self._settings) and time_s - person.last_s > RETURN_S
            if is_back and not is_alike[row, column]:
                person.back_s, person.gone_s = time_s, person.last_s
            person.is_cut_off = False
            person.last_s, person.score = time_s, max(person.score, float(scores[column]))
            numbers[column] = person.number
        self._weigh_returns(time_s)
        new = [column for column, number in enumerate(numbers) if not number]
        for column in new:
            self._given += 1
            numbers[column] = self._given
            self._persons.append(Person(self._given, time_s, time_s, float(scores[column])))
        if new:
            begun = self._begin(seen[new])
            self._motions, self._earlier = self._motions.join(begun), self._earlier.join(begun)
            self._looks = self._looks.join(Looks.begin(len(new)))
        return numbers

    def _learn_looks(self, numbers: list[int], seen: Places, sketches: NDArray[np.float32], step_s: float) -> None:
        """Learn what those look like who stand apart from all others, and are who they seem for certain."""
        row_of = {person.number: row for row, person in enumerate(self._persons)}
        rows = np.array([row_of[number] for number in numbers], np.intp)
        is_certain = np.array([self._persons[row].back_s is None for row in rows.tolist()], bool)
        is_clear = is_certain & stand_apart(seen, self._motions.places, rows, ~self._are_cut_off())
        over_s = self._settings.look_learn_s
        self._looks = self._looks.learn(rows[is_clear], sketches[is_clear], step_s=step_s, over_s=over_s)

    def _doubt_returns(self, seen: Places) -> None:
        """Where nothing is left of a return, and a face is where the old motion led: go on from before it at once."""
        is_back = np.array([person.back_s is not None for person in self._persons], bool)
        if not (is_back.any() and len(seen)):
            return
        wobble = self._settings.wobble
        now = measure_surprises(self._motions, seen, wobble=wobble).min(axis=1)
        before = measure_surprises(self._earlier, seen, wobble=wobble).min(axis=1)
        is_wrong = is_back & (now >= LEAP) & (before < LEAP)
        for row in np.flatnonzero(is_wrong).tolist():
            person = self._persons[row]
            person.last_s, person.back_s = person.gone_s, None
        self._motions = self._motions.replace(is_wrong, self._earlier)

    def _weigh_returns(self, time_s: float) -> None:
        """Believe who stays after an absence. Who is gone again at once was another box: go on from before it."""
        is_believed = np.zeros(len(self._persons), bool)
        for row, person in enumerate(self._persons):
            if person.back_s is not None and person.last_s < time_s:
                person.last_s, person.back_s = person.gone_s, None
            elif person.back_s is None or time_s - person.back_s >= self._settings.settle_s:
                is_believed[row], person.back_s = person.last_s == time_s, None
        self._earlier = self._earlier.replace(is_believed, self._motions)
        is_absent = np.array([person.last_s < time_s for person in self._persons], bool)
        self._motions = self._motions.replace(is_absent, self._earlier)


def _score(face: Detection | Face) -> float:
    return 1.0 if face.score is None else face.score


def _blur(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by which factor boxes are off more than steady ones: half-hidden and blurred faces score low, and lean."""
    return 1 + np.maximum(0.0, CLEAR - scores) / BLUR
