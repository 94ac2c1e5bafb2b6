import numpy as np
import pytest

from mien.core.errors import DataError
from mien.training.data.sources.fer_plus import read_votes

SEVEN = (4, 0, 0, 1, 3, 2, 0, 0, 0, 0)
NONE = (0,) * 9 + (10,)
ROWS = [("Training", "fer0.png", SEVEN), ("PublicTest", "", NONE), ("PrivateTest", "fer2.png", (10, *[0] * 9))]
PARTS = np.array([0, 1, 2], np.uint8)


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        (tmp_path / "fer2013new.csv").write_text(text, encoding="utf-8", newline="")
        return read_votes(tmp_path / "fer2013new.csv")

    return read_text


def test_votes_become_typed_arrays_in_their_order(read, votes_text):
    joined = read(votes_text(*ROWS))
    assert (joined.votes.tolist(), joined.votes.dtype) == ([list(counts) for _, _, counts in ROWS], np.uint8)
    assert (joined.is_face.tolist(), joined.is_face.dtype) == ([True, False, True], np.bool_)
    assert (joined.parts.tolist(), joined.parts.dtype) == ([0, 1, 2], np.uint8)
    joined.check_rows(PARTS)


def test_an_image_name_of_blanks_is_empty_too(read, votes_text):
    assert not read(votes_text(("Training", "  ", SEVEN))).is_face[0]


def test_line_ends_and_marks_of_other_systems_are_read_too(read, votes_text):
    text = votes_text(*ROWS)
    for same in (text.replace("\n", "\r\n"), "\ufeff" + text, text.rstrip("\n")):
        assert np.array_equal(read(same).votes, read(text).votes)


@pytest.mark.parametrize("count", ["11", "-1", "+5", "1_0", "1.0", "", "٣", " 1", "9" * 5000])
def test_a_count_that_is_no_number_of_votes_is_named_by_row_and_column(read, votes_text, count):
    text = votes_text(*ROWS[:2], ("PrivateTest", "a.png", (0, 0, 0, 0, count, 0, 0, 0, 0, 0)))
    with pytest.raises(DataError, match=r"fer2013new.csv, row 2 \(counted from 0 after the header\), column anger: "):
        read(text)


@pytest.mark.parametrize("counts", [SEVEN[:9], (*SEVEN, 0)])
def test_a_row_with_other_columns_is_named(read, votes_text, counts):
    with pytest.raises(DataError, match=r"row 1 .*columns, expected 12"):
        read(votes_text(ROWS[0], ("Training", "a.png", counts)))


def test_an_unknown_part_is_named(read, votes_text):
    with pytest.raises(DataError, match=r"row 0 .*column Usage: 'Test'"):
        read(votes_text(("Test", "a.png", SEVEN)))


def test_a_quote_that_never_ends_is_refused(read, votes_text):
    with pytest.raises(DataError, match=r"row 1 .*no CSV"):
        read(votes_text(ROWS[0], ("Training", '"a.png', SEVEN)))


def test_pictures_in_the_place_of_votes_are_refused(read, fer2013_text):
    with pytest.raises(DataError, match="the columns are 'emotion,pixels,Usage', expected 'Usage,Image name,neutral"):
        read(fer2013_text((0, "Training")))


@pytest.mark.parametrize("parts", [[0, 1], [0, 1, 2, 2], []])
def test_another_number_of_rows_does_not_fit(read, votes_text, parts):
    joined = read(votes_text(*ROWS))
    with pytest.raises(DataError, match=f"has 3 rows, the pictures have {len(parts)}"):
        joined.check_rows(np.array(parts, np.uint8))


def test_rows_of_other_parts_do_not_fit(read, votes_text):
    joined = read(votes_text(*ROWS))
    with pytest.raises(DataError, match=r"row 1 .*PublicTest, but the picture's is Training"):
        joined.check_rows(np.array([0, 0, 2], np.uint8))


def test_no_rows_are_no_votes(read, votes_text):
    assert read(votes_text()).votes.shape == (0, 10)


def test_fer2013_has_the_known_votes(fer2013):
    """Figures of ../shared/design/facts.md."""
    table = fer2013.table
    assert (~table["is_face"]).sum() == 173
    assert table["votes"][0].tolist() == list(SEVEN)
    assert (table["votes"].sum(axis=1) <= 10).all()
