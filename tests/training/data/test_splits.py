import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.errors import DataError
from mien.training.data.splits import SplitRule, check_train, mark_leaking, split_rows
from mien.training.data.table import UNUSED

TRAIN, VALIDATION, TEST = 0, 1, 2


def make_rows(count=2000, seed=0, groups=None):
    """Parts 80/10/10 as in FER2013, uneven labels, and twins: the first `groups` numbers are met again and again."""
    random = np.random.default_rng(seed)
    parts = random.choice(3, count, p=[0.8, 0.1, 0.1]).astype(np.uint8)
    labels = random.choice(7, count, p=[0.14, 0.015, 0.145, 0.25, 0.17, 0.11, 0.17]).astype(np.int16)
    twins = np.arange(count) if groups is None else random.integers(0, groups, count)
    return parts, labels, twins.astype(np.int32)


def test_the_official_split_is_the_sources_own():
    parts, labels, twins = make_rows()
    split = split_rows(SplitRule(), parts, labels, twins)
    assert np.array_equal(split, parts)
    assert split is not parts


def test_a_drawn_split_divides_train_and_leaves_test_alone():
    parts, labels, twins = make_rows()
    split = split_rows(SplitRule("80/20"), parts, labels, twins)
    assert ((split == TEST) == (parts == TEST)).all()
    assert ((split == UNUSED) == (parts == VALIDATION)).all()
    assert set(split[parts == TRAIN].tolist()) == {TRAIN, VALIDATION}


def test_a_pooled_split_draws_from_all_parts():
    parts, labels, twins = make_rows()
    split = split_rows(SplitRule("80/10/10", pool=True), parts, labels, twins)
    for part in (TRAIN, VALIDATION, TEST):
        assert set(split[parts == part].tolist()) == {TRAIN, VALIDATION, TEST}
    assert UNUSED not in split


def test_most_of_validation_can_come_to_train():
    parts, labels, twins = make_rows()
    split = split_rows(SplitRule("90/10", from_validation=True), parts, labels, twins)
    assert (split[parts != VALIDATION] == parts[parts != VALIDATION]).all()
    assert set(split[parts == VALIDATION].tolist()) == {TRAIN, VALIDATION}
    assert (split[parts == VALIDATION] == TRAIN).mean() == pytest.approx(0.9, abs=0.04)


def test_what_validation_shares_with_test_comes_nowhere():
    parts, labels, twins = make_rows()
    images = np.random.default_rng(0).integers(0, 256, (len(parts), 8, 8), np.uint8)
    of_test, held_out = np.flatnonzero(parts == TEST), np.flatnonzero(parts == VALIDATION)
    trained = np.flatnonzero(parts == TRAIN)
    images[held_out[7]] = images[of_test[9]] // 2 + 40  # darker, flatter, and so no twin by its bytes
    twins[held_out[3]] = twins[of_test[5]]  # a twin, though its picture be flat
    images[held_out[3]] = images[of_test[5]] = 90
    images[trained[0]], twins[trained[0]] = images[of_test[0]], twins[of_test[0]]  # a leak of the source's own
    leaking = mark_leaking(parts, twins, images)
    assert np.flatnonzero(leaking).tolist() == sorted(held_out[[3, 7]].tolist())
    split = split_rows(SplitRule("90/10", from_validation=True), parts, labels, twins, leaking)
    assert ((split == UNUSED) == leaking).all()
    assert (split[parts == TRAIN] == TRAIN).all()


def test_a_validation_part_that_is_not_there_cannot_be_drawn_from():
    parts, labels, twins = make_rows()
    with pytest.raises(DataError, match=r"--from-validation: the source has no validation part"):
        split_rows(SplitRule("90/10", from_validation=True), np.zeros_like(parts), labels, twins)


