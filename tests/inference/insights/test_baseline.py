from hypothesis import given
from hypothesis import strategies as st

from mien.inference.insights.baseline import ValenceMedian


def test_the_median_is_weighted_by_seconds():
    median = ValenceMedian()
    median.add(-0.2, 9.0)
    assert median.find() is None, "too short"
    median.add(0.8, 8.0)
    assert median.find() == -0.2
    median.add(0.8, 1.5)
    assert median.find() == 0.8


@given(st.lists(st.floats(-1, 1), min_size=11, max_size=61).filter(lambda values: len(values) % 2))
def test_it_is_the_middle_value(values):
    median = ValenceMedian()
    for value in values:
        median.add(value, 1.0)
    assert abs(median.find() - sorted(values)[len(values) // 2]) <= 0.005 + 1e-9
