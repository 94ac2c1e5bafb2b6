import json

import pytest

from mien.core.errors import InputError
from mien.inference.insights.group import GroupSettings, GroupTally

FIVE_SMILES = dict.fromkeys(range(1, 6), ("happy", 1.0))
FOUR_FROWNS = dict.fromkeys(range(1, 5), ("angry", 1.0))


def tally(film, **settings):
    group = GroupTally(GroupSettings(**{"bin_s": 2.0, **settings}))
    for moment in film:
        group.add(moment, 1.0)
    return group.summarize()


def test_a_bin_needs_enough_people(make_film):
    group = tally(make_film(1, FIVE_SMILES, FIVE_SMILES, FOUR_FROWNS, FOUR_FROWNS, start_s=7.0))
    told, untold = group.bins
    assert (told.start_s, told.end_s, told.told_s, told.reason) == (7.0, 9.0, 2.0, None)
    assert (told.faces_mean, told.faces_max) == (5.0, 5)
    assert told.shares["happy"] == pytest.approx(1.0)
    assert told.valence == pytest.approx(0.81)
    assert untold.to_dict() == {
        "start_s": 9.0,
        "end_s": 11.0,
        "told_s": 0.0,
        "faces_mean": None,
        "faces_max": None,
        "shares": None,
        "valence": None,
        "reason": "fewer than 5 people",
    }
    assert tally(make_film(1, FOUR_FROWNS, FOUR_FROWNS), min_group=4).bins[0].shares["angry"] == 1.0, "the control"


def test_the_total_holds_nothing_of_untold_bins(make_film):
    group = tally(make_film(1, FIVE_SMILES, FIVE_SMILES, FOUR_FROWNS, FOUR_FROWNS))
    assert group.total.shares["angry"] == 0.0
    assert (group.total.told_s, group.total.faces_max, group.total.end_s) == (2.0, 5, 4.0)
    nobody = tally(make_film(1, FOUR_FROWNS, FOUR_FROWNS))
    assert (nobody.total.shares, nobody.total.reason) == (None, "fewer than 5 people")
    assert json.loads(json.dumps(group.to_dict())) == group.to_dict()


def test_a_glimpse_hides_nobody_and_counts_for_nothing(make_film):
    group = GroupTally(GroupSettings(bin_s=2.0))
    for moment in make_film(1, FOUR_FROWNS, FOUR_FROWNS):
        group.add(moment, 1.0)
    glimpse = GroupTally(GroupSettings(bin_s=2.0))
    for moment in make_film(2, {**FOUR_FROWNS, 5: "happy"}, FOUR_FROWNS, FOUR_FROWNS, FOUR_FROWNS):
        glimpse.add(moment, 0.5)
    assert glimpse.summarize().bins == group.summarize().bins


def test_each_person_counts_alike(make_film):
    film = make_film(1, {**FOUR_FROWNS, 5: ("happy", 1.0)}, {5: ("happy", 1.0)})
    (only,) = tally(film).bins
    assert only.shares["happy"] == pytest.approx(0.2), "and not a third, by seconds"
    assert only.valence == pytest.approx((0.81 - 4 * 0.51) / 5)
    assert (only.faces_mean, only.faces_max) == (3.0, 5)


def test_a_bin_that_goes_on_is_not_told(make_film):
    group = GroupTally(GroupSettings(bin_s=2.0))
    for count, moment in enumerate(make_film(1, *[FIVE_SMILES] * 5), start=1):
        group.add(moment, 1.0)
        assert len(group.summarize().bins) == count // 2


def over(film, hold_s=1.0, **settings):
    group = GroupTally(GroupSettings(**{"bin_s": 4.0, **settings}))
    for moment in film:
        group.add(moment, hold_s)
    return group.summarize(is_over=True)


def test_what_is_left_at_the_end_is_told_by_the_same_rule(make_film):
    group = over(make_film(1, *[FIVE_SMILES] * 6, start_s=3.0))
    assert [(one.start_s, one.end_s, one.told_s, one.reason) for one in group.bins] == [
        (3.0, 7.0, 4.0, None),
        (7.0, 9.0, 2.0, None),
    ]
    assert (group.total.end_s, group.total.told_s) == (9.0, 6.0)
    few = over(make_film(1, *[FIVE_SMILES] * 4, *[FOUR_FROWNS] * 2))
    assert few.bins[1].reason == "fewer than 5 people"
    assert (few.total.shares["angry"], few.total.told_s) == (0.0, 4.0)
    glimpse = over(make_film(2, *[FOUR_FROWNS] * 8, {**FOUR_FROWNS, 5: "happy"}, *[FOUR_FROWNS] * 3), 0.5)
    assert glimpse.bins[1].reason == "fewer than 5 people", "the fifth is seen for half a second"


