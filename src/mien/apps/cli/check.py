"""`mien data check`: what the doctor found, in plain words, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mien.apps.cli.outputs import printable
from mien.core.atomic import write_bytes, write_text
from mien.core.errors import InputError, MissingExtraError
from mien.training.data.diagnosis import Diagnosis
from mien.training.data.doctor import examine
from mien.training.data.files import FILES_FILE
from mien.training.data.table import Dataset, open_dataset

JSON_NAME, FIGURE_NAME = "doctor.json", "doctor.png"

NAMED_FILES = 3
"""Of the files with something wrong, how many the table names; the JSON has them all."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's table.

    Attributes:
        name: What was looked for.
        count: How often it was found; None if nobody could look.
        detail: The count in proportion, or its parts.
        meaning: What it means and what to do, shown where something was found.
    """

    name: str
    count: int | None
    detail: str
    meaning: str


def check(
    folder: Path,
    /,
    *,
    out: Path | None = None,
    strict: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Look for what is wrong with an imported data set: leaks, contradictions, empty pictures, balance.

    Prints a table, and writes doctor.json and the figure doctor.png.

    Args:
        folder: A folder that `mien data import` made.
        out: Folder for doctor.json and doctor.png. Default: the data set's own folder; where that can't be written
            to, the table still comes.
        strict: Exit with status 1 if parts share pictures, identical pictures carry different labels, or files could
            not be read.

    Raises:
        DataError: If the folder is no imported data set, or was changed after its import.
        InputError: If `out` was named and can't be written to.
    """
    dataset = open_dataset(folder)
    dataset.verify()
    diagnosis = examine(dataset)
    console = Console()
    console.print(_tabulate_classes(dataset, diagnosis))
    console.print(_tabulate_findings(list_findings(diagnosis, is_fer2013_table=_is_fer2013_table(dataset))))
    try:
        notes = _write(diagnosis, dataset, out or folder)
    except InputError as error:
        if out is not None:
            raise
        notes = [f"Nothing written: {error} Use --out DIR."]
    for note in notes:
        console.print(note, markup=False, highlight=False, soft_wrap=True)
    if strict and (diagnosis.is_leaking or diagnosis.is_contradicting or diagnosis.unreadable):
        console.print(
            "Not accepted (--strict): the data leak, contradict themselves or lack files, see above.", style="bold red"
        )
        raise SystemExit(1)


def list_findings(diagnosis: Diagnosis, *, is_fer2013_table: bool) -> Iterator[Finding]:
    """Yield the doctor's findings in plain words, the gravest first.

    Args:
        diagnosis: What the doctor found.
        is_fer2013_table: Whether the data are rows that FER+ has votes for. Of others nobody can know what people saw,
            so nothing is said of it.
    """
    yield from _list_leaks(diagnosis)
    yield Finding(
        "contradicting labels",
        diagnosis.contradicting_groups,
        f"groups of identical pictures, {diagnosis.contradicting_rows:,} pictures in all",
        "Their labels differ, so nobody can get them all right. `drop_contradicting` in a recipe leaves them out.",
    )
    within = diagnosis.twins_within
    yield Finding(
        "redundant pictures",
        diagnosis.redundant,
        f"{_percent(diagnosis.redundant, diagnosis.rows)} of all; "
        f"within train {within.train:,}, validation {within.validation:,}, test {within.test:,}",
        "Further copies of a picture. In train they count double; between parts they leak.",
    )
    if is_fer2013_table or diagnosis.not_a_face is not None:
        yield _find_no_face(diagnosis)
    yield Finding(
        "single-valued pictures",
        diagnosis.single_value,
        f"{_percent(diagnosis.single_value, diagnosis.rows)} of all",
        "One flat gray, nothing to see in it. `drop_not_a_face` in a recipe leaves them out too.",
    )
    if diagnosis.without_face or diagnosis.several_faces:
        yield from _list_uncut(diagnosis)
    yield Finding(
        "unreadable files",
        diagnosis.unreadable,
        name_files(diagnosis.found.unreadable, diagnosis.unreadable),
        f"Not among the pictures; {FILES_FILE} gives the reason of each. Fetch them again, and import again.",
    )
    yield Finding(
        "pictures of another size",
        diagnosis.wrong_size,
        f"{_percent(diagnosis.wrong_size, diagnosis.rows)} of all, {_name_sizes(diagnosis)}; "
        f"{name_files(diagnosis.found.wrong_size, diagnosis.wrong_size)}",
        "Scaled when they were imported, and stretched if they were not square. Where only a few differ, look at them: "
        "they may be no crops of faces.",
    )