@pytest.mark.parametrize(
    ("rule", "shares"),
    [
        (SplitRule("80/20"), [0.8, 0.2]),
        (SplitRule("80/10/10", pool=True), [0.8, 0.1, 0.1]),
        (SplitRule("70/15/15", pool=True), [0.7, 0.15, 0.15]),
        (SplitRule("99/1", pool=True), [0.99, 0.01]),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_part_has_its_share_of_every_label_within_a_picture(rule, shares, seed):
    parts, labels, twins = make_rows(seed=seed)
    split = split_rows(rule, parts, labels, twins)
    drawn = np.ones(len(parts), bool) if rule.pool else parts == TRAIN
    for label in range(7):
        of_label = split[drawn & (labels == label)]
        for part, share in enumerate(shares):
            assert abs((of_label == part).sum() - share * len(of_label)) <= 1


def test_the_same_seed_gives_the_same_split_and_another_another():
    rows = make_rows()
    first, again, other = (split_rows(SplitRule("80/20", seed=seed), *rows) for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_draw_is_one_of_many_not_the_first_rows():
    parts, labels, twins = make_rows()
    split = split_rows(SplitRule("50/50", pool=True), parts, labels, twins)
    half = len(split) // 2
    assert 0.4 < (split[:half] == TRAIN).mean() < 0.6


@given(
    rows=st.integers(0, 2**32 - 1).map(lambda seed: make_rows(300, seed, groups=200)),
    rule=st.sampled_from([("80/20", False), ("80/10/10", True), ("50/50", True)]),
    seed=st.integers(0, 2**63),
)
def test_twins_are_never_parted(rows, rule, seed):
    parts, labels, twins = rows
    text, is_pooled = rule
    split = split_rows(SplitRule(text, seed=seed, pool=is_pooled), parts, labels, twins)
    drawn = np.ones(len(parts), bool) if is_pooled else parts == TRAIN
    for group in np.unique(twins[drawn]):
        assert len(set(split[drawn & (twins == group)].tolist())) == 1
    wanted = float(text.split("/")[0]) / 100
    assert abs((split[drawn] == TRAIN).mean() - wanted) < 0.1


def test_ignored_twins_are_parted_like_any_rows():
    """All 200 pictures are one: together they can't be split at all, ignored they split evenly."""
    parts, labels, twins = np.zeros(200, np.uint8), np.zeros(200, np.int16), np.zeros(200, np.int32)
    with pytest.raises(DataError, match="validation would get none"):
        split_rows(SplitRule("80/20"), parts, labels, twins)
    split = split_rows(SplitRule("80/20", twins="ignore"), parts, labels, twins)
    assert np.bincount(split).tolist() == [160, 40]


def test_twins_with_several_labels_stay_together():
    parts, twins = np.zeros(100, np.uint8), np.arange(100, dtype=np.int32) // 2
    labels = np.arange(100, dtype=np.int16) % 2
    split = split_rows(SplitRule("80/20"), parts, labels, twins)
    assert np.array_equal(split[::2], split[1::2])


def test_a_large_group_does_not_make_a_part_run_over():
    parts, labels = np.zeros(100, np.uint8), np.zeros(100, np.int16)
    twins = np.concatenate([np.zeros(30), np.arange(1, 71)]).astype(np.int32)
    for seed in range(20):
        split = split_rows(SplitRule("50/50", seed=seed), parts, labels, twins)
        assert 34 <= (split == TRAIN).sum() <= 66


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_rows_are_refused(count):
    with pytest.raises(DataError, match=f"--split 80/20: {count} rows are too few"):
        split_rows(SplitRule("80/20"), np.zeros(count, np.uint8), np.zeros(count, np.int16), np.arange(count))


@pytest.mark.parametrize(
    "text",
    ["", "half", "80", "80/", "/20", "80/20/", "80-20", "80/ 20", " 80/20", "80/20\n", "-80/180", "+80/20", "8_0/20",
     "0.8/0.2", "100/0", "0/100", "00/100", "100", "40/20/20/20", "８０/２０", "8²/20", "80/²0", "9" * 5000],
)  # fmt: skip
def test_text_that_is_no_rule_is_refused_with_what_is_expected(text):
    with pytest.raises(DataError, match=r"(?s)--split .*expected `official`, or shares such as 80/20"):
        SplitRule(text, pool=True)


@pytest.mark.parametrize(("text", "total"), [("80/21", 101), ("10/10", 20), ("50/30/30", 110)])
def test_shares_that_do_not_add_up_are_refused_with_their_sum(text, total):
    with pytest.raises(DataError, match=f"add up to {total}, expected 100"):
        SplitRule(text, pool=True)


def test_pool_needs_shares_and_three_shares_need_pool():
    with pytest.raises(DataError, match=r"--pool draws.*--split 80/10/10"):
        SplitRule("official", pool=True)
    with pytest.raises(DataError, match="add --pool"):
        SplitRule("80/10/10")


@pytest.mark.parametrize("fields", [{}, {"text": "official"}, {"text": "80/10/10"}, {"text": "90/10", "pool": True}])
def test_drawing_from_validation_needs_two_shares_and_no_pool(fields):
    with pytest.raises(DataError, match="--from-validation goes with two shares, and not with --pool: --split 90/10"):
        SplitRule(from_validation=True, **fields)


def test_a_negative_seed_and_an_unknown_word_for_twins_are_refused():
    with pytest.raises(DataError, match="--seed -1"):
        SplitRule("80/20", seed=-1)
    with pytest.raises(DataError, match="--twins 'apart': expected together or ignore"):
        SplitRule("80/20", twins="apart")


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (SplitRule(), "official"),
        (SplitRule(twins="ignore"), "official"),
        (SplitRule("80/20"), "80/20"),
        (SplitRule("80/10/10", pool=True, twins="ignore"), "80/10/10 --pool --twins ignore"),
        (SplitRule("90/10", from_validation=True), "90/10 --from-validation"),
    ],
)
def test_a_rule_is_written_down_as_on_the_command_line(rule, text):
    assert str(rule) == text


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([TRAIN, VALIDATION, TEST], "official"),
        ([TRAIN, VALIDATION], "official"),
        ([TRAIN, TEST], "80/20"),
        ([TRAIN], "80/10/10 --pool"),
        ([UNUSED], "80/10/10 --pool"),
        ([], "80/10/10 --pool"),
        ([TEST], "official"),
        ([VALIDATION, TEST], "official"),
    ],
)
def test_what_a_rule_leaves_open_is_settled_by_the_parts(parts, text):
    rule = SplitRule(seed=4, twins="together").resolve(np.array(parts, np.uint8))
    assert (str(rule), rule.seed) == (text, 4)


