import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mien.core.errors import InputError
from mien.core.labels import EXPRESSIONS
from mien.inference.track.smoothing import Smoother, SmoothingSettings

STILL = SmoothingSettings(margin=0.0, dwell_s=0.0)


def show(**likely: float) -> dict[str, float]:
    """Return the seven probabilities; what is not named shares the rest."""
    rest = (1.0 - sum(likely.values())) / (len(EXPRESSIONS) - len(likely))
    return {label: likely.get(label, rest) for label in EXPRESSIONS}


NEUTRAL, HAPPY = show(neutral=0.8, happy=0.05), show(happy=0.8, neutral=0.05)


def find_delay_s(fps: float, settings: SmoothingSettings, before=NEUTRAL, after=HAPPY, phase: float = 0.0) -> float:
    """Return the time from the first changed frame to the first with another label."""
    smoother, change = Smoother(settings), round(2 * fps)
    for number in range(round(5 * fps)):
        time_s = phase + number / fps
        _, label = smoother.update(1, after if number >= change else before, time_s)
        if number >= change and label == "happy":
            return time_s - phase - change / fps
        assert label == "neutral"
    return math.inf


@pytest.mark.parametrize("fps", [10, 25, 30, 60])
def test_a_real_change_shows_within_300_ms(fps):
    assert 0.1 < find_delay_s(fps, SmoothingSettings()) <= 0.3
    assert find_delay_s(fps, SmoothingSettings(time_constant_s=0.4)) > 0.3, "the control"


def test_sparse_frames_are_not_held_back():
    assert find_delay_s(2, SmoothingSettings()) == 0.0
    assert find_delay_s(1, SmoothingSettings()) == 0.0


def test_a_faint_change_shows_later():
    faint = find_delay_s(60, SmoothingSettings(), after=show(happy=0.5, neutral=0.3))
    assert find_delay_s(60, SmoothingSettings()) < faint < 1.0


def test_a_lead_under_the_margin_never_shows():
    assert find_delay_s(25, SmoothingSettings(), after=show(happy=0.44, neutral=0.36)) == math.inf
    assert find_delay_s(25, STILL, after=show(happy=0.44, neutral=0.36)) < 1.0


def test_the_first_frame_is_taken_as_it_is_and_the_next_goes_part_of_the_way():
    smoother = Smoother(SmoothingSettings(time_constant_s=0.2))
    assert smoother.update(1, NEUTRAL, 3.0) == (NEUTRAL, "neutral")
    smoothed, label = smoother.update(1, HAPPY, 3.1)
    assert smoothed["happy"] == pytest.approx(0.8 - 0.75 * math.exp(-0.5))
    assert label == "neutral"


def test_the_lead_must_last():
    smoother = Smoother(SmoothingSettings(time_constant_s=0.0, margin=0.1, dwell_s=0.1))
    shown = [NEUTRAL, HAPPY, HAPPY, NEUTRAL, HAPPY, HAPPY, HAPPY]
    labels = [smoother.update(1, one, number * 0.06)[1] for number, one in enumerate(shown)]
    assert labels == ["neutral", "neutral", "happy", "happy", "happy", "happy", "happy"]
    blinks = Smoother(SmoothingSettings(time_constant_s=0.0, margin=0.1, dwell_s=0.15))
    assert {blinks.update(1, one, number * 0.06)[1] for number, one in enumerate(shown[:6])} == {"neutral"}


def show_in_turn(
    smoother: Smoother, *shown: tuple[dict[str, float], float], fps: float = 50
) -> list[tuple[str, float]]:
    """Return each label with the time it came up, of probabilities that are shown for so many seconds each."""
    labels: list[tuple[str, float]] = []
    time_s = 0.0
    for probabilities, seconds in shown:
        for _ in range(round(seconds * fps)):
            _, label = smoother.update(1, probabilities, time_s)
            if not labels or labels[-1][0] != label:
                labels.append((label, time_s))
            time_s += 1 / fps
    return labels


def test_a_clear_return_shows_within_300_ms_too():
    course = show_in_turn(Smoother(), (NEUTRAL, 1.0), (HAPPY, 1.0), (NEUTRAL, 1.0))
    assert [label for label, _ in course] == ["neutral", "happy", "neutral"]
    assert 0.1 < course[2][1] - 2.0 <= 0.3 + 1e-6


def test_a_faint_return_waits_until_the_label_was_left_long_ago():
    faint = show(neutral=0.5, happy=0.25)
    turns = (NEUTRAL, 1.0), (HAPPY, 1.0), (faint, 4.0)
    settings = SmoothingSettings(return_s=3.0)
    course = show_in_turn(Smoother(settings), *turns)
    left_s = course[1][1]
    assert [label for label, _ in course] == ["neutral", "happy", "neutral"]
    assert course[2][1] == pytest.approx(left_s + settings.return_s, abs=0.12)
    plain = show_in_turn(Smoother(SmoothingSettings(return_s=0.0)), *turns)
    assert plain[2][1] < 3.0, "the control"
    other = show_in_turn(Smoother(settings), *turns[:2], (show(sad=0.5, happy=0.25), 1.0))
    assert other[2][0] == "sad", "a label that was not left lately needs no more than ever"


