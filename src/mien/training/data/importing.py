"""From a source to a data set's folder: read, join the votes, number the twins, split, write in one step."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from mien.core.atomic import check_new_folder
from mien.core.errors import DataError, InputError
from mien.inference.faces.detector import DEFAULT_DETECTOR
from mien.training.data.manifest import Manifest
from mien.training.data.sources.fer_plus import Votes, read_votes
from mien.training.data.sources.packed import OnProgress
from mien.training.data.sources.pictures import Color, PictureForm
from mien.training.data.sources.recognize import Source, recognize
from mien.training.data.sources.rows import Rows
from mien.training.data.sources.synthetic import draw_faces
from mien.training.data.splits import OFFICIAL, SplitRule, Twins, check_train, mark_leaking, split_rows
from mien.training.data.table import ROW, Table, number_twins, save_dataset

SYNTHETIC = "synthetic"


def import_data(
    source: str | Path,
    out: Path,
    *,
    votes: Path | None = None,
    split: str | None = None,
    seed: int = 0,
    twins: Twins = "together",
    pool: bool = False,
    from_validation: bool = False,
    count: int = 2100,
    size_px: int | None = None,
    color: Color | None = None,
    faces: bool = False,
    detector: str | os.PathLike[str] | None = None,
    on_progress: OnProgress | None = None,
) -> Manifest:
    """Import a data set into a folder; an interrupted import leaves none.

    Args:
        source: `fer2013.csv`, `icml_face_data.csv` or `train.csv` of Kaggle, plain or packed as .gz, .xz or .zip; a
            folder of class folders with pictures, or a .zip of one, such as Kaggle's picture copy of FER2013; or the
            word "synthetic". Which of these it is, is told by what it holds.
        out: The folder to make; must not exist, or be empty.
        votes: FER+'s `fer2013new.csv`, joined row by row.
        split: "official" for the source's own parts, or shares such as "80/20"; see `SplitRule`. None for its own
            parts if one of them is for validation, else for what has to be drawn to have one.
        seed: Seed of a drawn split, and of synthetic pictures.
        twins: Whether identical pictures stay on one side of a drawn split.
        pool: Whether a drawn split draws from all parts.
        from_validation: Whether the source's validation part is drawn from, for train and for validation; its pictures
            that are nearly in test are left unused then, unless twins are ignored.
        count: Number of synthetic pictures.
        size_px: Side that pictures of any size are brought to; None for 48.
        color: Color that they are brought to; None for "gray".
        faces: Whether to find, turn and cut out the face of each picture, as live pictures are cut. Pictures without a
            face, or with several of which none is clearly the largest, are left out and noted; see `cutting`.
        detector: Name or path of the model that finds them; None for the bundled one.
        on_progress: Told how much of the source is read.

    Returns:
        What was written to `dataset.json`.

    Raises:
        DataError: If the source, the votes or the split can't be used; what can be seen without reading the source is
            refused before that.
        InputError: If `out` can't be written to, is in use, or lies inside the source.
        ModelError: If the detector can't be opened, or fails.
    """
    check_new_folder(out)
    if detector is not None and not faces:
        raise DataError(f"--detector {os.fspath(detector)} goes with --faces: without it no faces are looked for.")
    finder = (DEFAULT_DETECTOR if detector is None else detector) if faces else None
    opened = _open(source, out, count, seed, _make_form(size_px, color), finder)
    is_drawn = split is not None and split != OFFICIAL
    if from_validation and not opened.is_parted:
        raise DataError(f"--from-validation: {source} has no validation part of its own. Leave it out.")
    rule = SplitRule(split, seed, twins, pool or (is_drawn and not opened.is_parted), from_validation)
    if split == OFFICIAL and not opened.parts:
        raise DataError(f"--split {split}: {source} makes no parts of its own. Leave it out, or name shares: 80/10/10.")
    if votes and not opened.has_fer_plus_rows:
        raise DataError(f"--votes goes with fer2013.csv and icml_face_data.csv only: FER+ has no rows for {source}.")
    joined = read_votes(votes) if votes else None
    rows = opened.read(on_progress)
    rule = rule.resolve(rows.parts)
    return save_dataset(
        out,
        _build_table(rows, joined, rule),
        rows.images,
        name=rows.name,
        license=rows.license + (" FER+ votes: Microsoft, MIT." if joined else ""),
        source=rows.source,
        labels=rows.label_names,
        has_votes=joined is not None,
        split=str(rule),
        seed=seed if source == SYNTHETIC or rule.shares() else None,
        files=rows.files,
        faces=rows.faces,
    )


def _make_form(size_px: int | None, color: Color | None) -> PictureForm | None:
    """Return what pictures shall be brought to; None if the caller does not care."""
    if size_px is None and color is None:
        return None
    default = PictureForm()
    return PictureForm(default.size_px if size_px is None else size_px, default.color if color is None else color)


def _open(
    source: str | Path,
    out: Path,
    count: int,
    seed: int,
    form: PictureForm | None,
    detector: str | os.PathLike[str] | None,
) -> Source:
    """Find out what the source is, without reading it."""
    if source == SYNTHETIC:
        if detector is not None:
            raise DataError("--faces goes with folders of photos; synthetic faces are drawn as crops.")
        if form is not None:
            raise DataError("--size-px and --color go with folders of pictures; synthetic faces are 48x48 gray.")
        return Source(lambda _: draw_faces(count, seed))
    if not str(source):
        raise DataError("the source is empty. Name a file or a folder, or . for the current folder.")
    opened = recognize(Path(source), form, detector)
    if Path(os.path.realpath(out)).is_relative_to(os.path.realpath(source)):
        raise InputError(f"{out} lies inside {source}, whose folders are its classes. Name a folder outside of it.")
    return opened


def _build_table(rows: Rows, joined: Votes | None, rule: SplitRule) -> Table:
    """Fill the typed table of a data set."""
    table = np.zeros(len(rows.labels), ROW)
    table["row"] = np.arange(len(table))
    table["label"] = rows.labels
    table["part"] = rows.parts
    table["is_face"] = True
    if joined:
        joined.check_rows(rows.parts)
        table["votes"] = joined.votes
        table["is_face"] = joined.is_face
    table["twins"] = number_twins(rows.images)
    is_apart = rule.from_validation and rule.twins == "together"
    leaking = mark_leaking(rows.parts, table["twins"], rows.images) if is_apart else None
    table["split"] = split_rows(rule, rows.parts, rows.labels, table["twins"], leaking)
    check_train(rule, table["split"], rows.labels, rows.label_names)
    return table
