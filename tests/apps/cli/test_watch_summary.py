"""What is told at the end of `mien watch`, of moments made by hand."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mien.apps.cli.watch_summary import print_summary
from mien.core.geometry import Box
from mien.core.labels import EXPRESSIONS
from mien.core.moments import Moment, Sighting
from mien.core.results import Face, Quality
from mien.inference.insights.collector import Insights


def see(person: int, expression: str, confidence: float) -> Sighting:
    rest = (1.0 - confidence) / (len(EXPRESSIONS) - 1)
    probabilities = {label: confidence if label == expression else rest for label in EXPRESSIONS}
    face = Face(Box(10, 10, 60, 60), 0.9, None, probabilities, Quality(60.0))
    return Sighting(person, face, probabilities, expression)


def tell(*frames: tuple[Sighting, ...], every_s: float = 0.5) -> str:
    insights = Insights()
    for number, sightings in enumerate(frames):
        insights.add(Moment(number, number * every_s, 640, 480, sightings))
    file = io.StringIO()
    console = Console(file=file, width=120)
    print_summary(insights.summarize(is_over=True), console)
    return file.getvalue()


@pytest.mark.parametrize(("confidence", "is_guess"), [(0.3, True), (0.8, False)])
def test_a_guess_has_a_question_mark(confidence: float, is_guess: bool) -> None:
    told = tell(*[(see(1, "happy", confidence),)] * 4)
    assert ("happy? 100%" in told) is is_guess
    assert ("?: less than half of that person's time is certain" in told) is is_guess
    assert ("happy 100%" in told) is not is_guess


def test_nobody_is_seen_for_longer_than_from_their_first_to_their_last_time() -> None:
    told = tell(*[(see(1, "happy", 0.8),)] * 12)
    assert "0:00.0 - 0:06.0" in told
    assert told.count("6.0 s") == 2, "seen, and the longest smile"


def test_a_person_without_shares_has_a_reason() -> None:
    assert "one frame has no length in time" in tell((see(1, "happy", 0.8),))
