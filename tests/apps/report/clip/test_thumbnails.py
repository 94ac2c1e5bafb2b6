"""Pictures of episodes: of the right face, at the surest time, and never too many."""

from __future__ import annotations

from io import BytesIO
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from mien.apps.report.clip.thumbnails import EpisodePictures, cut_square
from mien.core.errors import InputError
from mien.core.geometry import Box
from mien.core.labels import EXPRESSIONS
from mien.core.moments import Moment, Sighting
from mien.core.results import Face, Quality
from mien.inference.insights.collector import Insights
from mien.inference.insights.settings import InsightSettings
from mien.inference.media.pictures import RGB


class _Frame(NamedTuple):
    pixels: RGB


class _Look(NamedTuple):
    frame: _Frame
    moment: Moment


def _look(number: int, shown: dict[int, tuple[str, float]], gray: int = 0, fps: float = 10.0) -> _Look:
    """Return a frame of one gray on which each person is a 40 px square at 50 px times their number."""
    pixels = np.full((120, 400, 3), gray, np.uint8)
    seen = []
    for person, (label, confidence) in shown.items():
        rest = (1 - confidence) / 6
        values = {name: confidence if name == label else rest for name in EXPRESSIONS}
        face = Face(Box(50 * person, 40, 40, 40), 0.9, None, values, Quality(40.0))
        seen.append(Sighting(person, face, values, label))
    return _Look(_Frame(pixels), Moment(number, number / fps, 400, 120, tuple(seen)))


def _gray_of(jpeg: bytes) -> float:
    return float(np.asarray(Image.open(BytesIO(jpeg))).mean())


def _run(looks: list[_Look], pictures: EpisodePictures, settings: InsightSettings | None = None) -> tuple[object, ...]:
    insights = Insights(settings or InsightSettings())
    for look in looks:
        pictures.write(look)
        insights.add(look.moment)
    return insights.summarize().episodes


def test_each_episode_has_the_picture_of_its_surest_frame() -> None:
    shown = [("happy", 0.6), ("happy", 0.9), ("happy", 0.7), *[("sad", 0.5 + 0.1 * n) for n in range(4)]]
    looks = [_look(number, {1: one}, gray=20 + 30 * number) for number, one in enumerate(shown)]
    pictures = EpisodePictures(size_px=32)
    episodes = _run(looks, pictures, InsightSettings(min_episode_s=0.2))
    chosen = pictures.choose(episodes)  # type: ignore[arg-type]
    assert [round(_gray_of(chosen[place]), -1) for place in (0, 1)] == [50, 200]
    assert Image.open(BytesIO(chosen[0])).size == (32, 32)
    assert Image.open(BytesIO(chosen[0])).format == "JPEG"


def test_persons_and_repeated_expressions_are_not_mixed_up() -> None:
    looks = [
        _look(
            number,
            {1: ("happy" if number % 20 < 10 else "sad", 0.8), 2: ("happy", 0.5 + number / 100)},
            gray=5 * number,
        )
        for number in range(40)
    ]
    pictures = EpisodePictures()
    episodes = _run(looks, pictures)
    chosen = pictures.choose(episodes)  # type: ignore[arg-type]
    assert len(episodes) == 5
    assert set(chosen) == set(range(5))
    for place, episode in enumerate(episodes):
        assert _gray_of(chosen[place]) == pytest.approx(5 * round(episode.peak_s * 10), abs=2.0)  # type: ignore[attr-defined]


def test_only_the_longest_are_kept() -> None:
    looks, number = [], 0
    for length in (3, 9, 4, 8, 5, 7):
        for _ in range(length):
            looks.append(_look(number, {1: (EXPRESSIONS[length % 7], 0.8)}))
            number += 1
    looks.append(_look(number, {}))
    looks.append(_look(number + 50, {}))  # ends the last stretch
    pictures = EpisodePictures(max_pictures=3)
    episodes = _run(looks, pictures)
    kept = [round(episodes[place].duration_s * 10) for place in pictures.choose(episodes)]  # type: ignore[attr-defined, arg-type]
    assert sorted(kept) == [7, 8, 9]


def test_memory_is_bounded_in_a_crowd_too() -> None:
    pictures = EpisodePictures(max_pictures=4)
    episodes = _run([_look(n, dict.fromkeys(range(1, 8), ("happy", 0.8))) for n in range(10)], pictures)
    assert len(episodes) == 7
    assert len(pictures.choose(episodes)) == 4  # type: ignore[arg-type]


def test_a_picture_from_another_time_is_not_taken() -> None:
    pictures = EpisodePictures()
    episodes = _run([_look(number, {1: ("happy", 0.8)}) for number in range(10)], pictures)
    later = _run([_look(number + 300, {1: ("happy", 0.8)}) for number in range(10)], EpisodePictures())
    assert set(pictures.choose(episodes)) == {0}  # type: ignore[arg-type]
    assert pictures.choose(later) == {}  # type: ignore[arg-type]


def test_a_picture_shows_its_face_and_outlives_the_frame() -> None:
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[30:70, 150:190] = (200, 100, 50)
    picture = cut_square(pixels, Box(150, 30, 40, 40), 52)
    pixels[:] = 255
    values = np.asarray(picture)
    assert values[26, 26].tolist() == [200, 100, 50]
    assert values[1, 1].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "box", [Box(-30, -20, 60, 60), Box(180, 90, 60, 60), Box(20, -50, 300, 300), Box(5, 5, 0.2, 0.2)]
)
def test_faces_at_the_border_are_cut_from_within_the_frame(box: Box) -> None:
    picture = cut_square(np.full((100, 200, 3), 90, np.uint8), box, 24)
    assert picture.size == (24, 24)
    assert np.asarray(picture).min() == np.asarray(picture).max() == 90


def test_nonsense_is_refused() -> None:
    with pytest.raises(InputError, match="max_pictures is a whole number from 1 on, got 0"):
        EpisodePictures(max_pictures=0)
