"""The folder that `mien evaluate` leaves behind.

OUT/
├── metrics.json    every figure
├── report.html     everything in one file
└── figures/*.png   for print
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mien.apps.report.look import to_png
from mien.apps.report.observations import observe
from mien.apps.report.page import render_page
from mien.apps.report.plates import PLATE_NAMES, draw_plates
from mien.core.atomic import write_bytes, write_text
from mien.core.errors import InputError
from mien.training.evaluate.score import Scores, Scoring
from mien.training.fit.history import EpochRecord


def write_report(
    out: Path, scoring: Scoring, history: Sequence[EpochRecord] = (), best: EpochRecord | None = None
) -> list[Path]:
    """Write metrics, figures and page, each file in one step; files of an earlier report are replaced.

    Args:
        out: The folder; made if absent. Files of other names in it stay.
        scoring: Scores and predictions.
        history: One record an epoch; without it there are no curves.
        best: The epoch whose weights were kept.

    Returns:
        The files written.

    Raises:
        InputError: If `out` can't be written to.
    """
    plates = draw_plates(scoring, history, best)
    observations = observe(scoring.scores, scoring.labels, scoring.probabilities, history, best)
    page = render_page(scoring, plates, observations)
    pictures = {_figure_path(out, plate.name): to_png(plate.figure) for plate in plates}
    _remove_outdated(out, keep=set(pictures))
    for path, picture in pictures.items():
        write_bytes(path, picture)
    write_text(out / "report.html", page)
    write_metrics(out / "metrics.json", scoring.scores)
    return [out / "metrics.json", out / "report.html", *pictures]


def write_metrics(path: Path, scores: Scores) -> None:
    """Write `metrics.json` in one step."""
    write_text(path, scores.model_dump_json(indent=2) + "\n")


def _figure_path(out: Path, name: str) -> Path:
    return out / "figures" / f"{name}.png"


def _remove_outdated(out: Path, keep: set[Path]) -> None:
    """Remove figures of an earlier report that this one lacks, so that none stands beside foreign numbers."""
    for path in (_figure_path(out, name) for name in PLATE_NAMES):
        if path not in keep:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise InputError(f"can't remove the outdated {path}: {error.strerror}. Name another --out.") from None
