"""Persons' motion: predicted in seconds, learned from boxes, the same at any frame rate and size."""

import numpy as np
import pytest

from mien.core.geometry import Box
from mien.inference.track.motion import Motions, to_places, to_scales


def walk(fps, speed=(100.0, -40.0, 0.2), seconds=2.0, size=50.0, wobble=0.03, seed=None):
    """Follow a face that walks steadily, seen exactly or with noise; return the motion and the true last place."""
    random = np.random.default_rng(seed)
    begin = np.array([[300.0, 200.0, np.log(size)]])
    motion = Motions.begin(begin, wobble=wobble, speed=2.5)
    for frame in range(1, round(seconds * fps) + 1):
        place = begin + np.array(speed) * frame / fps
        seen = place if seed is None else place + random.normal(0, wobble, (1, 3)) * to_scales(place)
        motion = motion.predict(1 / fps, liveliness=3.0).correct(np.array([0]), seen, wobble=wobble)
    return motion, place


def test_a_box_becomes_its_middle_and_the_logarithm_of_its_size():
    places = to_places([Box(10, 20, 40, 90), Box(0, 0, 2, 2)])
    np.testing.assert_allclose(places, [[30, 65, np.log(60)], [1, 1, np.log(2)]])
    assert to_places([]).shape == (0, 3)


@pytest.mark.parametrize("fps", [5, 25, 60])
def test_steady_motion_is_learned_and_goes_on_through_a_gap(fps):
    motion, place = walk(fps)
    np.testing.assert_allclose(motion.speeds[0], [100, -40, 0.2], rtol=0.05)
    unseen = motion.predict(0.9, liveliness=3.0)
    np.testing.assert_allclose(unseen.places[0, :2], place[0, :2] + [90, -36], atol=5)
    assert unseen.places[0, 2] == pytest.approx(place[0, 2] + 0.18, abs=0.02)


def test_a_prediction_in_one_step_is_that_of_many():
    motion, _ = walk(25)
    many = motion
    for _ in range(30):
        many = many.predict(0.03, liveliness=3.0)
    once = motion.predict(0.9, liveliness=3.0)
    np.testing.assert_allclose(many.places, once.places, rtol=1e-9)
    # Noise scales with the size, and that grows on the way: so the variances agree only about.
    np.testing.assert_allclose(many.place_variances, once.place_variances, rtol=0.4)


def test_uncertainty_grows_unseen_and_shrinks_seen():
    motion, place = walk(25)
    unseen = motion.predict(0.5, liveliness=3.0)
    seen = unseen.correct(np.array([0]), place, wobble=0.03)
    assert (unseen.place_variances > 10 * motion.place_variances).all()
    assert (seen.place_variances < unseen.place_variances / 10).all()


def test_the_stated_uncertainty_is_the_real_one():
    errors = []
    for seed in range(60):
        motion, place = walk(25, seed=seed, seconds=1.0)
        errors.append((motion.places - place) ** 2 / motion.place_variances)
    assert 0.2 < np.mean(errors) < 1.5  # the walk is steadier than the filter believes, so that it is rather under 1


def test_near_faces_move_as_far_ones_do():
    small, _ = walk(25, size=20.0, speed=(40.0, 0.0, 0.0))
    large, _ = walk(25, size=200.0, speed=(400.0, 0.0, 0.0))
    np.testing.assert_allclose(large.speeds[0, :2], 10 * small.speeds[0, :2], rtol=1e-6)
    np.testing.assert_allclose(large.place_variances[0, :2], 100 * small.place_variances[0, :2], rtol=1e-6)


def test_only_who_was_seen_is_corrected_and_nothing_in_place():
    both = walk(25)[0].join(walk(25)[0])
    before = both.places.copy()
    after = both.correct(np.array([1]), both.places[[1]] + [20, 20, 0.2], wobble=0.03)
    np.testing.assert_array_equal(after.places[0], both.places[0])
    assert (after.places[1] > both.places[1]).all()
    np.testing.assert_array_equal(both.places, before)


def test_a_turned_camera_shifts_places_alone():
    motion, _ = walk(25)
    shifted = motion.shift(np.array([7.0, -3.0]))
    np.testing.assert_allclose(shifted.places - motion.places, [[7, -3, 0]])
    np.testing.assert_array_equal(shifted.speeds, motion.speeds)


def test_each_box_is_trusted_by_its_own_wobble():
    both = walk(25)[0].join(walk(25)[0])
    places = both.places + np.array([10, 10, 0.1])
    rows = np.array([0, 1])
    after = both.correct(rows, places, wobble=np.array([0.03, 0.09]))
    assert (after.places[0] > after.places[1]).all()
    for row, wobble in enumerate((0.03, 0.09)):
        alone = both.correct(rows, places, wobble=wobble)
        np.testing.assert_array_equal(after.places[row], alone.places[row])
        np.testing.assert_array_equal(after.speeds[row], alone.speeds[row])
