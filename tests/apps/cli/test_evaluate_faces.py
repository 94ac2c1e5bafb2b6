"""`mien evaluate` of a detector: its figures, and what to think of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="building a detector needs the train extra")

from mien.apps.cli.main import run
from mien.core.card import TrainingData
from mien.training.data.faces.photos import PhotoSet


@pytest.fixture
def evaluate(tmp_path: Path, photo_set: PhotoSet, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """`evaluate(model, split)` returns what is printed."""

    def ask(model: Path, split: str) -> str:
        asked = [
            "evaluate",
            str(model),
            "--data",
            str(photo_set.path),
            "--split",
            split,
            "--out",
            str(tmp_path / "out"),
        ]
        assert run(asked) == 0
        return capsys.readouterr().out

    return ask


def test_figures_are_shown_and_written(evaluate: Callable[..., str], detector_file: Path, tmp_path: Path) -> None:
    shown = evaluate(detector_file, "validation")
    assert "AP from 32 px" in shown
    assert "false faces" in shown
    assert "Reminder" not in shown
    figures = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert figures["split"] == "validation"
    (default,) = (line for line in shown.splitlines() if "(default)" in line)
    (choice,) = (each for each in figures["by_score"] if each["min_score"] == figures["min_score"])
    assert f"{choice['false_faces_per_picture']:.2f}" in default
    assert len(figures["by_score"]) >= 5


def test_photos_that_it_may_have_seen_are_told(evaluate: Callable[..., str], detector_file: Path) -> None:
    assert "Careful: the model was trained on another import (none, sha256 000000000000...)" in evaluate(
        detector_file, "validation"
    )


def test_a_model_of_these_photos_is_told_nothing_but_to_spare_test(
    evaluate: Callable[..., str], photo_set: PhotoSet, build_detector: Callable[..., bytes], tmp_path: Path
) -> None:
    own = tmp_path / "own.onnx"
    manifest = photo_set.manifest
    own.write_bytes(build_detector(data=TrainingData(name=manifest.name, license="MIT", sha256=manifest.sha256)))
    shown = evaluate(own, "test")
    assert "Careful" not in shown
    assert "Reminder: test is for the end" in shown
