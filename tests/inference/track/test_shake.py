"""The camera's common shift of all faces."""

import numpy as np
import pytest

from mien.inference.track.shake import find_shift

STAND = np.array([[100.0 + 80 * place, 200.0, np.log(50.0)] for place in range(4)])


def move(places, x, y):
    return places + np.array([x, y, 0.0])


@pytest.mark.parametrize("shift", [(20.0, -10.0), (0.0, 35.0), (-38.0, 0.0)])
def test_a_common_shift_is_found_also_where_one_is_missed(shift):
    seen = move(STAND, *shift)
    np.testing.assert_allclose(find_shift(STAND, seen), shift)
    np.testing.assert_allclose(find_shift(STAND, seen[[0, 1, 3]]), shift)


def test_who_is_missed_in_an_even_row_is_no_shift_by_one_place():
    assert find_shift(STAND, STAND[:3]) is None
    assert find_shift(STAND[:3], STAND[[0, 1]]) is None


def test_faces_that_go_apart_are_no_shift():
    apart = STAND + np.array([[-30, 0, 0], [25, 20, 0], [0, -30, 0], [35, 0, 0]])
    assert find_shift(STAND, apart) is None


def test_a_little_is_left_to_the_motion_and_one_face_alone_says_nothing():
    assert find_shift(STAND, move(STAND, 3.0, 0.0)) is None
    assert find_shift(STAND[:1], move(STAND, 30.0, 0.0)) is None
    assert find_shift(STAND, move(STAND[:1], 30.0, 0.0)) is None
    assert find_shift(STAND[:0], STAND[:0]) is None


def test_faces_of_other_sizes_say_nothing():
    assert find_shift(STAND, STAND + np.array([20.0, 0.0, np.log(2.0)])) is None
