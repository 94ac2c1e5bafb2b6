import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.inference.insights.bins import find_bin, split_span


def test_a_span_is_cut_at_borders():
    assert list(split_span(0.5, 2.25, 1.0)) == [(0, 0.5), (1, 1.0), (2, 0.25)]
    assert list(split_span(1.0, 2.0, 1.0)) == [(1, 1.0)]
    assert list(split_span(1.0, 1.0, 1.0)) == []


def test_rounding_makes_no_slivers():
    assert find_bin(0.3 - 1e-12, 0.1) == 3
    assert [number for number, _ in split_span(0.1 + 0.2, 0.6 + 1e-12, 0.1)] == [3, 4, 5]


@given(st.floats(0, 1e5), st.floats(1e-3, 30), st.sampled_from([0.1, 0.25, 3.0, 10.0]))
def test_nothing_is_lost(start_s, length_s, bin_s):
    pieces = list(split_span(start_s, start_s + length_s, bin_s))
    assert sum(seconds for _, seconds in pieces) == pytest.approx(length_s, rel=1e-6)
    assert [number for number, _ in pieces] == list(range(pieces[0][0], pieces[0][0] + len(pieces)))
    assert all(0 < seconds <= bin_s * 1.00001 for _, seconds in pieces)
