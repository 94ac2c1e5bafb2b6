"""Time stamps into times."""

from __future__ import annotations

import pytest

from mien.inference.media.video.clock import Clock


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        ([5.0, 5.1, 5.4], [0.0, 0.1, 0.4]),
        ([None, None, None], [0.0, 0.1, 0.2]),
        ([2.0, None, 2.2, None], [0.0, 0.1, 0.2, 0.3]),
        ([None, 7.0, 7.3], [0.0, 0.1, 0.4]),
        ([0.0, 0.1, 0.05, 0.3], [0.0, 0.1, 0.2, 0.3]),  # one stamp leads backward
        ([0.0, 0.1, 0.2, 0.0, 0.1, 0.2], [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),  # they begin anew
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    ],
)
def test_times_begin_at_zero_and_never_lead_backward(stamps, times):
    clock = Clock(rate=10.0)
    read = [clock.read(stamp) for stamp in stamps]
    assert read == pytest.approx(times)
    assert read == sorted(read)


def test_a_first_stamp_can_be_given():
    assert Clock(rate=None, first_s=3.0).read(5.0) == 2.0


@pytest.mark.parametrize(
    ("stamps", "times", "moved_s"),
    [
        ([0.0, 0.1, 9.1, 9.2], [0.0, 0.1, 9.1, 9.2], 0.0),
        ([0.0, 0.1, 90.0, 90.1], [0.0, 0.1, 0.2, 0.3], 89.8),
        ([0.0, 0.1, 90.0, 0.3], [0.0, 0.1, 0.2, 0.3], 0.0),  # one stamp leads astray
        ([0.0, 0.1, 90.0, 90.1, 0.0, 0.1], [0.0, 0.1, 0.2, 0.3, 0.4, 0.5], -0.4),
    ],
)
def test_what_leads_ahead_by_more_than_any_gap_begins_anew(stamps, times, moved_s):
    clock = Clock(rate=10.0, longest_gap_s=10.0)
    assert [clock.read(stamp) for stamp in stamps] == pytest.approx(times)
    assert clock.moved_s == pytest.approx(moved_s)
