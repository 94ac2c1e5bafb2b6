import json

import pytest

from mien.inference.insights.episodes import EpisodeFinder
from mien.inference.insights.settings import InsightSettings


def find(film, hold_s, **settings):
    finder = EpisodeFinder(InsightSettings(**settings))
    endings = [ending for moment in film for ending in finder.add(moment, hold_s)]
    return endings, finder.close()


def test_a_change_ends_one_episode_and_begins_the_next(make_film):
    film = make_film(2, {1: ("happy", 0.6)}, {1: ("happy", 0.9)}, {1: ("happy", 0.6)}, {1: ("sad", 0.7)}, start_s=10)
    (first,), (second,) = find(film, 0.5)
    assert (first.is_change, second.is_change) == (True, False)
    assert first.episode.to_dict() == {
        "person": 1,
        "expression": "happy",
        "start_s": 10.0,
        "end_s": 11.5,
        "peak_s": 10.5,
        "peak": 0.9,
        "mean_confidence": pytest.approx(0.7),
        "certain_share": 1.0,
    }
    assert (second.episode.start_s, second.episode.end_s, second.episode.expression) == (11.5, 12.0, "sad")
    assert json.loads(json.dumps(first.episode.to_dict())) == first.episode.to_dict()


def test_a_stretch_that_is_mostly_not_certain_is_a_guess(make_film):
    film = make_film(2, {1: ("happy", 0.3)}, {1: ("happy", 0.9)}, {1: ("happy", 0.3)}, {1: ("sad", 0.7)})
    (first,), (second,) = find(film, 0.5)
    assert (first.episode.certain_share, first.episode.is_guess) == (pytest.approx(1 / 3), True)
    assert (second.episode.certain_share, second.episode.is_guess) == (1.0, False)
    half = find(film[1:3], 0.5)[1][0].episode
    assert (half.certain_share, half.is_guess) == (0.5, False), "half is not less than half"
    assert find(film[:1], 0.0)[1][0].episode.is_guess
    assert not find(film[1:2], 0.0)[1][0].episode.is_guess


def test_leaving_ends_an_episode_where_the_person_was_last_seen(make_film):
    film = make_film(2, {1: "happy"}, {}, {}, {}, {}, {1: "happy"})
    (first,), (second,) = find(film, 0.5)
    assert (first.episode.start_s, first.episode.end_s, first.is_change) == (0.0, 0.5, False)
    assert second.episode.start_s == 2.5


def test_a_short_gap_does_not_end_it(make_film):
    film = make_film(2, {1: "happy"}, {}, {}, {1: "happy"})
    endings, (only,) = find(film, 0.5)
    assert not endings
    assert (only.episode.start_s, only.episode.end_s) == (0.0, 2.0)
    assert len(find(film, 0.5, longest_gap_s=0.9)[0]) == 1, "the control"


def test_a_stretch_of_one_frame_without_length_has_its_own_confidence(make_film):
    _, (only,) = find(make_film(2, {1: ("happy", 0.6)}), 0.0)
    assert only.episode.mean_confidence == pytest.approx(0.6)


def test_nothing_is_held_of_those_who_left(make_film):
    finder = EpisodeFinder(InsightSettings())
    for moment in make_film(1, *({person: "sad"} for person in range(1, 50))):
        finder.add(moment, 1.0)
    assert len(finder.close()) <= 3
