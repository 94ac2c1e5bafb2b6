"""Costs of pairs, their limits, and the best pairs."""

import sys

import numpy as np
import pytest

from mien.core.errors import MissingExtraError
from mien.inference.track.matching import is_within, measure_costs, measure_surprises, open_solver, pair
from mien.inference.track.motion import Motions


def expect(*places, unseen_s=0.0):
    begun = Motions.begin(np.array(places, float).reshape(-1, 3), wobble=0.04, speed=2.5)
    return begun.predict(unseen_s, liveliness=3.0)


SIZE = np.log(50.0)


def test_nearer_and_more_alike_is_likelier():
    seen = np.array([[100, 100, SIZE], [110, 100, SIZE], [110, 100, SIZE + 0.3]])
    costs = measure_costs(expect([100, 100, SIZE], unseen_s=0.04), seen, wobble=0.04)
    assert costs.shape == (1, 3)
    assert costs[0, 0] < costs[0, 1] < costs[0, 2]


def test_who_was_just_here_is_likelier_near_by_and_who_was_long_away_is_far_off():
    fresh, away = (expect([100, 100, SIZE], unseen_s=seconds) for seconds in (0.04, 1.0))
    both, seen = fresh.join(away), np.array([[102, 100, SIZE], [190, 100, SIZE]])
    near, far = measure_costs(both, seen, wobble=0.04).T
    assert near[0] < near[1]
    assert far[1] < far[0]


def test_a_box_that_wobbles_more_surprises_less():
    expected, seen = expect([100, 100, SIZE], [130, 100, SIZE]), np.array([[110, 100, SIZE], [110, 100, SIZE]])
    surprises = measure_surprises(expected, seen, wobble=np.array([0.04, 0.08]))
    assert (surprises[:, 1] < surprises[:, 0]).all()
    for column, wobble in enumerate((0.04, 0.08)):
        alone = measure_surprises(expected, seen, wobble=wobble)
        np.testing.assert_array_equal(surprises[:, column], alone[:, column])


def test_reach_is_in_sizes_of_the_larger_face():
    expected = expect([100, 100, np.log(20.0)], [100, 100, np.log(100.0)])
    seen = np.array([[160, 100, np.log(20.0)], [160, 100, np.log(100.0)]])
    within = is_within(expected, seen, np.full((2, 2), 0.8), np.full((2, 2), 6.0))
    np.testing.assert_array_equal(within, [[False, True], [True, True]])
    alike = is_within(expected, seen, np.full((2, 2), 9.0), np.full((2, 2), 1.5))
    np.testing.assert_array_equal(alike, [[True, False], [False, True]])


def test_pairs_are_the_likeliest_together_not_one_by_one():
    costs = np.array([[1.0, 2.0], [1.5, 9.0]])
    rows, columns = pair(costs, np.ones((2, 2), bool), open_solver())
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 1), (1, 0)]  # one by one: (0, 0), (1, 1)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (2, 0), (2, 3)])
def test_where_nothing_is_possible_nothing_is_paired(shape):
    rows, columns = pair(np.zeros(shape), np.zeros(shape, bool), open_solver())
    assert len(rows) == len(columns) == 0


def test_impossible_pairs_are_left_out():
    rows, columns = pair(np.zeros((2, 2)), np.array([[True, False], [True, False]]), open_solver())
    assert rows.shape == (1,)
    assert columns.tolist() == [0]


def test_without_scipy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(MissingExtraError, match=r"'scipy'.*mien\[video\]"):
        open_solver()
