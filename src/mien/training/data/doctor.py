"""The doctor: what is wrong with an imported data set before anyone trains on it, counted and by row or file.

It looks at the parts as they are used (`split`), so that a part which we drew ourselves is judged too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mien.training.data.files import PictureFile
from mien.training.data.marks import Marks, mark_contradicting, mark_equal, mark_repeats, mark_single_value
from mien.training.data.table import SPLITS, UNUSED, Dataset, Table

LISTED_ROWS = 2_000
"""How many rows of a finding are listed unless the caller says otherwise: all of FER2013's."""

Count = Annotated[int, Field(ge=0)]
RowList = tuple[int, ...]
"""Source rows, counted from 0 without the header, ascending unless said otherwise."""

FileList = tuple[str, ...]
"""Paths relative to the source, with `/`, in the order in which they were read."""

Size = tuple[Count, Count]
"""Width and height in pixels."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HeldOutCounts(_Frozen):
    """A number for each of the two parts that are not trained on."""

    validation: Count
    test: Count


class PartCounts(_Frozen):
    """A number for each of the three parts."""

    train: Count
    validation: Count
    test: Count


class HeldOutRows(_Frozen):
    """Rows of the two parts that are not trained on."""

    validation: RowList
    test: RowList


class FoundRows(_Frozen):
    """The rows and files behind the numbers of a `Diagnosis`, each list cut at its `listed_rows`.

    Attributes:
        twins_in_train: Rows of validation and test that have a twin in train.
        test_twins_in_validation: Rows of test that have a twin in validation.
        redundant: Rows whose picture stood in an earlier row already; without them each picture is there once.
        contradicting: Rows of the groups of twins with more than one label, twins next to each other.
        not_a_face: Rows that FER+ calls "not a face".
        single_value: Rows whose picture is one flat value.
        unreadable: Files that could not be read, and so have no row.
        wrong_size: Files whose picture had to be scaled.
        without_face: Photos in which no face was found, and which so have no row.
        several_faces: Photos with several faces of which none was clearly the largest, likewise.
    """

    twins_in_train: HeldOutRows
    test_twins_in_validation: RowList
    redundant: RowList
    contradicting: RowList
    not_a_face: RowList
    single_value: RowList
    unreadable: FileList
    wrong_size: FileList
    without_face: FileList
    several_faces: FileList


class Diagnosis(_Frozen):
    """What the doctor found. Twins are pictures that are identical pixel for pixel, whatever their labels.

    Attributes:
        rows: Pictures in all, used or not.
        classes: By part, the number of pictures of each label; "unused" is there if any row belongs to no part.
        twins_in_train: Pictures of validation and test with at least one twin in train: what is scored there was
            seen in training.
        redundant: Pictures minus distinct pictures, over all rows.
        contradicting_groups: Groups of twins that carry more than one label, over all rows.
        not_a_face: Rows that FER+ calls "not a face"; None without FER+, when nobody looked.
        single_value: Pictures in which every pixel has the same value.
        unreadable: Files that could not be read, and so are not among the rows; 0 for a source that is a table of
            pixels.
        contradicting_rows: Pictures in `contradicting_groups`.
        twins_same_label: Of `twins_in_train`, those where a twin in train has the same label.
        twins_within: Pictures of a part minus distinct pictures of that part.
        test_twins_in_validation: Pictures of test with a twin in validation: what is scored helped to choose.
        wrong_size: Pictures whose own width and height were not the data set's, so that they were scaled; 0 for a table
            of pixels, and for faces that were cut out of photos.
        smallest_size: Width and height of the readable file with the fewest pixels, before scaling; None for a table.
        largest_size: The same of the one with the most.
        without_face: Photos left out since no face was found in them; 0 where nobody looked for faces.
        several_faces: Photos left out since several faces were found, and none was clearly the largest; likewise.
        listed_rows: Each list in `found` stops after this many rows or files.
        found: The rows and files themselves.
    """

    rows: Count
    classes: dict[str, dict[str, Count]]
    twins_in_train: HeldOutCounts
    redundant: Count
    contradicting_groups: Count
    not_a_face: Count | None
    single_value: Count
    unreadable: Count
    contradicting_rows: Count
    twins_same_label: HeldOutCounts
    twins_within: PartCounts
    test_twins_in_validation: Count
    wrong_size: Count
    smallest_size: Size | None
    largest_size: Size | None
    without_face: Count
    several_faces: Count
    listed_rows: Count
    found: FoundRows

    @property
    def is_leaking(self) -> bool:
        """Whether a part that is scored holds pictures that training or choosing has seen."""
        return self.twins_in_train.validation + self.twins_in_train.test + self.test_twins_in_validation > 0

    @property
    def is_contradicting(self) -> bool:
        """Whether identical pictures carry different labels."""
        return self.contradicting_groups > 0

    def to_json(self) -> str:
        """Return the text of `doctor.json`: one field a line, in the order above."""
        fields = self.model_dump(mode="json").items()
        return "{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in fields) + "\n}\n"


def examine(dataset: Dataset, listed_rows: int = LISTED_ROWS) -> Diagnosis:
    """Count what is wrong with a data set, and name the rows and files.

    Args:
        dataset: An imported data set; its pictures are read once, a few megabytes at a time.
        listed_rows: Where each list of rows or files is cut; the counts are always whole.

    Returns:
        The findings; see `Diagnosis` for what each number means.

    Raises:
        DataError: If its list of files is broken.
    """
    table = dataset.table
    train, validation, test = (table["split"] == number for number in range(len(SPLITS)))
    in_train = np.isin(table["twins"], table["twins"][train])
    in_validation = np.isin(table["twins"], table["twins"][validation])
    same_label = mark_equal(table, train)
    repeated = mark_repeats(table["twins"])
    contradicting = mark_contradicting(table)
    flat = mark_single_value(dataset.images)
    no_face = ~table["is_face"]
    files = dataset.files()
    unreadable = [file.file for file in files if file.is_unreadable]
    whole = [file for file in files if file.row is not None and file.faces is None]
    wrong_size = [file.file for file in whole if not file.has_size(dataset.size_px)]
    without_face = [file.file for file in files if file.row is None and file.faces == 0]
    several_faces = [file.file for file in files if file.row is None and file.faces]
    sizes = _sort_sizes(files)

    def listed(marks: Marks) -> RowList:
        return _list_rows(table, marks, listed_rows)

    return Diagnosis(
        rows=len(table),
        classes=_count_classes(table, dataset.labels),
        twins_in_train=HeldOutCounts(validation=_count(validation & in_train), test=_count(test & in_train)),
        redundant=_count(repeated),
        contradicting_groups=len(np.unique(table["twins"][contradicting])),
        not_a_face=_count(no_face) if dataset.manifest.has_votes else None,
        single_value=_count(flat),
        unreadable=len(unreadable),
        contradicting_rows=_count(contradicting),
        twins_same_label=HeldOutCounts(validation=_count(validation & same_label), test=_count(test & same_label)),
        twins_within=PartCounts(
            train=_count(mark_repeats(table["twins"][train])),
            validation=_count(mark_repeats(table["twins"][validation])),
            test=_count(mark_repeats(table["twins"][test])),
        ),
        test_twins_in_validation=_count(test & in_validation),
        wrong_size=len(wrong_size),
        smallest_size=sizes[0] if sizes else None,
        largest_size=sizes[-1] if sizes else None,
        without_face=len(without_face),
        several_faces=len(several_faces),
        listed_rows=listed_rows,
        found=FoundRows(
            twins_in_train=HeldOutRows(validation=listed(validation & in_train), test=listed(test & in_train)),
            test_twins_in_validation=listed(test & in_validation),
            redundant=listed(repeated),
            contradicting=_list_groups(table, contradicting, listed_rows),
            not_a_face=listed(no_face),
            single_value=listed(flat),
            unreadable=tuple(unreadable[:listed_rows]),
            wrong_size=tuple(wrong_size[:listed_rows]),
            without_face=tuple(without_face[:listed_rows]),
            several_faces=tuple(several_faces[:listed_rows]),
        ),
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
