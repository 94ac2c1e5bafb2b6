import dataclasses
import json

import numpy as np
import pytest

from mien.core.errors import InputError
from mien.core.geometry import Box, iou


def test_a_box_is_its_corner_and_its_size():
    assert Box(1, 2.5, 30, 40).to_list() == [1.0, 2.5, 30.0, 40.0]


def test_a_box_may_reach_over_the_border():
    assert Box(-5, -5, 1000, 1000).x == -5


def test_numbers_of_numpy_become_plain_ones():
    box = Box(np.float32(1.5), np.int64(2), np.uint8(3), np.float64(4))
    assert json.dumps(box.to_list()) == "[1.5, 2.0, 3.0, 4.0]"
    assert box == Box(1.5, 2, 3, 4)


@pytest.mark.parametrize("values", [(0, 0, 0, 1), (0, 0, 1, -1)])
def test_a_box_without_extent_is_refused_with_its_size(values):
    with pytest.raises(InputError, match=f"{values[2]}.* x {values[3]}"):
        Box(*values)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "1", [1]])
def test_a_side_that_is_no_finite_number_is_refused(value):
    for position in range(4):
        values = [1.0, 1.0, 1.0, 1.0]
        values[position] = value
        with pytest.raises(InputError, match="four finite numbers"):
            Box(*values)


def test_a_box_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Box(1, 2, 3, 4).x = 5


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Box(0, 0, 10, 10), 1.0),
        (Box(5, 0, 10, 10), 50 / 150),
        (Box(2, 2, 5, 5), 25 / 100),
        (Box(10, 0, 10, 10), 0.0),
        (Box(20, 20, 3, 3), 0.0),
        (Box(-5, -5, 10, 10), 25 / 175),
    ],
)
def test_the_iou_of_two_boxes(other, expected):
    assert iou(Box(0, 0, 10, 10), other) == pytest.approx(expected) == iou(other, Box(0, 0, 10, 10))
