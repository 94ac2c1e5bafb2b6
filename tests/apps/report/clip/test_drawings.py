"""What a film's page draws: lanes, areas and curves lie where the insights say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from mien.apps.report.clip.area import stack, stack_once
from mien.apps.report.clip.curve import draw_curve
from mien.apps.report.clip.hues import list_hues
from mien.apps.report.clip.lanes import COLUMNS, MOST_LANES, draw_lanes
from mien.apps.report.clip.series import Slot, list_slots, split_runs
from mien.apps.report.clip.times import Span, show_length, show_time
from mien.core.geometry import Box
from mien.core.labels import EXPRESSIONS
from mien.core.moments import Moment, Sighting
from mien.core.results import Face, Quality
from mien.inference.insights.collector import ClipInsights, Insights
from mien.inference.insights.settings import InsightSettings

_HAPPY, _SAD = EXPRESSIONS.index("happy"), EXPRESSIONS.index("sad")


def _watch(shown: dict[int, str], fps: float = 10.0, start_s: float = 0.0, frames: int = 100) -> ClipInsights:
    """Return what a film shows in which person 1 shows `shown[n]` from frame n on, "" being away."""
    insights = Insights(InsightSettings())
    label = ""
    for frame in range(frames):
        label = shown.get(frame, label)
        values = {name: 0.76 if name == label else 0.04 for name in EXPRESSIONS}
        face = Face(Box(10, 10, 60, 60), 0.9, None, values, Quality(60.0)) if label else None
        seen = () if face is None else (Sighting(1, face, values, label),)
        insights.add(Moment(frame, start_s + frame / fps, 640, 480, seen))
    return insights.summarize()


def _span(insights: ClipInsights) -> Span:
    assert insights.timeline is not None
    return Span(insights.timeline.start_s, insights.duration_s)


def _rectangles(path: str) -> list[tuple[float, float]]:
    return [(int(first) / COLUMNS, int(last) / COLUMNS) for first, last in re.findall(r"M(\d+) \d+H(\d+)v", path)]


@pytest.mark.parametrize("start_s", [0.0, 61.0])
def test_a_lane_shows_episodes_where_they_are_and_gaps_where_nobody_is(start_s: float) -> None:
    insights = _watch({0: "happy", 30: "sad", 50: "", 80: "happy"}, start_s=start_s)
    assert insights.timeline is not None
    (lane,) = draw_lanes(insights, insights.timeline, _span(insights))
    bands = {band.position: _rectangles(band.path) for band in lane.episodes}
    assert set(bands) == {_HAPPY, _SAD}
    assert bands[_HAPPY] == [(0.0, pytest.approx(0.3)), (pytest.approx(0.8), 1.0)]
    assert bands[_SAD] == [(pytest.approx(0.3), pytest.approx(0.5))]
    assert lane.brief == ()
    assert [name.label for name in lane.names] == ["happy", "sad", "happy"]
    assert "seen for 7.0 s" in lane.description


def test_a_gap_within_an_episode_is_empty() -> None:
    insights = _watch({0: "happy", 40: "", 45: "happy"})  # half a second does not end it
    assert len(insights.episodes) == 1
    assert insights.timeline is not None
    (lane,) = draw_lanes(insights, insights.timeline, _span(insights))
    assert _rectangles(lane.episodes[0].path) == [(0.0, pytest.approx(0.4)), (pytest.approx(0.45), 1.0)]


def test_what_is_too_brief_for_an_episode_is_a_thin_line() -> None:
    insights = _watch({0: "happy", 50: "sad", 52: "happy"})
    assert {episode.expression for episode in insights.episodes} == {"happy"}
    assert insights.timeline is not None
    (lane,) = draw_lanes(insights, insights.timeline, _span(insights))
    (band,) = lane.brief
    assert band.position == _SAD
    assert _rectangles(band.path) == [(pytest.approx(0.5), pytest.approx(0.52))]
    assert "v4" in band.path
    assert "v12" in lane.episodes[0].path


def test_the_edge_of_an_episode_within_a_long_bin_is_no_thin_line() -> None:
    insights = _watch({0: "", 1003: "happy", 5007: ""}, frames=10_000)  # bins are longer than a second by now
    assert insights.timeline is not None
    assert insights.timeline.bin_s > 1.0
    (lane,) = draw_lanes(insights, insights.timeline, _span(insights))
    assert lane.brief == ()
    assert _rectangles(lane.episodes[0].path) == [(pytest.approx(0.1003, abs=1e-3), pytest.approx(0.5007, abs=1e-3))]


def test_of_too_many_persons_the_longest_seen_are_drawn(
    film: Callable[..., Iterator[Moment]], insights_of: Callable[..., ClipInsights]
) -> None:
    insights = insights_of(film(MOST_LANES + 15, 60.0, 1.0))
    assert insights.timeline is not None
    lanes = draw_lanes(insights, insights.timeline, _span(insights))
    shortest = min(person.seen_s for person in insights.persons if person.person in {lane.person for lane in lanes})
    left_out = {person.person for person in insights.persons} - {lane.person for lane in lanes}
    assert len(lanes) == MOST_LANES
    assert left_out
    assert all(person.seen_s <= shortest for person in insights.persons if person.person in left_out)
    assert [lane.person for lane in lanes] == sorted(lane.person for lane in lanes)


def test_slots_keep_the_means_when_bins_are_merged() -> None:
    insights = _watch({0: "happy", 30: "sad", 50: ""})
    timeline = insights.timeline
    assert timeline is not None
    fine = list_slots(timeline.persons[1], timeline, _span(insights), 1000)
    coarse = list_slots(timeline.persons[1], timeline, _span(insights), 7)
    assert len(coarse) < len(fine)
    for position in (_HAPPY, _SAD):
        sums = [
            sum(
                slot.values[position] * (slot.persons or 0.0) * (slot.right - slot.left)
                for slot in slots
                if slot.values
            )
            for slots in (fine, coarse)
        ]
        assert sums[0] == pytest.approx(sums[1])
    assert [slot.persons for slot in fine] == pytest.approx([1.0] * len(fine))


def _slot(number: int, values: tuple[float, ...] | None, valence: float | None = 0.0) -> Slot:
    return Slot(number / 4, (number + 1) / 4, values, valence, 1.0)


def test_stacks_begin_anew_after_a_gap_and_end_at_the_top() -> None:
    hues = list_hues(("neutral", "happy"))
    slots = [_slot(0, (0.25, 0.75)), _slot(1, None), _slot(2, (1.0, 0.0)), _slot(3, (0.5, 0.5))]
    assert [len(run) for run in split_runs(slots)] == [1, 2]
    top, ground = stack(slots, hues, is_stepped=True)
    assert (top.position, ground.position) == (0, 1)
    assert top.path == "M0 100H0V0H250V100ZM500 100H500V0H1000V100Z"
    assert ground.path == "M0 100H0V25H250V100ZM500 100H500V100H750V50H1000V100Z"
    assert stack_once((0.25, 0.75), hues)[1].path == "M750 0H1000V100H750Z"


def test_labels_that_are_never_shown_are_not_painted() -> None:
    hues = list_hues(("neutral", "happy"))
    assert [band.position for band in stack([_slot(0, (0.0, 1.0))], hues)] == [1]
    assert [band.position for band in stack([_slot(0, (0.1, 0.9))], hues)] == [0, 1]


def test_a_curve_crosses_zero_where_it_does_and_breaks_at_gaps() -> None:
    slots = [_slot(0, (1.0,), 0.4), _slot(1, (1.0,), -0.4), _slot(2, None, None), _slot(3, (1.0,), 0.4)]
    curve = draw_curve(slots)
    assert curve is not None
    assert curve.line.count("M") == 2
    assert "L250 50L" in curve.line
    assert curve.above.endswith("Z")
    assert curve.above.count("Z") == 2
    assert curve.below == "M250 50L375 73.5L500 73.5L500 50Z"
    assert draw_curve([_slot(0, (1.0,), None)]) is None


def test_hues_are_those_of_the_other_report_and_neutral_is_quiet() -> None:
    look = pytest.importorskip("mien.apps.report.look", reason="the other report needs matplotlib")
    for hue in list_hues(EXPRESSIONS):
        if hue.label == "neutral":
            assert hue.light != hue.dark
        else:
            assert hue.light == hue.dark == look.EXPRESSION_COLORS[hue.label]
    assert next(hue.label for hue in list_hues(EXPRESSIONS)) == "happy"
    assert [hue.label for hue in list_hues(EXPRESSIONS)][-1] == "neutral"
    assert len({hue.light for hue in list_hues(("a", "b", "c", "d"))}) == 4


def test_letters_can_be_read_on_every_color() -> None:
    def luminance(color: str) -> float:
        channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for hue in list_hues(EXPRESSIONS):
        for paper, ink in ((hue.light, hue.on_light), (hue.dark, hue.on_dark)):
            dark, light = sorted((luminance(paper), luminance(ink)))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, hue


def test_times_are_rounded_as_a_whole() -> None:
    assert [show_time(value) for value in (0, 59.6, 3599.7, 7265)] == ["0:00", "1:00", "1:00:00", "2:01:05"]
    assert [show_time(value, tenths=True) for value in (5.04, 59.96)] == ["0:05.0", "1:00.0"]
    assert [show_length(value) for value in (4.24, 59.96, 65, 7265)] == ["4.2 s", "1:00 min", "1:05 min", "2:01:05 h"]


@pytest.mark.parametrize("length_s", [0.3, 1.0, 7.0, 60.0, 100.0, 3600.0, 10800.0, 86400.0 * 30])
@pytest.mark.parametrize("start_s", [0.0, 12.3])
def test_ticks_are_few_round_and_within(length_s: float, start_s: float) -> None:
    ticks = Span(start_s, length_s).list_ticks()
    assert 2 <= len(ticks) <= 9
    assert all(0.0 <= tick.place <= 1.0 for tick in ticks)
    assert len({tick.text for tick in ticks}) == len(ticks)
    assert not ticks[0].is_minor


def test_a_span_without_length_has_no_ticks() -> None:
    assert Span(0.0, 0.0).list_ticks() == []
