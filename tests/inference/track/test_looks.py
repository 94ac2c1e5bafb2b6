"""A sketch shows the face and not its light; looks are learned slowly, and only where there is something to see."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="tracking needs the video extra")

from mien.core.errors import InputError
from mien.inference.track.looks import DOTS, UNKNOWN, Looks, sketch, stack, stand_apart


def draw(seed, size=48):
    """Return a crop of large soft blots."""
    blots = np.random.default_rng(seed).integers(60, 180, (6, 6), dtype=np.uint8)
    return np.kron(blots, np.ones((size // 6, size // 6), np.uint8))


def test_a_sketch_is_a_direction_and_two_faces_differ():
    one, other = sketch(draw(0)), sketch(draw(1))
    assert one.shape == (DOTS,)
    assert one.dtype == np.float32
    assert one.mean() == pytest.approx(0, abs=1e-6)
    assert one @ one == pytest.approx(1, abs=1e-5)
    assert one @ other < 0.5


@pytest.mark.parametrize(
    "change",
    [
        lambda crop: crop // 2,
        lambda crop: crop + 40,
        lambda crop: np.repeat(crop[..., None], 3, axis=2),
        lambda crop: np.kron(crop, np.ones((2, 2), np.uint8)),
    ],
    ids=["darker", "brighter", "in color", "larger"],
)
def test_light_color_and_size_do_not_show(change):
    assert sketch(change(draw(0))) @ sketch(draw(0)) > 0.99


def test_the_corners_are_ground():
    crop = draw(0)
    crop[:4, :4], crop[-4:, -4:] = 0, 255
    assert sketch(crop) @ sketch(draw(0)) > 0.999


def test_a_flat_crop_shows_nothing():
    grain = np.random.default_rng(0).integers(99, 102, (48, 48), dtype=np.uint8)
    for crop in (np.full((48, 48), 100, np.uint8), grain):
        assert not sketch(crop).any()


def test_looks_come_one_a_face():
    assert stack(None, 2).tolist() == np.zeros((2, DOTS)).tolist()
    assert stack([], 0).shape == (0, DOTS)
    with pytest.raises(InputError, match=r"2 faces .* got 1"):
        stack([sketch(draw(0))], 2)
    with pytest.raises(InputError, match=r"\(3,\)"):
        stack([np.zeros(3, np.float32)], 1)


def test_what_is_not_known_is_in_between():
    seen = stack([sketch(draw(0)), np.zeros(DOTS, np.float32)], 2)
    looks = Looks.begin(2)
    assert (looks.compare(seen) == UNKNOWN).all()
    looks = looks.learn(np.array([1]), seen[:1], step_s=0.04, over_s=1.0)
    assert looks.are_known.tolist() == [False, True]
    assert looks.compare(seen)[0].tolist() == [UNKNOWN, UNKNOWN]
    assert looks.compare(seen)[1].tolist() == [pytest.approx(1.0), UNKNOWN]
    unseen = looks.learn(np.array([0, 1]), np.zeros((2, DOTS), np.float32), step_s=0.04, over_s=1.0)
    assert unseen.compare(seen).tolist() == looks.compare(seen).tolist()


@pytest.mark.parametrize("rate", [10, 50])
def test_another_look_is_learned_in_a_second_at_any_rate(rate):
    seen = stack([sketch(draw(0)), sketch(draw(1))], 2)
    looks, row = Looks.begin(1), np.array([0])
    for _ in range(3 * rate):
        looks = looks.learn(row, seen[:1], step_s=1 / rate, over_s=1.0)
    likeness = []
    for _ in range(3 * rate):
        looks = looks.learn(row, seen[1:], step_s=1 / rate, over_s=1.0)
        likeness.append(looks.compare(seen)[0, 1])
    assert likeness[rate // 5] < 0.6
    assert likeness[2 * rate] > 0.9


def test_who_stands_apart():
    places = np.array([[100, 100, np.log(50)], [140, 100, np.log(50)], [300, 100, np.log(50)]])
    everybody = np.ones(3, bool)
    assert stand_apart(places, places, np.arange(3), everybody).tolist() == [False, False, True]
    assert stand_apart(places[:1], places[[0, 2]], np.array([0]), everybody[:2]).tolist() == [True]
    assert stand_apart(places[:1], places, np.array([0]), np.array([True, False, True])).tolist() == [True]


@pytest.mark.parametrize(
    ("likeness", "is_one"),
    [
        ([0.65, 0.6], True),
        ([0.55, 0.1], True),
        ([0.55, 0.3], False),
        ([0.35, -0.4], False),
        ([0.55, 0.55], False),
    ],
    ids=["by itself", "beside the other", "too like the other", "hardly at all", "like both"],
)
def test_a_face_is_known_by_itself_or_beside_all_others(likeness, is_one):
    looks = Looks.begin(2).learn(np.array([0, 1]), np.stack([sketch(draw(0)), sketch(draw(1))]), step_s=0.0, over_s=1.0)
    assert looks.recognize(np.array([likeness]).T, 0.6)[0, 0] == is_one


def test_nobody_stands_out_alone_or_unknown():
    alone = Looks.begin(1).learn(np.array([0]), sketch(draw(0))[None], step_s=0.0, over_s=1.0)
    assert not alone.recognize(np.array([[0.55]]), 0.6).any()
    assert not Looks.begin(2).recognize(np.array([[0.55], [0.1]]), 0.6).any()
    assert Looks.begin(0).recognize(np.zeros((0, 3)), 0.6).shape == (0, 3)
