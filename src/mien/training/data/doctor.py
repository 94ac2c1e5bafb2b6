"""The doctor: what is wrong with an imported data set before anyone trains on it, counted and by row or file.

It looks at the parts as they are used (`split`), so that a part which we drew ourselves is judged too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from mien.training.data.diagnosis import (
    Diagnosis,
    FoundRows,
    HeldOutCounts,
    HeldOutRows,
    PartCounts,
    RowList,
    Size,
)
from mien.training.data.files import PictureFile
from mien.training.data.likeness import mark_near_twins
from mien.training.data.marks import Marks, mark_contradicting, mark_equal, mark_repeats, mark_single_value
from mien.training.data.table import SPLITS, UNUSED, Dataset, Table

HELD_OUT = [SPLITS.index("validation"), SPLITS.index("test")]

LISTED_ROWS = 2_000
"""How many rows of a finding are listed unless the caller says otherwise: all of FER2013's."""


def examine(dataset: Dataset, listed_rows: int = LISTED_ROWS) -> Diagnosis:
    """Count what is wrong with a data set, and name the rows and files.

    Args:
        dataset: An imported data set; its pictures are read a few megabytes at a time.
        listed_rows: Where each list of rows or files is cut; the counts are always whole.

    Returns:
        The findings; see `Diagnosis` for what each number means.

    Raises:
        DataError: If its list of files is broken.
    """
    table, marks, files = dataset.table, _mark(dataset), _sort_files(dataset)
    validation, test = marks.validation, marks.test
    return Diagnosis(
        rows=len(table),
        classes=_count_classes(table, dataset.labels),
        twins_in_train=HeldOutCounts(
            validation=_count(validation & marks.in_train), test=_count(test & marks.in_train)
        ),
        redundant=_count(marks.repeated),
        contradicting_groups=len(np.unique(table["twins"][marks.contradicting])),
        not_a_face=_count(marks.no_face) if dataset.manifest.has_votes else None,
        single_value=_count(marks.flat),
        unreadable=len(files.unreadable),
        contradicting_rows=_count(marks.contradicting),
        twins_same_label=HeldOutCounts(
            validation=_count(validation & marks.same_label), test=_count(test & marks.same_label)
        ),
        twins_within=PartCounts(
            train=_count(mark_repeats(table["twins"][marks.train])),
            validation=_count(mark_repeats(table["twins"][validation])),
            test=_count(mark_repeats(table["twins"][test])),
        ),
        test_twins_in_validation=_count(test & marks.in_validation),
        near_twins_in_train=HeldOutCounts(
            validation=_count(validation & marks.nearly_in_train), test=_count(test & marks.nearly_in_train)
        ),
        wrong_size=len(files.wrong_size),
        smallest_size=files.sizes[0] if files.sizes else None,
        largest_size=files.sizes[-1] if files.sizes else None,
        without_face=len(files.without_face),
        several_faces=len(files.several_faces),
        listed_rows=listed_rows,
        found=_list_found(table, marks, files, listed_rows),
    )


class _Marked(NamedTuple):
    """Which rows of a table are in what way remarkable: (N,) bool each; see `Diagnosis` and `FoundRows`."""

    train: Marks
    validation: Marks
    test: Marks
    in_train: Marks
    in_validation: Marks
    nearly_in_train: Marks
    same_label: Marks
    repeated: Marks
    contradicting: Marks
    no_face: Marks
    flat: Marks


class _Files(NamedTuple):
    """The names of the files with which something is wrong, and all sizes, from the fewest pixels to the most."""

    unreadable: list[str]
    wrong_size: list[str]
    without_face: list[str]
    several_faces: list[str]
    sizes: list[Size]


def _mark(dataset: Dataset) -> _Marked:
    table = dataset.table
    train, validation, test = (table["split"] == number for number in range(len(SPLITS)))
    return _Marked(
        train=train,
        validation=validation,
        test=test,
        in_train=np.isin(table["twins"], table["twins"][train]),
        in_validation=np.isin(table["twins"], table["twins"][validation]),
        nearly_in_train=_mark_nearly_in_train(dataset),
        same_label=mark_equal(table, train),
        repeated=mark_repeats(table["twins"]),
        contradicting=mark_contradicting(table),
        no_face=~table["is_face"],
        flat=mark_single_value(dataset.images),
    )


def _mark_nearly_in_train(dataset: Dataset) -> Marks:
    rows = np.flatnonzero(np.isin(dataset.table["split"], HELD_OUT))
    marks = np.zeros(len(dataset.table), np.bool_)
    marks[rows] = mark_near_twins(dataset, rows)
    return marks


def _sort_files(dataset: Dataset) -> _Files:
    files = dataset.files()
    whole = [file for file in files if file.row is not None and file.faces is None]
    return _Files(
        unreadable=[file.file for file in files if file.is_unreadable],
        wrong_size=[file.file for file in whole if not file.has_size(dataset.size_px)],
        without_face=[file.file for file in files if file.row is None and file.faces == 0],
        several_faces=[file.file for file in files if file.row is None and file.faces],
        sizes=_sort_sizes(files),
    )


def _list_found(table: Table, marks: _Marked, files: _Files, limit: int) -> FoundRows:
    def listed(rows: Marks) -> RowList:
        return _list_rows(table, rows, limit)

    return FoundRows(
        twins_in_train=HeldOutRows(
            validation=listed(marks.validation & marks.in_train), test=listed(marks.test & marks.in_train)
        ),
        test_twins_in_validation=listed(marks.test & marks.in_validation),
        near_twins_in_train=HeldOutRows(
            validation=listed(marks.validation & marks.nearly_in_train),
            test=listed(marks.test & marks.nearly_in_train),
        ),
        redundant=listed(marks.repeated),
        contradicting=_list_groups(table, marks.contradicting, limit),
        not_a_face=listed(marks.no_face),
        single_value=listed(marks.flat),
        unreadable=tuple(files.unreadable[:limit]),
        wrong_size=tuple(files.wrong_size[:limit]),
        without_face=tuple(files.without_face[:limit]),
        several_faces=tuple(files.several_faces[:limit]),
    )


def _count(marks: Marks) -> int:
    return int(np.count_nonzero(marks))


def _sort_sizes(files: Iterable[PictureFile]) -> list[Size]:
    """Return the sizes of the readable files, from the fewest pixels to the most."""
    sizes = {(file.width, file.height) for file in files if file.width is not None and file.height is not None}
    return sorted(sizes, key=lambda size: (size[0] * size[1], size))


def _count_classes(table: Table, labels: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """Count the pictures of each label, part by part."""
    parts: dict[int, str] = dict(enumerate(SPLITS))
    if (table["split"] == UNUSED).any():
        parts[UNUSED] = "unused"
    counts = {
        name: np.bincount(table["label"][table["split"] == number], minlength=len(labels)).tolist()
        for number, name in parts.items()
    }
    return {name: dict(zip(labels, numbers, strict=True)) for name, numbers in counts.items()}


def _list_rows(table: Table, marks: Marks, limit: int) -> RowList:
    """Return the source's row numbers of the marked rows, the first `limit` of them."""
    return tuple(table["row"][marks][:limit].tolist())


def _list_groups(table: Table, marks: Marks, limit: int) -> RowList:
    """Return the same, with twins next to each other, groups in the order of their first row."""
    order = np.argsort(table["twins"][marks], kind="stable")
    return tuple(table["row"][marks][order][:limit].tolist())
