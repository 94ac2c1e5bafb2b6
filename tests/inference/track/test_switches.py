"""The bars: identity switches on scenes whose truth is known, with the plain tracker as the control."""

import pytest

from mien.inference.track.tracker import Tracker


@pytest.mark.parametrize("seed", range(3))
def test_at_most_one_switch_in_twenty_crossings(tracking, seed):
    switches, mixed = tracking.count_all("crossing", 20, seed, Tracker)
    assert switches <= 1
    assert mixed <= 1


@pytest.mark.parametrize("kind", ["gap of one face", "gap of both faces"])
def test_no_switch_on_gaps_under_a_second(tracking, kind):
    assert tracking.count_all(kind, 15, 0, Tracker) == (0, 0)


@pytest.mark.parametrize("kind", ["crossing", "gap of one face", "gap of both faces"])
def test_the_plain_tracker_misses_these_bars(tracking, kind):
    switches, _ = tracking.count_all(kind, 12, 0, tracking.PlainTracker)
    assert switches > 3


@pytest.mark.parametrize("kind", ["camera shake", "group of eight"])
def test_a_third_of_the_plain_trackers_switches_at_most(tracking, kind):
    ours, plain = (tracking.count_all(kind, 9, 0, one)[0] for one in (Tracker, tracking.PlainTracker))
    assert plain > 10
    assert ours <= plain / 3


def test_the_count_counts(tracking):
    scene = next(iter(tracking.make_scenes("crossing", 1, 0)))

    class Swaps:
        """Knows the truth until half way, and has it the wrong way round after that."""

        def update(self, found, time_s):
            truths = next(look.truths for look in scene if look.time_s == time_s)
            is_late = time_s > scene[-1].time_s / 2
            return [99 if who is None else 1 + (1 - who if is_late else who) for who in truths]

    assert tracking.count_mistakes(scene, Swaps()) == (2, 2)
