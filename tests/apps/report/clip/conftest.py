"""Films to report on, made up without a video or a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from mien.apps.report.clip.facts import ClipFacts
from mien.core.card import ExpressionCard, ModelInput, TrainingData
from mien.core.geometry import Box
from mien.core.labels import EXPRESSIONS
from mien.core.moments import Moment, Sighting
from mien.core.results import Face, Quality
from mien.inference.insights.collector import ClipInsights, Insights
from mien.inference.insights.group import GroupSettings
from mien.inference.insights.settings import InsightSettings
from mien.inference.track.smoothing import Smoother, SmoothingSettings

_MOODS = dict(zip(EXPRESSIONS, (0.06, 0.02, 0.03, 0.28, 0.08, 0.09, 0.44), strict=True))


class _Actor:
    """Somebody who comes and goes and changes expression, by chance."""

    def __init__(self, person: int, random: np.random.Generator, length_s: float, labels: Sequence[str]) -> None:
        self._person, self._random, self._labels = person, random, labels
        self._is_there, self._until_s, self._mood, self._mood_until_s = person == 1, 0.0, labels[-1], 0.0
        self._pace_s = max(length_s / 25, 3.0)
        self._smoother = Smoother(SmoothingSettings())

    def act(self, time_s: float) -> Sighting | None:
        random = self._random
        while time_s >= self._until_s:
            self._is_there = not self._is_there if self._until_s else random.random() < 0.6
            self._until_s += random.exponential(self._pace_s * (8 if self._is_there else 3)) + 0.5
        while time_s >= self._mood_until_s:
            weights = np.array([_MOODS.get(label, 0.2) for label in self._labels])
            self._mood = str(random.choice(self._labels, p=weights / weights.sum()))
            self._mood_until_s += random.exponential(self._pace_s) + 0.2
        if not self._is_there:
            return None
        logits = random.normal(0.0, 0.5, len(self._labels))
        logits[self._labels.index(self._mood)] += 2.6
        odds = np.exp(logits)
        raw = dict(zip(self._labels, (odds / odds.sum()).tolist(), strict=True))
        smooth, expression = self._smoother.update(self._person, raw, time_s)
        face = Face(Box(40.0 * self._person, 30.0, 60.0, 70.0), 0.9, None, raw, Quality(60.0))
        return Sighting(self._person, face, smooth, expression)


def play(
    persons: int, length_s: float, fps: float = 10.0, seed: int = 1, labels: Sequence[str] = EXPRESSIONS
) -> Iterator[Moment]:
    """Yield the moments of a film with this many persons, who come, go and change expression."""
    random = np.random.default_rng(seed)
    actors = [_Actor(number, random, length_s, labels) for number in range(1, persons + 1)]
    for frame in range(round(length_s * fps)):
        time_s = frame / fps
        seen = [sighting for actor in actors if (sighting := actor.act(time_s)) is not None]
        yield Moment(frame, time_s, 1280, 720, tuple(seen))


def collect(
    moments: Iterator[Moment], group: GroupSettings | None = None, settings: InsightSettings | None = None
) -> ClipInsights:
    """Return what the moments show."""
    insights = Insights(settings or InsightSettings(), group=group)
    for moment in moments:
        insights.add(moment)
    return insights.summarize(is_over=True)


def make_facts(source: str = "interview.mp4", labels: Sequence[str] = EXPRESSIONS) -> ClipFacts:
    """Return the facts of a made-up film."""
    card = ExpressionCard(
        name="made-up", labels=tuple(labels), input=ModelInput(layout="NHW", size_px=48, color="gray"), crop="whole",
        temperature=1.5, data=TrainingData(name="faces", license="MIT", sha256="a" * 64), recipe="none",
        recipe_sha256="b" * 64, commit="unknown", parameters=1234, limits=("It <script>means</script> nothing.",),
        license="MIT", graph_sha256="c" * 64,
    )  # fmt: skip
    return ClipFacts(
        source=source, width=1280, height=720, card=card, detector="faces", sampling="every frame",
        smoothing=SmoothingSettings(), command=f"mien watch {source} --report clip.html",
    )  # fmt: skip


@pytest.fixture(scope="session")
def film() -> Callable[..., Iterator[Moment]]:
    """See `play`."""
    return play


@pytest.fixture(scope="session")
def insights_of() -> Callable[..., ClipInsights]:
    """See `collect`."""
    return collect


@pytest.fixture(scope="session")
def facts_of() -> Callable[..., ClipFacts]:
    """See `make_facts`."""
    return make_facts
