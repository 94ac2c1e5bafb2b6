import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import InputError
from mien.core.labels import EXPRESSIONS
from mien.inference.insights.collector import Insights
from mien.inference.insights.group import GroupSettings
from mien.inference.insights.settings import InsightSettings


def collect(film, group=None, **changes):
    insights = Insights(InsightSettings(**changes), group=group)
    for moment in film:
        insights.add(moment)
    return insights.summarize()


def test_a_film_made_by_hand(make_film):
    sure, unsure = ("happy", 1.0), ("neutral", 0.4)
    clip = collect(make_film(2, {1: sure}, {1: sure}, {1: unsure, 2: "sad"}, {}, {1: unsure}, {1: sure}))
    assert (clip.duration_s, clip.frames, clip.frames_with_faces) == (3.0, 6, 5)
    one, two = clip.persons
    assert (one.first_s, one.last_s, one.until_s, one.seen_s) == (0.0, 2.5, 3.0, 2.5)
    assert one.shares == {**dict.fromkeys(EXPRESSIONS, 0.0), "happy": pytest.approx(0.6), "neutral": pytest.approx(0.4)}
    assert one.certain_share == pytest.approx(0.6)
    assert one.changes_per_minute == pytest.approx(60 * 2 / 2.5)
    assert (one.first_smile_s, one.longest_smile_s) == (0.0, 1.0)
    unsure_valence = 0.1 * (0.81 - 0.51 - 0.60 - 0.64 - 0.63)
    assert one.mean_valence == pytest.approx(0.6 * 0.81 + 0.4 * unsure_valence)
    assert one.baseline_valence is None
    assert (two.seen_s, two.first_smile_s, two.longest_smile_s, two.changes_per_minute) == (0.5, None, 0.0, 0.0)
    assert [(e.person, e.expression, e.start_s, e.end_s) for e in clip.episodes] == [
        (1, "happy", 0.0, 1.0),
        (1, "neutral", 1.0, 2.5),
        (2, "sad", 1.0, 1.5),
        (1, "happy", 2.5, 3.0),
    ]
    assert clip.group is None
    assert sum(clip.timeline.everyone.seen_s) == pytest.approx(3.0)
    assert json.loads(json.dumps(clip.to_dict())) == clip.to_dict()


def test_a_step_counts_for_no_longer_than_the_longest(make_film):
    film = make_film(0.2, {1: "happy"}, {1: "happy"})
    assert collect(film).persons[0].seen_s == 2.0
    assert collect(film, longest_step_s=5.0).persons[0].seen_s == 10.0
    assert len(collect(film).episodes) == 2, "four seconds are not told of"
    assert len(collect(film, longest_step_s=5.0).episodes) == 1


def test_the_last_frame_ends_with_the_video_unless_that_is_told_wrongly(make_film):
    insights = Insights(InsightSettings())
    for moment in make_film(2, {1: "happy"}, {1: "happy"}, {1: "happy"}):
        insights.add(moment)
    ends_s = {None: 1.5, 9.0: 1.5, 1.2: 1.2, 1.0: 1.0, 0.7: 1.5}  # the last frame is at 1 s
    assert {end_s: insights.summarize(end_s).duration_s for end_s in ends_s} == ends_s
    assert insights.summarize(1.3, None, 1.2, 0.7).duration_s == 1.2


def test_a_label_that_differs_after_an_absence_is_no_change(make_film):
    clip = collect(make_film(2, {1: "happy"}, {}, {}, {}, {1: "sad"}))
    assert clip.persons[0].changes_per_minute == 0.0
    assert len(clip.episodes) == 2


def test_short_stretches_are_changes_but_no_episodes_and_no_smiles(make_film):
    clip = collect(make_film(10, *[{1: "sad"}] * 5, *[{1: "happy"}] * 2, *[{1: "sad"}] * 3))
    assert [episode.expression for episode in clip.episodes] == ["sad", "sad"]
    assert clip.persons[0].first_smile_s is None
    assert clip.persons[0].changes_per_minute == pytest.approx(120.0)
    assert len(collect(make_film(10, *[{1: "sad"}] * 3)).episodes) == 1, "just long enough, in spite of rounding"


def test_the_baseline_is_the_median_and_opt_in(make_film):
    film = make_film(1, *[{1: ("sad", 1.0)}] * 8, *[{1: ("happy", 1.0)}] * 4)
    assert collect(film).persons[0].baseline_valence is None
    assert collect(film).timeline.persons[1].valence_change is None
    clip = collect(film, baseline=True, bin_s=1.0)
    assert clip.persons[0].baseline_valence == -0.63
    assert clip.timeline.persons[1].valence_change == pytest.approx((0.0,) * 8 + (1.44,) * 4)
    assert collect(film[:9], baseline=True).persons[0].baseline_valence is None, "too short"


def test_nothing_and_one_frame(make_film):
    empty = collect([])
    assert (empty.duration_s, empty.frames, empty.persons, empty.episodes) == (0.0, 0, (), ())
    one = collect(make_film(1, {1: "happy"}))
    assert (one.persons[0].seen_s, one.persons[0].shares, one.persons[0].mean_valence) == (0.0, None, None)
    assert one.timeline.everyone.seen_s == ()
    for clip in (empty, one, collect([], group=GroupSettings())):
        assert json.loads(json.dumps(clip.to_dict())) == clip.to_dict()


def test_it_may_be_asked_at_any_time(make_film):
    film = make_film(5, *({1: one} for one in ("sad", "sad", "sad", "happy", "happy", "happy", "sad")))
    asked = Insights()
    for count, moment in enumerate(film, start=1):
        asked.add(moment)
        assert asked.summarize() == asked.summarize() == collect(film[:count])


