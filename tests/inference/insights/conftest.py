"""Moments made by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mien.core.geometry import Box
from mien.core.labels import EXPRESSIONS
from mien.core.moments import Moment, Sighting
from mien.core.results import Face, Quality


def _see(person: int, expression: str, confidence: float = 0.76, labels: tuple[str, ...] = EXPRESSIONS) -> Sighting:
    rest = (1.0 - confidence) / (len(labels) - 1)
    probabilities = {label: confidence if label == expression else rest for label in labels}
    face = Face(Box(10, 10, 60, 60), 0.9, None, probabilities, Quality(60.0))
    return Sighting(person, face, probabilities, expression)


def _make_film(fps: float, *shown: dict[int, str | tuple[str, float]], start_s: float = 0.0) -> list[Moment]:
    moments = []
    for frame, persons in enumerate(shown):
        sightings = tuple(
            _see(person, *((what,) if isinstance(what, str) else what)) for person, what in persons.items()
        )
        moments.append(Moment(frame, start_s + frame / fps, 640, 480, sightings))
    return moments


@pytest.fixture(scope="session")
def see() -> Callable[..., Sighting]:
    """`see(person, expression, confidence=0.76)`: the rest of the probability is shared evenly."""
    return _see


@pytest.fixture(scope="session")
def make_film() -> Callable[..., list[Moment]]:
    """`make_film(fps, {1: "happy"}, {}, {1: ("sad", 0.9)}, start_s=0)`: one frame after another, by person."""
    return _make_film
