"""What `doctor.json` says: the counts of what is wrong with a data set, and the rows and files behind them."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

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
        near_twins_in_train: Rows of validation and test that have a near twin in train, and no twin.
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
    near_twins_in_train: HeldOutRows
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

    Near twins are the same photo, cut or packed a little differently, as `find_near_twins` tells it.

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
        near_twins_in_train: Pictures of validation and test with a near twin in train, and no twin there.
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
    near_twins_in_train: HeldOutCounts
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