def test_what_is_left_and_too_short_says_so(make_film):
    group = over(make_film(1, *[FIVE_SMILES] * 5))
    assert [one.reason for one in group.bins] == [None, "too short: 1.0 s of at least 2 s"]
    assert (group.bins[1].end_s, group.bins[1].shares, group.total.told_s) == (5.0, None, 4.0)
    short = over(make_film(1, *[FIVE_SMILES] * 4), bin_s=10.0)
    assert short.bins[0].reason == short.total.reason == "too short: 4.0 s of at least 5 s"
    assert over(make_film(1, *[FIVE_SMILES] * 5), bin_s=10.0).bins[0].told_s == 5.0, "the control: half a bin"
    brief = over(make_film(2, *[FIVE_SMILES] * 3), 0.5, bin_s=2.0)
    assert brief.bins[0].reason == "too short: 1.5 s of at least 2 s", "longer than half, under LEAST_BIN"


def test_a_video_that_ends_with_a_bin_has_no_rest_and_one_frame_is_all_rest(make_film):
    assert len(over(make_film(1, *[FIVE_SMILES] * 8)).bins) == 2
    assert [one.reason for one in over(make_film(1, FIVE_SMILES), 0.0).bins] == ["too short: 0.0 s of at least 2 s"]
    assert over([]).bins == ()


def test_the_rest_behind_merged_bins_is_measured_by_them(make_film):
    group = over(make_film(1, *[FIVE_SMILES] * 11), bin_s=2.0, max_bins=4)
    assert [(one.start_s, one.end_s) for one in group.bins] == [(0.0, 4.0), (4.0, 8.0), (8.0, 11.0)]
    assert group.bins[-1].told_s == 3.0
    assert over(make_film(1, *[FIVE_SMILES] * 9), bin_s=2.0, max_bins=4).bins[-1].reason.startswith("too short")


def test_asking_in_between_tells_nothing_of_the_bin_that_goes_on(make_film):
    group = GroupTally(GroupSettings(bin_s=4.0))
    for moment in make_film(1, *[FIVE_SMILES] * 6):
        group.add(moment, 1.0)
    assert len(group.summarize().bins) == 1
    assert group.summarize(is_over=True) == group.summarize(is_over=True), "the bin that goes on stays as it is"


def test_different_people_are_counted_over_the_whole_bin(make_film):
    film = make_film(1, FIVE_SMILES, {6: "sad"})
    assert tally(film).bins[0].shares["sad"] == pytest.approx(1 / 6)


def test_one_face_whose_number_changes_is_no_group(make_film):
    alone = tally(make_film(1, *({number: "sad"} for number in range(1, 11))))
    assert {one.reason for one in alone.bins} == {"fewer than 5 people"}
    apart = tally(make_film(1, {1: "sad", 2: "sad", 3: "sad"}, {4: "happy", 5: "happy"}))
    assert apart.bins[0].reason == "fewer than 5 people", "never five of them at once"


def test_merged_bins_tell_only_what_was_told_before(make_film):
    film = make_film(1, *[FIVE_SMILES] * 2, *[FOUR_FROWNS] * 6)
    group = tally(film, max_bins=4)
    assert [(one.start_s, one.end_s, one.told_s) for one in group.bins] == [(0.0, 4.0, 2.0), (4.0, 8.0, 0.0)]
    assert group.bins[0].shares["angry"] == 0.0
    longer = tally(make_film(1, *[FIVE_SMILES] * 40), max_bins=4)
    assert len(longer.bins) < 4
    assert longer.total.told_s == longer.bins[-1].end_s


def test_a_frame_over_a_border_counts_on_both_sides(make_film):
    group = GroupTally(GroupSettings(bin_s=2.0))
    for moment in make_film(1 / 3, FIVE_SMILES, FIVE_SMILES):
        group.add(moment, 3.0)
    assert [one.told_s for one in group.summarize().bins] == pytest.approx([2.0, 2.0, 2.0])


def test_labels_of_another_kind_have_no_valence(see, make_film):
    (moment,) = make_film(1, {})
    people = tuple(see(person, "smile", 0.9, ("smile", "other")) for person in range(1, 6))
    group = tally([type(moment)(0, float(second), 640, 480, people) for second in range(4)])
    assert group.total.valence is None
    assert group.total.shares == {"smile": 1.0, "other": 0.0}


@pytest.mark.parametrize("bad", [{"min_group": 1}, {"bin_s": 1.9}, {"bin_s": float("nan")}, {"max_bins": 5}])
def test_settings_that_protect_nobody_are_refused(bad):
    with pytest.raises(InputError, match=next(iter(bad)) if bad.get("bin_s") != 1.9 else "at least 2 s"):
        GroupSettings(**bad)
