import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.training.data import marks
from mien.training.data.marks import mark_contradicting, mark_equal, mark_repeats, mark_single_value
from mien.training.data.table import ROW


def make_table(twins, labels):
    table = np.zeros(len(twins), ROW)
    table["twins"], table["label"] = twins, labels
    return table


small_tables = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=20).map(
    lambda rows: make_table(*zip(*rows, strict=True))
)


@given(small_tables)
def test_contradicting_rows_are_those_with_a_twin_of_another_label(table):
    expected = [
        any(other["twins"] == row["twins"] and other["label"] != row["label"] for other in table) for row in table
    ]
    assert mark_contradicting(table).tolist() == expected


@given(small_tables)
def test_repeats_are_all_rows_but_the_first_of_their_group(table):
    twins = table["twins"].tolist()
    assert mark_repeats(table["twins"]).tolist() == [twin in twins[:row] for row, twin in enumerate(twins)]


@given(small_tables, st.data())
def test_equal_rows_share_picture_and_label_with_one_of_those_given(table, data):
    among = np.array(data.draw(st.lists(st.booleans(), min_size=len(table), max_size=len(table))))
    pairs = list(zip(table["twins"].tolist(), table["label"].tolist(), strict=True))
    given_pairs = {pair for pair, is_among in zip(pairs, among, strict=True) if is_among}
    assert mark_equal(table, among).tolist() == [pair in given_pairs for pair in pairs]


def test_equal_rows_are_told_apart_whatever_their_numbers():
    labels = [2**bit for bit in range(15)]
    table = make_table([0] * 15 + [1, 2**31 - 1, 2**31 - 1], [*labels, 0, 0, 2**15 - 1])
    for row in range(len(table)):
        among = np.arange(len(table)) == row
        assert mark_equal(table, among).tolist() == among.tolist()


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 3)])
@pytest.mark.parametrize("pictures_a_chunk", [0.5, 1, 2, 100])
def test_flat_pictures_are_marked_chunk_by_chunk(monkeypatch, shape, pictures_a_chunk):
    monkeypatch.setattr(marks, "CHUNK_BYTES", int(pictures_a_chunk * np.prod(shape)))
    images = np.random.default_rng(0).integers(0, 256, (7, *shape), dtype=np.uint8)
    images[[0, 3, 5, 6]] = 77
    images[5].flat[-1] += 1  # the last pixel alone differs
    assert np.flatnonzero(mark_single_value(images)).tolist() == [0, 3, 6]


def test_one_color_is_single_valued_though_its_channels_differ():
    images = np.zeros((1, 4, 4, 3), np.uint8)
    images[0] = (10, 20, 30)
    assert mark_single_value(images).all()


def test_no_pictures_have_no_marks():
    assert mark_single_value(np.zeros((0, 4, 4), np.uint8)).shape == (0,)
