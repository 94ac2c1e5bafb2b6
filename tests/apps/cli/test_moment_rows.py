"""The rows of a video: one a face and frame, and one for a frame without a face."""

import json

from mien.apps.cli.moment_rows import MomentRows, list_columns, make_rows
from mien.apps.cli.tables import JsonTable
from mien.core.geometry import Box
from mien.core.labels import EXPRESSIONS
from mien.core.moments import Moment, Sighting
from mien.core.results import Face, Quality

LABELS = ("happy", "sad")
FACE = Face(Box(1, 2, 30, 40), 0.75, None, {"happy": 0.25, "sad": 0.75}, Quality(30))
SEEN = Sighting(3, FACE, {"happy": 0.5, "sad": 0.5}, "happy")


def test_the_columns_are_those_of_the_architecture() -> None:
    assert [column.name for column in list_columns(EXPRESSIONS)] == [
        *("frame", "time_s", "person", "x", "y", "width", "height", "score", "is_certain", "expression", "confidence"),
        *EXPRESSIONS,
        *(f"{label}_raw" for label in EXPRESSIONS),
    ]


def test_a_row_a_face_and_one_without() -> None:
    other = Sighting(4, FACE, {"happy": 0.125, "sad": 0.875}, "sad")
    rows = make_rows(Moment(7, 0.28, 64, 48, (SEEN, other)), LABELS)
    assert rows == [
        [7, 0.28, 3, 1.0, 2.0, 30.0, 40.0, 0.75, True, "happy", 0.5, 0.5, 0.5, 0.25, 0.75],
        [7, 0.28, 4, 1.0, 2.0, 30.0, 40.0, 0.75, True, "sad", 0.875, 0.125, 0.875, 0.25, 0.75],
    ]
    assert make_rows(Moment(8, 0.32, 64, 48), LABELS) == [[8, 0.32, *[None] * 13]]


def test_labels_named_like_columns_keep_their_own() -> None:
    labels = ("person", "x", "x_raw")
    names = [column.name for column in list_columns(labels)]
    assert len(set(names)) == len(names)
    probabilities = dict(zip(labels, (0.25, 0.5, 0.25), strict=True))
    sighting = Sighting(1, Face(FACE.box, None, None, probabilities, FACE.quality), probabilities, "x")
    (row,) = make_rows(Moment(0, 0.0, 9, 9, (sighting,)), labels)
    values = dict(zip(names, row, strict=True))
    assert (values["person"], values["probability of person"], values["probability of x"]) == (1, 0.25, 0.5)


def test_json_lines_have_the_columns_as_keys(capsys) -> None:
    table = JsonTable(list_columns(LABELS))
    rows = MomentRows(table, LABELS)
    rows.write(Moment(7, 0.28, 64, 48, (SEEN,)))
    rows.write(Moment(8, 0.32, 64, 48))
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert list(first) == list(second) == [column.name for column in list_columns(LABELS)]
    assert (first["person"], first["is_certain"], first["sad_raw"]) == (3, True, 0.75)
    assert (second["frame"], second["person"], second["happy"]) == (8, None, None)
    assert table.rows == 2
