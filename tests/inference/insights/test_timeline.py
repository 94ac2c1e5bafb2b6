import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.labels import EXPRESSIONS
from mien.inference.insights.timeline import TimelineTally

HAPPY = EXPRESSIONS.index("happy")


def tally(film, hold_s, bin_s=1.0, max_bins=4, persons=(1, 2)):
    line = TimelineTally(bin_s, max_bins)
    for moment in film:
        line.add(moment, hold_s, persons)
    return line


def test_bins_hold_the_mean_of_what_was_seen(make_film):
    film = make_film(2, {1: ("happy", 0.4)}, {1: ("happy", 0.8), 2: ("happy", 0.6)}, {}, {}, {2: ("happy", 1.0)})
    line = tally(film, 0.5).summarize({1: None, 2: 0.5})
    assert (line.start_s, line.bin_s, line.labels) == (0.0, 1.0, EXPRESSIONS)
    assert line.everyone.seen_s == (1.5, 0.0, 0.5)
    assert line.everyone.probabilities[0][HAPPY] == pytest.approx(0.6)
    assert line.everyone.probabilities[1] is None
    assert line.everyone.valence[1] is None
    assert line.everyone.valence[2] == pytest.approx(0.81)
    first, second = line.persons[1], line.persons[2]
    assert (first.first_bin, first.seen_s) == (0, (1.0,))
    assert first.probabilities[0][HAPPY] == pytest.approx(0.6)
    assert first.valence_change is None
    assert second.seen_s == (0.5, 0.0, 0.5)
    assert second.valence_change[1] is None
    assert second.valence_change[2] == pytest.approx(0.31)
    assert json.loads(json.dumps(line.to_dict()))["persons"]["1"] == first.to_dict()


def test_neighbors_are_merged_by_two(make_film):
    film = make_film(1, *({1: ("happy", 0.1 * second)} for second in range(2, 8)))
    line = tally(film, 1.0).summarize({})
    assert line.bin_s == 2.0
    assert line.everyone.seen_s == (2.0, 2.0, 2.0)
    assert [means[HAPPY] for means in line.everyone.probabilities] == pytest.approx([0.25, 0.45, 0.65])


def test_four_bins_that_are_just_full_are_not_merged(make_film):
    film = make_film(25, *({1: "happy"} for _ in range(100)))
    line = tally(film, 0.04).summarize({})
    assert line.bin_s == 1.0
    assert line.everyone.seen_s == pytest.approx([1.0] * 4)


def test_only_those_asked_for_have_a_line(make_film):
    line = tally(make_film(1, {1: "happy", 7: "sad"}), 1.0).summarize({1: None})
    assert list(line.persons) == [1]
    assert line.everyone.seen_s == (2.0,)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_memory_is_bounded_and_no_second_is_lost(make_film, jumps):
    (moment,) = make_film(1, {1: "happy", 2: "sad"})
    line, time_s = TimelineTally(0.1, 8), 0.0
    for jump in jumps:
        line.add(type(moment)(0, time_s, 640, 480, moment.sightings), 0.25, (1, 2))
        time_s += 0.25 + jump
    shown = line.summarize({})
    assert all(len(track.seen_s) <= 8 for track in (shown.everyone, *shown.persons.values()))
    assert sum(shown.everyone.seen_s) == pytest.approx(0.5 * len(jumps))
    for means in shown.everyone.probabilities:
        assert means is None or np.sum(means) == pytest.approx(1.0)


def test_a_jump_by_years_takes_no_time(make_film):
    early, late = make_film(1e-9, {1: "happy"}, {1: "sad"})
    line = tally([early, late], 0.5).summarize({})
    assert len(line.everyone.seen_s) <= 4
    assert sum(line.everyone.seen_s) == pytest.approx(1.0)