def test_group_mode_tells_of_nobody(make_film):
    crowd = dict.fromkeys(range(1, 6), "happy")
    film = make_film(1, *[crowd] * 10, *[{1: "sad"}] * 10)
    clip = collect(film, group=GroupSettings())
    assert (clip.persons, clip.episodes, clip.timeline, clip.frames_with_faces) == ((), (), None, None)
    assert (clip.persons_left_out, clip.episodes_left_out, clip.frames) == (0, 0, 20)
    told, untold = clip.group.bins
    assert told.shares["happy"] == 1.0
    assert untold.reason == "fewer than 5 people"
    assert clip.group.total.shares["sad"] == 0.0
    assert "person" not in json.dumps({**clip.to_dict(), "persons": 0, "persons_left_out": 0}).replace('"persons', "")


def test_limits_are_kept_and_what_is_left_out_is_counted(make_film):
    crowd = make_film(1, *({person: "sad", person + 1: "sad"} for person in range(1, 10)))
    clip = collect(crowd, max_persons=4, max_episodes=3)
    assert [person.person for person in clip.persons] == [1, 2, 3, 4]
    assert clip.persons_left_out == 6
    assert (len(clip.episodes), clip.episodes_left_out) == (3, 1)
    assert sum(clip.timeline.everyone.seen_s) == pytest.approx(18.0), "all count in what is told of everyone"
    assert list(clip.timeline.persons) == [1, 2, 3, 4]


def test_who_is_seen_too_briefly_is_counted_and_not_told_of(make_film):
    film = make_film(10, *[{1: "sad"}] * 10, *[{1: "sad", 2: "happy"}] * 4, *[{1: "sad"}] * 10)
    clip = collect(film)
    assert ([person.person for person in clip.persons], clip.persons_fleeting) == ([1], 1)
    assert {episode.person for episode in clip.episodes} == {1}
    assert list(clip.timeline.persons) == [1]
    told = collect(film, least_seen_s=0.4)
    assert ([person.person for person in told.persons], told.persons_fleeting) == ([1, 2], 0)
    assert len(collect(film[9:14]).persons) == 2, "a short film tells of all"


def test_boxes_that_were_no_faces_keep_nobody_out(make_film):
    film = make_film(10, *({1: "sad", **({frame: "happy"} if frame % 150 == 0 else {})} for frame in range(1, 1500)))
    clip = collect(film, max_persons=3)
    assert ([person.person for person in clip.persons], clip.persons_fleeting, clip.persons_left_out) == ([1], 9, 0)
    crowd = make_film(10, *({1: "sad", 2: "sad", frame // 10 + 3: "sad"} for frame in range(100)))
    full = collect(crowd, max_persons=3)
    assert full.persons_left_out == 9, "who was seen for long enough stays"


def count_values(value):
    if isinstance(value, dict | list):
        return sum(map(count_values, value.values() if isinstance(value, dict) else value))
    return 1


def test_a_longer_film_takes_no_more_room(make_film):
    sizes = []
    for frames in (2000, 8000):
        film = make_film(10, *({1: "happy"} for _ in range(frames)))
        sizes.append(count_values(collect(film, max_bins=20).to_dict()))
    assert sizes[1] <= sizes[0] * 1.3


def test_what_can_not_follow_is_refused(make_film, see):
    first, second = make_film(1, {1: "happy"}, {1: "happy"})
    insights = Insights()
    insights.add(second)
    with pytest.raises(InputError, match="order of their times"):
        insights.add(first)
    with pytest.raises(InputError, match="one set of labels"):
        insights.add(type(first)(5, 5.0, 640, 480, (see(1, "smile", 0.9, ("smile", "other")),)))
    assert insights.summarize().frames == 1


@pytest.mark.parametrize(
    "bad",
    [{"longest_step_s": 0.0}, {"bin_s": float("inf")}, {"min_episode_s": -1.0}, {"max_episodes": 0}, {"max_bins": 3}],
)
def test_settings_that_make_no_sense_are_refused(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        InsightSettings(**bad)


Signal = st.lists(
    st.tuples(st.sampled_from([None, "happy", "sad", "neutral"]), st.integers(2, 25)), min_size=1, max_size=8
)


@settings(max_examples=25, deadline=None)
@given(Signal)
def test_the_frame_rate_does_not_matter(make_film, signal):
    course = [{} if one is None else {1: one} for one, tenths in signal for _ in range(tenths)]
    slow = collect(make_film(10, *course))
    fast = collect(make_film(60, *(shown for shown in course for _ in range(6))))
    assert slow.duration_s == pytest.approx(fast.duration_s)
    assert len(slow.persons) == len(fast.persons)
    for one, other in zip(slow.persons, fast.persons, strict=True):
        assert one.shares == pytest.approx(other.shares)
        assert sum(one.shares.values()) == pytest.approx(1.0)
        for name in ("seen_s", "certain_share", "changes_per_minute", "longest_smile_s", "mean_valence"):
            assert getattr(one, name) == pytest.approx(getattr(other, name)), name
    assert [(e.expression, round(e.start_s, 3), round(e.end_s, 3)) for e in slow.episodes] == [
        (e.expression, round(e.start_s, 3), round(e.end_s, 3)) for e in fast.episodes
    ]


def test_uneven_frames_make_little_difference(make_film):
    course = random.Random(0)
    whole = make_film(60, *({1: ("happy", "sad", "neutral")[number // 90 % 3]} for number in range(3600)))
    some = [moment for moment in whole if course.random() < 0.4]
    one, other = collect(whole).persons[0], collect(some).persons[0]
    assert one.shares == pytest.approx(other.shares, abs=0.02)
    assert one.changes_per_minute == pytest.approx(other.changes_per_minute, rel=0.01)