def test_who_was_away_for_long_begins_anew():
    for gap_s, expected in ((1.0, "neutral"), (1.01, "happy")):
        smoother = Smoother(SmoothingSettings(time_constant_s=5.0, restart_after_s=1.0))
        smoother.update(1, NEUTRAL, 0.0)
        assert smoother.update(1, HAPPY, gap_s)[1] == expected


def test_persons_do_not_mix_and_are_forgotten():
    smoother = Smoother()
    smoother.update(1, NEUTRAL, 0.0)
    assert smoother.update(2, HAPPY, 0.0) == (HAPPY, "happy")
    smoother.forget_all_but({2})
    assert smoother.update(1, HAPPY, 0.04) == (HAPPY, "happy")
    assert smoother.update(2, NEUTRAL, 0.04)[1] == "happy", "the control: the other is known"


def test_without_settings_all_stays_raw():
    smoother = Smoother(None)
    for number, one in enumerate((NEUTRAL, HAPPY, NEUTRAL)):
        assert smoother.update(1, one, number / 25) == (one, max(one, key=one.__getitem__))


def count_changes(smoother: Smoother, films: np.ndarray) -> list[int]:
    """Return for each film of (T, 7) probabilities at 25 frames a second how often its label changes."""
    counts = []
    for person, film in enumerate(films):
        rows = [dict(zip(EXPRESSIONS, row, strict=True)) for row in film.tolist()]
        labels = [smoother.update(person, row, number / 25)[1] for number, row in enumerate(rows)]
        counts.append(sum(one != other for one, other in pairwise(labels)))
    return counts


def test_a_still_face_between_two_labels_does_not_flicker():
    random = np.random.default_rng(0)
    logits = np.log([0.02, 0.01, 0.02, 0.02, 0.44, 0.03, 0.46]) + random.normal(0, 0.35, (20, 250, 7))
    films = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    before, after = count_changes(Smoother(None), films), count_changes(Smoother(), films)
    assert min(before) > 50
    assert max(after) <= 1
    assert sum(after) <= sum(before) / 5
    assert max(count_changes(Smoother(SmoothingSettings(margin=0.0, dwell_s=0.0, return_s=0.0)), films)) > 1, "control"


@pytest.mark.parametrize("fps", [20, 50])
def test_the_frame_rate_does_not_matter(fps):
    """A signal that changes at frames of both rates has the same course at either one."""
    ends = []
    for rate in (10, fps):
        smoother = Smoother()
        for number in range(1, 3 * rate + 1):
            time_s = number / rate
            probabilities, label = smoother.update(1, HAPPY if 1.0 < time_s <= 1.5 else NEUTRAL, time_s)
            if number % (rate // 10) == 0:
                ends.append((round(time_s, 6), probabilities["happy"], label))
    slow, fast = ends[: len(ends) // 2], ends[len(ends) // 2 :]
    assert [one[0] for one in slow] == [one[0] for one in fast]
    np.testing.assert_allclose([one[1] for one in slow], [one[1] for one in fast], atol=1e-9)
    assert [one[2] for one in slow] == [one[2] for one in fast]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 2), st.lists(st.floats(0.01, 1), min_size=7, max_size=7)), min_size=1, max_size=12)
)
def test_smoothed_probabilities_sum_to_1_and_stay_among_those_seen(steps):
    smoother, time_s, seen = Smoother(), 0.0, []
    for step_s, weights in steps:
        time_s += step_s
        raw = {label: weight / sum(weights) for label, weight in zip(EXPRESSIONS, weights, strict=True)}
        seen.append(list(raw.values()))
        probabilities, label = smoother.update(1, raw, time_s)
        assert sum(probabilities.values()) == pytest.approx(1.0)
        assert label in EXPRESSIONS
        values = np.array(list(probabilities.values()))
        assert (values >= np.min(seen, axis=0) - 1e-9).all()
        assert (values <= np.max(seen, axis=0) + 1e-9).all()


@pytest.mark.parametrize(
    "bad",
    [
        {"margin": 1.0},
        {"return_margin": 1.0},
        {"return_s": -1.0},
        {"margin": -0.1},
        {"time_constant_s": math.nan},
        {"dwell_s": math.inf},
    ],
)
def test_settings_that_make_no_sense_are_refused(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        SmoothingSettings(**bad)


def test_bad_frames_are_refused():
    smoother = Smoother()
    smoother.update(1, NEUTRAL, 1.0)
    with pytest.raises(InputError, match="order of their times"):
        smoother.update(1, NEUTRAL, 0.9)
    with pytest.raises(InputError, match="labels stay the same"):
        smoother.update(1, {"smile": 0.5, "other": 0.5}, 1.1)
    with pytest.raises(InputError, match="sum to 1"):
        smoother.update(1, {"happy": 0.5}, 1.1)
    with pytest.raises(InputError, match="finite"):
        smoother.update(1, NEUTRAL, math.nan)