def test_a_rule_that_leaves_nothing_open_stays_as_it_is():
    for text in ("official", "70/30"):
        assert str(SplitRule(text).resolve(np.array([TRAIN, VALIDATION, TEST], np.uint8))) == text


def test_rows_are_split_by_the_settled_rule():
    parts, labels, twins = make_rows()
    parts[parts == VALIDATION] = TEST
    opened, named = (split_rows(SplitRule(text), parts, labels, twins) for text in (None, "80/20"))
    assert np.array_equal(opened, named)


def test_a_label_that_train_lacks_is_refused_by_name_where_we_drew_the_parts():
    split, labels = np.array([TRAIN, TEST, VALIDATION], np.uint8), np.array([0, 2, 2], np.int16)
    with pytest.raises(DataError, match=r"--split 80/20: train would get none of the 2 pictures of fear, .*--pool"):
        check_train(SplitRule("80/20"), split, labels, ("angry", "disgust", "fear"))
    check_train(SplitRule("official"), split, labels, ("angry", "disgust", "fear"))
    check_train(SplitRule("80/20"), split, np.zeros(3, np.int16), ("angry", "disgust", "fear"))


def test_fer2013_is_split_without_parting_its_twins(fer2013):
    table = fer2013.table
    split = split_rows(SplitRule("80/10/10", pool=True), table["part"], table["label"], table["twins"])
    assert len(set(zip(table["twins"].tolist(), split.tolist(), strict=True))) == len(np.unique(table["twins"]))
    for label in range(7):
        share = (split[table["label"] == label] == TEST).mean()
        assert abs(share - 0.1) < 0.005
