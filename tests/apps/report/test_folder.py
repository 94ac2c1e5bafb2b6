"""The folder of a report: what is in it, what is replaced, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="reports need the report extra")
pytest.importorskip("jinja2", reason="reports need the report extra")

from mien.apps.report.folder import write_report
from mien.training.evaluate.score import Scores, Scoring
from mien.training.fit.history import EpochRecord, find_best_epoch


def _names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_second_report_replaces_the_first_wholly(
    tmp_path: Path, scoring: Scoring, history: list[EpochRecord]
) -> None:
    (tmp_path / "mine.txt").write_text("stays")
    written = write_report(tmp_path, scoring, history, find_best_epoch(history))
    figures = ["classes.png", "confusion.png", "curves.png", "mistakes.png", "reliability.png"]
    assert _names(tmp_path) == [*(f"figures/{name}" for name in figures), "metrics.json", "mine.txt", "report.html"]
    assert sorted(str(path.relative_to(tmp_path)) for path in written) == [
        name for name in _names(tmp_path) if name != "mine.txt"
    ]

    other = scoring.scores.model_copy(update={"command": "another"})
    write_report(tmp_path, replace(scoring, scores=other))
    assert "figures/curves.png" not in _names(tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text())["command"] == "another"


def test_metrics_json_reads_back_as_the_same_scores(tmp_path: Path, scoring: Scoring) -> None:
    write_report(tmp_path, scoring)
    assert Scores.model_validate_json((tmp_path / "metrics.json").read_text()) == scoring.scores