def _list_uncut(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Yield the photos out of which no face was cut."""
    yield Finding(
        "photos without a face",
        diagnosis.without_face,
        name_files(diagnosis.found.without_face, diagnosis.without_face),
        f"No face was found in them, so they are not among the pictures; {FILES_FILE} lists them. Where there is one, "
        "bring its crop instead, or import with a detector that finds it.",
    )
    yield Finding(
        "photos with several faces",
        diagnosis.several_faces,
        name_files(diagnosis.found.several_faces, diagnosis.several_faces),
        f"None of them is clearly the largest, so nobody can tell which the label means; {FILES_FILE} lists them. "
        "Cut these photos so that one face is left.",
    )


def name_files(files: Sequence[str], count: int) -> str:
    """Name the first of so many files."""
    return ", ".join(map(printable, files[:NAMED_FILES])) + (", ..." if count > NAMED_FILES else "")


def _name_sizes(diagnosis: Diagnosis) -> str:
    """Say between which sizes the files of the source lie."""
    sizes = [f"{size[0]}x{size[1]}" for size in (diagnosis.smallest_size, diagnosis.largest_size) if size is not None]
    return " to ".join(dict.fromkeys(sizes)) + " pixels"


def _list_leaks(diagnosis: Diagnosis) -> Iterator[Finding]:
    """Yield the twins between parts."""
    sizes = {part: sum(counts.values()) for part, counts in diagnosis.classes.items()}
    twins, same = diagnosis.twins_in_train, diagnosis.twins_same_label
    meaning = (
        "Leak: training has seen these, so the score comes out too high. Go by the accuracy without twins, or import "
        "with --split {}; a part that we draw keeps twins together."
    )
    yield Finding(
        "validation pictures in train",
        twins.validation,
        f"{_percent(twins.validation, sizes['validation'])} of validation; {same.validation:,} with the same label",
        meaning.format("80/20"),
    )
    yield Finding(
        "test pictures in train",
        twins.test,
        f"{_percent(twins.test, sizes['test'])} of test; {same.test:,} with the same label",
        meaning.format("80/10/10 --pool"),
    )
    yield Finding(
        "test pictures in validation",
        diagnosis.test_twins_in_validation,
        f"{_percent(diagnosis.test_twins_in_validation, sizes['test'])} of test",
        "A small leak: what is chosen on validation is partly chosen on test.",
    )
    near = diagnosis.near_twins_in_train
    yield Finding(
        "held-out pictures nearly in train",
        near.validation + near.test,
        f"{near.validation:,} of validation, {near.test:,} of test ({_percent(near.test, sizes['test'])})",
        "Nearly all of these are the same photo, packed or marked differently, told by the correlation of pixels (a "
        "limit found on FER2013). They leak, too, in drawn splits as well; go by the accuracy without near twins. "
        "--strict does not look at them.",
    )


def _find_no_face(diagnosis: Diagnosis) -> Finding:
    """Return the finding that depends on FER+."""
    if diagnosis.not_a_face is None:
        meaning = "To know, import fer2013.csv or icml_face_data.csv with --votes fer2013new.csv."
        return Finding("not a face", None, "unknown", meaning)
    return Finding(
        "not a face",
        diagnosis.not_a_face,
        f"{_percent(diagnosis.not_a_face, diagnosis.rows)} of all",
        "FER+'s people saw no face, so the label can't be right. `drop_not_a_face` in a recipe leaves them out.",
    )


def _is_fer2013_table(dataset: Dataset) -> bool:
    """Whether it was a table of FER2013's; its copies as picture files have other rows than FER+."""
    return dataset.manifest.name == "FER2013" and not dataset.files()


def _tabulate_findings(findings: Iterable[Finding]) -> Table:
    """Return the table of findings."""
    table = Table(title="What the doctor found", title_justify="left", show_lines=True)
    table.add_column("Finding", no_wrap=True)
    table.add_column("Count", justify="right", no_wrap=True)
    table.add_column("What it means, and what to do")
    for finding in findings:
        if finding.count == 0:
            table.add_row(finding.name, "0", "Fine.", style="green")
        else:
            count = "?" if finding.count is None else f"{finding.count:,}"
            table.add_row(finding.name, count, escape(f"{finding.detail}\n{finding.meaning}".strip()))
    return table


def _tabulate_classes(dataset: Dataset, diagnosis: Diagnosis) -> Table:
    """Return the table of class counts by part, with what they say of the balance."""
    manifest = dataset.manifest
    table = Table(
        title=escape(f"{manifest.name}: {diagnosis.rows:,} pictures, split {manifest.split}"),
        title_justify="left",
        caption=escape(_judge_balance(diagnosis)),
        caption_justify="left",
        show_footer=True,
    )
    table.add_column("Label", footer="all")
    for part, counts in diagnosis.classes.items():
        table.add_column(part, justify="right", footer=f"{sum(counts.values()):,}")
    for label in dataset.labels:
        cells = [
            f"{counts[label]:,}  {_percent(counts[label], sum(counts.values())):>6}"
            for counts in diagnosis.classes.values()
        ]
        table.add_row(escape(label), *cells)
    return table


def _judge_balance(diagnosis: Diagnosis) -> str:
    """Say in a sentence or two how even the classes of train are."""
    counts = diagnosis.classes["train"]
    rarest, commonest = min(counts, key=lambda label: counts[label]), max(counts, key=lambda label: counts[label])
    if counts[rarest] == 0:
        absent = ", ".join(label for label, count in counts.items() if count == 0)
        return f"No pictures in train: {absent}. A network can't learn these."
    ratio = counts[commonest] / counts[rarest]
    if ratio < 1.5:
        return "The classes of train are about even."
    return (
        f"In train {commonest} is {ratio:.1f} times as frequent as {rarest}. Judge by macro-F1 beside accuracy; "
        "class weights or oversampling help the rare."
    )


def _percent(count: int, total: int) -> str:
    share = 100 * count / max(1, total)
    return f"{share:.2f} %" if 0 < share < 0.1 else f"{share:.1f} %"


def _write(diagnosis: Diagnosis, dataset: Dataset, out: Path) -> list[str]:
    """Write the JSON, and the figure if matplotlib is there; return what to tell the user."""
    write_text(out / JSON_NAME, diagnosis.to_json())
    notes = [f"Wrote {out / JSON_NAME}: each number above, and up to {diagnosis.listed_rows:,} rows or files for it."]
    try:
        # a heavy import, and an optional one: the table and the JSON come without it
        from mien.apps.report.balance import draw_balance
        from mien.apps.report.look import to_png
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("matplotlib"):
            raise
        return [*notes, f"No figure: {MissingExtraError('report', 'matplotlib')}"]
    write_bytes(out / FIGURE_NAME, to_png(draw_balance(diagnosis, dataset.manifest.name)))
    return [*notes, f"Wrote {out / FIGURE_NAME}."]
