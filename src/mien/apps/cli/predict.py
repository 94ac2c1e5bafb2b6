"""`mien predict`: pictures in; a table, JSON lines, CSV rows and annotated pictures out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Group, Parameter
from cyclopts.validators import mutually_exclusive
from rich.console import Console
from rich.progress import track

from mien.apps.cli.outputs import AnnotatedFolder, CsvFile, JsonLines, Output, ResultTable, printable
from mien.core.errors import InputError
from mien.core.results import Picture
from mien.inference.faces.detector import DEFAULT_DETECTOR
from mien.inference.media.pictures import SUFFIXES, list_pictures
from mien.inference.recognizer import Recognizer
from mien.inference.runtime.bundled import BUNDLED, DEFAULT_MODEL

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
    annotate: Path | None = None,
    model: str = DEFAULT_MODEL,
    detector: str = DEFAULT_DETECTOR,
    min_score: float | None = None,
    max_side_px: int | None = None,
    threads: int | None = None,
) -> int:
    """Find the faces in pictures, and name their apparent expressions.

    A picture that can't be read gets a line with its error, the rest go on, and the exit status is 1.

    Args:
        paths: Picture files, or folders: these mean their picture files at any depth.
        crops: Each picture is one face, cut out already; no faces are looked for.
        as_json: Print one JSON object a picture, one a line.
        csv: Write a CSV file: source, x, y, width, height, score, expression, confidence, is_certain, the
            probability of each label in its own column, error.
        annotate: Write each picture with its reading drawn on it into this folder, as PNG.
        model: Name of a bundled model, or path of a model file.
        detector: Path of the model that finds faces; see `mien train faces`.
        min_score: Score from which on a detection is shown, 0-1; lower finds more faces, and more that are none.
        max_side_px: Larger pictures are scaled down to this longer side before faces are looked for; 640 unless the
            detector says otherwise. Larger finds smaller faces and takes longer.
        threads: Processor threads to use; by default what the machine has, at most 4.
    """
    if not crops and detector == DEFAULT_DETECTOR and detector not in BUNDLED:
        raise InputError(
            "finding faces in whole photos needs a detector, and none is bundled in this version. If each picture is "
            "one face, cut out already, add --crops; else name one that you trained: --detector FILE.onnx."
        )
    sources = find_sources(paths)
    if csv is not None:
        _spare_pictures(csv, sources)
    with ExitStack() as stack:
        folder = AnnotatedFolder(annotate, sources) if annotate is not None else None
        recognizer = Recognizer.load(model, detector=detector, threads=threads)
        outputs: list[Output] = [folder] if folder is not None else []
        if csv is not None:
            table = stack.enter_context(CsvFile.create(csv, recognizer.labels))
            outputs.append(table)
        elif as_json:
            outputs.append(JsonLines())
        else:
            outputs.append(stack.enter_context(ResultTable.collect()))
        files = (path for path, _ in sources)
        limits = {"min_score": min_score, "max_side_px": max_side_px}
        pictures = recognizer.predict_crops(files) if crops else recognizer.predict_each(files, **limits)  # type: ignore[arg-type]
        failed = _write_all(pictures, len(sources), outputs)
    if csv is not None:
        print(f"wrote {table.rows} row{'s' * (table.rows != 1)} to {printable(str(csv))}", file=sys.stderr)
    return 1 if failed else 0


def _spare_pictures(csv: Path, sources: Iterable[tuple[Path, Path]]) -> None:
    """Refuse to write rows over a picture: the name of the CSV file was forgotten, and a picture took its place."""
    target = os.path.realpath(csv)
    if csv.suffix.lower() in SUFFIXES or any(os.path.realpath(source) == target for source, _ in sources):
        raise InputError(f"--csv {csv} names a picture. Name a file for the rows, such as faces.csv.")


def find_sources(paths: Iterable[str]) -> list[tuple[Path, Path]]:
    """Return the pictures that the paths mean, in their order, each with its path relative to the one that was named.

    Raises:
        InputError: If there are none.
    """
    sources: list[tuple[Path, Path]] = []
    empty: list[str] = []
    for name in paths:
        if not name:
            raise InputError("one of the paths is empty. Name picture files, or . for the current folder.")
        path = Path(name)
        found = list_pictures(path)
        sources.extend((file, file.relative_to(path) if file != path else Path(file.name)) for file in found)
        if not found:
            empty.append(printable(str(path)))
    if not sources:
        raise InputError(f"no pictures found in {', '.join(empty)}. Name picture files, or a folder that holds some.")
    for folder in empty:
        print(f"mien: note: no pictures in {folder}", file=sys.stderr)
    return sources


def _write_all(pictures: Iterator[Picture], total: int, outputs: list[Output]) -> int:
    """Hand every picture to every output; return how many could not be read."""
    failed = 0
    console = Console(stderr=True)
    hidden = total < PROGRESS_FROM or not console.is_terminal
    for picture in track(pictures, "reading", total, console=console, transient=True, disable=hidden):
        failed += picture.error is not None
        for output in outputs:
            output.write(picture)
    return failed
