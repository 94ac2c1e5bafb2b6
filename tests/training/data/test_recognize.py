import gzip
import io
import lzma
import tarfile
import zipfile

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.training.data.sources.pictures import PictureForm
from mien.training.data.sources.recognize import recognize

TRAIN, VALIDATION, TEST = 0, 1, 2
ROWS = [(0, "Training"), (6, "PublicTest"), (3, "PrivateTest"), (3, "Training")]


@pytest.fixture
def icml_text(pixels_of):
    """The rows as `icml_face_data.csv`."""
    lines = [f"{label},{part},{pixels_of(number)}" for number, (label, part) in enumerate(ROWS)]
    return "\n".join(["emotion, Usage, pixels", *lines]) + "\n"


@pytest.fixture
def train_text(pixels_of):
    """The training rows as Kaggle's `train.csv`."""
    lines = [f'{ROWS[number][0]},"{pixels_of(number)}"' for number in (0, 3)]
    return "\n".join(["emotion,pixels", *lines]) + "\n"


@pytest.fixture
def source(tmp_path):
    """Return a function that recognizes a file of the given content, under a name that tells nothing."""

    def write(content):
        (tmp_path / "source").write_bytes(content if isinstance(content, bytes) else content.encode())
        return recognize(tmp_path / "source")

    return write


def zip_of(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def pack_tar(data):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo("fer2013/fer2013.csv")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


PACKERS = {
    "plain": lambda data: data,
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zip": lambda data: zip_of({"any.csv": data, "read me.txt": "x"}),
}


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_both_tables_are_told_by_their_header_and_give_the_same_rows(source, fer2013_text, icml_text, pack):
    fer2013 = source(pack(fer2013_text(*ROWS).encode()))
    first = fer2013.read(None)
    icml = source(pack(icml_text.encode()))
    second = icml.read(None)
    assert fer2013.has_fer_plus_rows
    assert icml.has_fer_plus_rows
    assert (first.labels.tolist(), first.parts.tolist()) == ([0, 6, 3, 3], [TRAIN, VALIDATION, TEST, TRAIN])
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.labels, second.labels)
    assert np.array_equal(first.parts, second.parts)
    assert (first.name, first.license, first.label_names) == (second.name, second.license, second.label_names)


@pytest.mark.parametrize("spell", [lambda text: text.replace(", ", ","), lambda text: text.replace(",", ", ")])
def test_blanks_after_the_commas_of_icml_face_data_do_not_matter(source, icml_text, spell):
    rows = source(spell(icml_text)).read(None)
    assert rows.labels.tolist() == [0, 6, 3, 3]


def test_a_wrong_row_of_icml_face_data_is_named_by_its_columns(source, icml_text):
    with pytest.raises(DataError, match=r"row 1 .*column Usage: 'Test'"):
        source(icml_text.replace("PublicTest", "Test")).read(None)
    with pytest.raises(DataError, match=r"row 2 .*column pixels: 2305 values"):
        source(icml_text.replace("PrivateTest,", "PrivateTest,0 ")).read(None)


def test_kaggles_train_is_all_train(source, train_text, noise):
    opened = source(train_text)
    rows = opened.read(None)
    assert (opened.parts, opened.is_parted, opened.has_fer_plus_rows) == ((TRAIN,), False, False)
    assert (rows.labels.tolist(), rows.parts.tolist()) == ([0, 3], [TRAIN, TRAIN])
    assert np.array_equal(rows.images, [noise(0), noise(3)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("pixels\n1 2 3\n", "pixels without labels, as Kaggle's test.csv: icml_face_data.csv has the same pictures"),
        ("Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n", "FER.'s votes "
         "without pictures: name fer2013.csv, and this file behind --votes"),
        ("id,label\n1,happy\n", r"the columns are 'id,label', expected 'emotion,pixels,Usage' \(fer2013.csv\) or "
         r"'emotion,Usage,pixels' \(icml_face_data.csv\)"),
        ("emotion;pixels;Usage\n", "the columns are 'emotion;pixels;Usage'"),
        ('"emotion', "the header: no CSV"),
        ("", "is empty"),
        (b"\x89PNG\r\n\x1a\n", "no UTF-8 text"),
        (pack_tar(b"emotion,pixels,Usage\n"), "holds another archive or no text. Unpack it, and name the table"),
        (zip_of({"inner.zip": b"x"}), "holds neither a table nor picture files"),
        (zip_of({"a.csv": b"x", "b.csv": b"x"}), "2 CSV files to choose from"),
        (zip_of({"sad/1.png": b"x", "labels.csv": b"x"}), r"both pictures and tables \(labels.csv\). Unpack it"),
        (zip_of({"../sad/1.png": b"x"}), "a name that leads outside"),
        (b"PK but no archive", "cut short or broken"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_refused_with_what_to_do(source, content, message):
    with pytest.raises(DataError, match=message):
        source(content)


def test_of_kaggles_challenge_archive_the_whole_table_is_read(source, icml_text, train_text):
    files = {"example_submission.csv": "emotion\n", "icml_face_data.csv": icml_text, "train.csv": train_text}
    assert source(zip_of(files)).has_fer_plus_rows
    assert source(zip_of({**files, "preview.png": b"x"})).has_fer_plus_rows


@pytest.mark.parametrize("name", ["faces", "faces.zip"])
def test_folders_and_their_zip_are_told_before_a_picture_is_read(write_pictures, name):
    broken = write_pictures(name, {"train/sad/1.png": b"x", "train/happy/1.png": b"x", "test/sad/1.png": b"x"})
    opened = recognize(broken)
    assert (set(opened.parts), opened.is_parted, opened.has_fer_plus_rows) == ({TRAIN, TEST}, True, False)


def test_a_folder_without_parts_makes_none(write_pictures):
    opened = recognize(write_pictures("faces", {"sad/1.png": 1, "happy/1.png": 2}), PictureForm(32, "rgb"))
    assert (set(opened.parts), opened.is_parted) == (set(), False)
    assert opened.read(None).images.shape == (2, 32, 32, 3)


def test_a_table_has_no_choice_of_form(tmp_path, fer2013_text):
    (tmp_path / "a.csv").write_text(fer2013_text(*ROWS))
    with pytest.raises(
        DataError, match=r"--size-px and --color go with folders of pictures; those of .*a.csv are 48x48"
    ):
        recognize(tmp_path / "a.csv", PictureForm())


def test_one_picture_is_no_source_and_an_absent_one_is_absent(write_pictures):
    folder = write_pictures("faces", {"sad/1.png": 1})
    with pytest.raises(DataError, match=r"1.png is one picture. Name a folder"):
        recognize(folder / "sad" / "1.png")
    with pytest.raises(DataError, match=r"2.png does not exist"):
        recognize(folder / "sad" / "2.png")


def test_a_name_too_long_for_any_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="File name too long"):
        recognize(tmp_path / ("a" * 5000))
