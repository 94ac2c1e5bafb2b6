"""What counts as a whole number."""

from fractions import Fraction

import numpy as np
import pytest

from mien.core.arguments import check_whole
from mien.core.errors import InputError


@pytest.mark.parametrize("value", [1, 8, np.int64(8), np.uint8(3)])
def test_a_whole_number_within_its_range_becomes_pythons_own(value):
    assert type(check_whole("threads", value, 1, 8)) is int
    assert check_whole("threads", value, 1) == value


@pytest.mark.parametrize(
    "value", [0, 9, True, 1.0, np.float64(2), Fraction(2), "2", None, [2], float("nan"), -(10**30)]
)
def test_anything_else_is_refused_with_its_name_and_range(value):
    with pytest.raises(InputError, match=r"^threads is a whole number from 1 to 8, got "):
        check_whole("threads", value, 1, 8)


def test_without_a_largest_there_is_none():
    assert check_whole("size_px", 10**30, 1) == 10**30
    with pytest.raises(InputError, match=r"from 1 on, got 0\."):
        check_whole("size_px", 0, 1)
