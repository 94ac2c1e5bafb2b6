"""`mien predict`: pictures in; a table, JSON lines, rows in a file, and annotated pictures out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Group, Parameter
from cyclopts.validators import mutually_exclusive
from rich.console import Console
from rich.progress import Progress

from mien.apps.cli.interruption import in_one_piece
from mien.apps.cli.main import EXIT_INTERRUPTED
from mien.apps.cli.outputs import AnnotatedFolder, Failures, JsonLines, Output, printable
from mien.apps.cli.picture_rows import PictureRows, list_columns
from mien.apps.cli.result_table import ResultTable, Tally
from mien.apps.cli.sources import Source, find_sources
from mien.apps.cli.tables import CsvTable, ParquetTable, check_parquet
from mien.apps.cli.written_forms import refuse_other_form
from mien.core.errors import InputError
from mien.core.results import Picture
from mien.inference.expression.model import LabelSet
from mien.inference.faces.detector import DEFAULT_DETECTOR
from mien.inference.media.pictures import SUFFIXES
from mien.inference.recognizer import Recognizer
from mien.inference.runtime.bundled import DEFAULT_MODEL

PROGRESS_FROM: Final = 50
"""Fewer pictures are done before a bar would tell anything."""

_FORM = Group("Form of the output", validator=mutually_exclusive)


def predict(
    paths: Annotated[list[str], Parameter(json_list=False)],
    /,
    *,
    crops: Annotated[bool, Parameter(negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="", group=_FORM)] = False,
    csv: Annotated[Path | None, Parameter(group=_FORM)] = None,
    parquet: Annotated[Path | None, Parameter(group=_FORM)] = None,
    coarse: Annotated[bool, Parameter(negative="")] = False,
    annotate: Path | None = None,
    model: str = DEFAULT_MODEL,
    labels: LabelSet = "fer2013",
    detector: str = DEFAULT_DETECTOR,
    min_score: float | None = None,
    max_side_px: int | None = None,
    threads: int | None = None,
) -> int:
    """Find the faces in pictures, and name their apparent expressions.

    A picture that can't be read gets a line with its error, the rest go on, and the exit status is 1.
    The same holds for a subfolder that can't be listed and a picture that can't be drawn: a note says which.
    Ctrl-C ends it; the rows of --csv and --parquet so far are kept.

    Args:
        paths: Picture files; folders, which mean their picture files at any depth; or globs in quotes, such as
            'photos/**/*.jpg'. What several of them mean is read once.
        crops: Each picture is one face, cut out already; no faces are looked for.
        as_json: Print one JSON object a picture, one a line.
        csv: Write a CSV file, a row a face: source, x, y, width, height, score, expression, confidence, is_certain,
            size_px, sharpness, turn_deg, tilt_deg, the probability of each label in its own column, error.
        parquet: Write the columns of the CSV file to a Parquet file; needs the extra "tables".
        coarse: Tell of each face its tone (positive, neutral, negative or surprise), the tone's confidence, and the
            valence from -1 (unpleasant) to 1 (pleasant), too; empty if the model has other labels than the seven.
        annotate: Write each picture with its reading drawn on it into this folder, as PNG. Pictures that lie in it
            already are not read.
        model: A model's name, or path of a model file.
        labels: What a model with two heads is asked for: fer2013, the labels it was trained on, or votes, what people
            voted on such pictures.
        detector: Name of a model that finds faces, or path of one that `mien train faces` made.
        min_score: Score from which on a detection is shown, 0-1; lower finds more faces, and more that are none.
        max_side_px: Larger pictures are scaled down to this longer side before faces are looked for; 640 unless the
            detector says otherwise. Larger finds smaller faces and takes longer.
        threads: Processor threads to use; by default what the machine has, at most 4.
    """
    if crops:
        _refuse_search(detector, min_score, max_side_px)
    if parquet is not None:
        check_parquet()
        refuse_other_form("--parquet", parquet)
    if csv is not None and csv.suffix.lower() not in SUFFIXES:
        refuse_other_form("--csv", csv)
    found = find_sources(paths, drawn_into=annotate)
    sources = found.pictures
    rows_file = parquet if csv is None else csv
    if rows_file is not None:
        _spare_pictures(rows_file, "--parquet" if csv is None else "--csv", sources)
    is_interrupted, failures = False, Failures()
    with ExitStack() as stack:
        folder = AnnotatedFolder(annotate, sources) if annotate is not None else None
        recognizer = Recognizer.load(model, labels=labels, detector=detector, threads=threads)
        tally = Tally()
        outputs: list[Output] = [tally, folder] if folder is not None else [tally]
        if rows_file is not None:
            columns = list_columns(recognizer.labels, has_tone=coarse)
            opened: AbstractContextManager[CsvTable | ParquetTable] = (
                ParquetTable.create(rows_file, columns) if csv is None else CsvTable.create(rows_file, columns)
            )
            table = stack.enter_context(opened)
            outputs += [PictureRows(table, recognizer.labels, has_tone=coarse), failures]
        elif as_json:
            outputs.append(JsonLines(has_tone=coarse))
        else:
            outputs.append(stack.enter_context(ResultTable.collect(tally, has_places=not crops, has_tone=coarse)))
        files = (path for path, _ in sources)
        if crops:
            pictures = recognizer.predict_crops(files)
        else:
            pictures = recognizer.predict_each(files, min_score=min_score, max_side_px=max_side_px)
        is_bar_shown = len(sources) >= PROGRESS_FROM and not (as_json and sys.stdout.isatty())
        try:
            _write_all(pictures, len(sources), outputs, is_bar_shown=is_bar_shown)
        except KeyboardInterrupt:
            if rows_file is None or not tally.seen:  # nothing to keep
                raise
            is_interrupted = True  # the table closes as it does at its end, and so it takes its place
        if folder is not None:
            tally.undrawn = folder.undrawn
            _tell_drawn(folder)
    if rows_file is not None:
        failures.tell()
        _tell_rows(rows_file, table.rows, tally, is_interrupted=is_interrupted)
    if is_interrupted:
        return EXIT_INTERRUPTED
    return 1 if tally.unreadable or tally.absent or tally.undrawn or not found.is_complete else 0


def _refuse_search(detector: str, min_score: float | None, max_side_px: int | None) -> None:
    """Refuse flags that tell how to look for faces where nobody looks for any."""
    named = None if detector == DEFAULT_DETECTOR else detector
    given = {"--detector": named, "--min-score": min_score, "--max-side-px": max_side_px}
    for flag, value in given.items():
        if value is not None:
            raise InputError(f"{flag} tells how to look for faces; with --crops none are looked for. Leave one out.")


def _spare_pictures(target: Path, flag: str, sources: Iterable[Source]) -> None:
    """Refuse to write rows over a picture: the name of their file was forgotten, and a picture took its place."""
    real = os.path.realpath(target)
    if target.suffix.lower() in SUFFIXES or any(os.path.realpath(source) == real for source, _ in sources):
        raise InputError(f"{flag} {target} names a picture. Name a file for the rows, such as faces.{flag[2:]}.")


def _write_all(pictures: Iterator[Picture], total: int, outputs: list[Output], *, is_bar_shown: bool) -> None:
    """Hand every picture to every output, with a bar on standard error if that is a terminal."""
    console = Console(stderr=True)
    hidden = not (is_bar_shown and console.is_terminal)
    # Nothing is redirected: rich would print on standard error what an output prints on standard output.
    with Progress(
        console=console, transient=True, disable=hidden, redirect_stdout=False, redirect_stderr=False
    ) as progress:
        for picture in progress.track(pictures, total, description="reading"):
            with in_one_piece():
                for output in outputs:
                    output.write(picture)


def _tell_rows(file: Path, rows: int, tally: Tally, *, is_interrupted: bool) -> None:
    """Say what the file holds, and of an interrupted run how far it came."""
    name = printable(str(file))
    if is_interrupted:
        many, them = ("", "it") if tally.seen == 1 else ("s", "them")
        print(f"mien: interrupted after {tally.seen:,} picture{many}; {name} holds {them}", file=sys.stderr)
        return
    print(f"wrote {rows} row{'s' * (rows != 1)} to {name}: {tally}", file=sys.stderr)


def _tell_drawn(folder: AnnotatedFolder) -> None:
    """Say which pictures were read and then could not be drawn upon, and how many were."""
    for reason in folder.reasons:
        print(f"mien: note: not drawn: {printable(reason)}", file=sys.stderr)
    if (more := folder.undrawn - len(folder.reasons)) > 0:
        print(f"mien: note: and {more:,} more not drawn", file=sys.stderr)
    if folder.drawn:
        name = printable(str(folder.folder))
        print(f"wrote {folder.drawn:,} picture{'s' * (folder.drawn != 1)} into {name}", file=sys.stderr)
