import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.labels import EXPRESSIONS
from mien.training.data.sources.fer2013 import read_fer2013

ROWS = [(0, "Training"), (6, "PublicTest"), (3, "PrivateTest"), (3, "Training")]


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a text, or bytes, as fer2013.csv."""

    def read_text(text):
        path = tmp_path / "fer2013.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_fer2013(path)

    return read_text


@pytest.fixture
def text(fer2013_text):
    return fer2013_text(*ROWS)


def test_rows_become_typed_arrays_in_their_order(read, text, pixels_of):
    rows = read(text)
    assert (rows.images.shape, rows.images.dtype) == ((4, 48, 48), np.uint8)
    assert (rows.labels.tolist(), rows.labels.dtype) == ([0, 6, 3, 3], np.int16)
    assert (rows.parts.tolist(), rows.parts.dtype) == ([0, 1, 2, 0], np.uint8)
    assert (rows.name, rows.label_names, rows.source) == ("FER2013", EXPRESSIONS, "fer2013.csv")
    for number, image in enumerate(rows.images):
        assert " ".join(map(str, image.ravel())) == pixels_of(number)


def test_pixels_run_along_the_rows_from_the_top_left(read):
    counting = " ".join(str(number % 256) for number in range(48 * 48))
    image = read(f"emotion,pixels,Usage\n0,{counting},Training\n").images[0]
    assert image[0, :3].tolist() == [0, 1, 2]
    assert image[1, 0] == 48


def change_ends(text):
    return text.replace("\n", "\r\n")


def quote(text):
    header, *lines = text.splitlines()
    quoted = ['"' + line.replace(",", '","') + '"' for line in lines]
    return "\n".join([header, *quoted]) + "\n"


@pytest.mark.parametrize(
    "spell",
    [
        change_ends,
        quote,
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n\r\n\n",
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace(" ", "  "),
        lambda text: text.replace(",Training", " ,Training"),
    ],
    ids=["CRLF", "quotes", "no last line end", "empty lines at the end", "BOM", "CR", "two blanks", "blank at the end"],
)
def test_other_spellings_of_the_same_table_give_the_same_rows(read, text, spell):
    rows, same = read(text), read(spell(text))
    assert np.array_equal(rows.images, same.images)
    assert np.array_equal(rows.labels, same.labels)
    assert np.array_equal(rows.parts, same.parts)


WRONG_LABELS = ["7", "-1", "+5", "1_0", "3.0", "", " 3", "03", "happy", "٣", "²", "9" * 5000]


@pytest.mark.parametrize("label", WRONG_LABELS)
def test_a_label_out_of_range_is_named_by_row(read, text, label):
    lines = text.splitlines()
    lines[3] = label + lines[3][1:]
    with pytest.raises(DataError, match=r"fer2013.csv, row 2 \(counted from 0 after the header\), column emotion: "):
        read("\n".join(lines))


WRONG_PIXELS = ["256", "-1", "+5", "1_0", "3.0", "007", "nan", "0x1", "٣", "²", "1.5", "9" * 5000]


@pytest.mark.parametrize("pixel", WRONG_PIXELS)
def test_a_pixel_that_is_no_byte_is_named_by_row_and_place(read, text, pixels_of, pixel):
    values = pixels_of(1).split()
    values[1000] = pixel
    with pytest.raises(DataError, match=r"row 1 .*column pixels, value 1000: .*expected a whole number from 0 to 255"):
        read(text.replace(pixels_of(1), " ".join(values)))


@pytest.mark.parametrize("count", [0, 1, 2303, 2305])
def test_a_wrong_number_of_pixels_is_named_by_row(read, text, pixels_of, count):
    values = [*pixels_of(3).split(), "1"][:count]
    with pytest.raises(DataError, match=f"row 3 .*column pixels: {count} values, expected 2304"):
        read(text.replace(pixels_of(3), " ".join(values)))


@pytest.mark.parametrize("part", ["training", "Test", "", " Training", "Training2"])
def test_an_unknown_part_is_named_by_row(read, fer2013_text, part):
    text = fer2013_text((0, "Training"), (0, part))
    with pytest.raises(DataError, match=r"row 1 .*column Usage: .*expected one of Training, PublicTest, PrivateTest"):
        read(text)


@pytest.mark.parametrize(("line", "columns"), [("0", 1), ("0,1 2 3", 2), ("0,1 2 3,Training,more", 4), (",,,,", 5)])
def test_a_row_with_other_columns_is_named(read, text, line, columns):
    with pytest.raises(DataError, match=f"row 4 .*: {columns} columns, expected 3"):
        read(text + line + "\n")


def test_an_empty_line_between_rows_is_named(read, text):
    lines = text.splitlines()
    lines.insert(2, "")
    with pytest.raises(DataError, match=r"row 1 .*an empty line"):
        read("\n".join(lines))


def test_a_quote_that_never_ends_is_named_by_its_row(read, text, pixels_of):
    with pytest.raises(DataError, match=r"row 2 .*no CSV"):
        read(text.replace(pixels_of(2), '"' + pixels_of(2)))


def test_a_huge_field_is_named_by_its_row(read, text):
    with pytest.raises(DataError, match="row 4 "):
        read(text + "0," + "1 " * 200_000 + ",Training\n")


def test_a_header_alone_is_refused(read):
    with pytest.raises(DataError, match="a header but no rows"):
        read("emotion,pixels,Usage\n")


@pytest.mark.parametrize(
    "header",
    [
        "emotion, Usage, pixels",  # icml_face_data.csv
        "pixels",  # Kaggle's test.csv
        "emotion,pixels",  # Kaggle's train.csv
        "Emotion,pixels,Usage",
        "0,1 2 3,Training",
        "\x00\x00",
        "",
    ],
)
def test_other_columns_are_refused_with_those_expected(read, header):
    with pytest.raises(DataError, match=r"the columns are '.*expected 'emotion,pixels,Usage'"):
        read(f"{header}\n0,1 2 3,Training\n")


def test_a_file_name_that_is_no_text_is_written_down_as_text(tmp_path, text):
    path = tmp_path / "fer\udcff.csv"
    try:
        path.write_text(text)
    except OSError:
        pytest.skip("this file system takes only names that are text")
    assert read_fer2013(path).source == "fer\ufffd.csv"


def test_fer2013_has_its_official_counts(fer2013):
    table = fer2013.table
    assert np.bincount(table["part"]).tolist() == [28_709, 3_589, 3_589]
    assert np.bincount(table["label"][table["part"] == 0]).tolist() == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    assert fer2013.images[0, 0, :6].tolist() == [70, 80, 82, 72, 58, 58]
