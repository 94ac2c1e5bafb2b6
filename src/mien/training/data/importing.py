"""From a source to a data set's folder: read, join the votes, number the twins, split, write in one step."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.core.atomic import check_new_folder
from mien.core.errors import DataError
from mien.training.data.sources.fer2013 import read_fer2013
from mien.training.data.sources.fer_plus import Votes, read_votes
from mien.training.data.sources.packed import OnProgress
from mien.training.data.sources.rows import Rows
from mien.training.data.sources.synthetic import draw_faces
from mien.training.data.splits import SplitRule, Twins, split_rows
from mien.training.data.table import ROW, Manifest, Table, number_twins, save_dataset

SYNTHETIC = "synthetic"


def import_data(
    source: str | Path,
    out: Path,
    *,
    votes: Path | None = None,
    split: str = "official",
    seed: int = 0,
    twins: Twins = "together",
    pool: bool = False,
    count: int = 2100,
    on_progress: OnProgress | None = None,
) -> Manifest:
    """Import a data set into a folder; an interrupted import leaves none.

    Args:
        source: `fer2013.csv`, plain or packed as .gz, .xz or .zip; or the word "synthetic".
        out: The folder to make; must not exist, or be empty.
        votes: FER+'s `fer2013new.csv`, joined row by row.
        split: "official", or shares such as "80/20"; see `SplitRule`.
        seed: Seed of a drawn split, and of synthetic pictures.
        twins: Whether identical pictures stay on one side of a drawn split.
        pool: Whether a drawn split draws from all parts.
        count: Number of synthetic pictures.
        on_progress: Told how much of the source is read.

    Returns:
        What was written to `dataset.json`.

    Raises:
        DataError: If the source, the votes or the split can't be used; what can be seen without reading the source is
            refused before that.
        InputError: If `out` can't be written to, or is in use.
    """
    rule = SplitRule(split, seed, twins, pool)
    check_new_folder(out)
    is_synthetic = source == SYNTHETIC
    if votes and is_synthetic:
        raise DataError("--votes goes with fer2013.csv only: synthetic faces have no FER+ votes.")
    joined = read_votes(votes) if votes else None
    rows = draw_faces(count, seed) if is_synthetic else read_fer2013(Path(source), on_progress)
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
        seed=seed if is_synthetic or rule.shares() else None,
    )


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
    table["split"] = split_rows(rule, rows.parts, rows.labels, table["twins"])
    return table
