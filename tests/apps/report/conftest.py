"""Scorings to draw and to write about, made up without a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core.card import ExpressionCard, ModelInput, TrainingData
from mien.core.labels import EXPRESSIONS
from mien.training.data.manifest import Manifest
from mien.training.data.sources.synthetic import draw_faces
from mien.training.data.table import ROW, Dataset
from mien.training.evaluate.coarse import measure_coarse
from mien.training.evaluate.metrics import measure
from mien.training.evaluate.score import Scores, Scoring
from mien.training.fit.history import EpochRecord


@pytest.fixture(autouse=True)
def coarse_print(monkeypatch: pytest.MonkeyPatch) -> None:
    """Render small pictures: print quality takes seconds and shows a test nothing more."""
    look = pytest.importorskip("mien.apps.report.look", reason="reports need the report extra")
    monkeypatch.setattr(look, "PRINT_DPI", 40)


@pytest.fixture
def scoring() -> Scoring:
    """Return the scoring of 105 synthetic faces by a made-up model that is right in two of three."""
    pytest.importorskip("sklearn", reason="reports need the report extra")
    faces = draw_faces(105, seed=0)
    labels = faces.labels.astype(np.int64)
    random = np.random.default_rng(1)
    logits = random.normal(size=(105, 7))
    logits[np.arange(105), labels] += 2.0
    odds = np.exp(logits)
    probabilities = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    manifest = Manifest(
        name="faces <b>&amp;</b>", license="MIT", source="synthetic", labels=EXPRESSIONS, has_votes=False,
        split="official", sha256="a" * 64,
    )  # fmt: skip
    card = ExpressionCard(
        name="made-up", labels=EXPRESSIONS, input=ModelInput(layout="NHW", size_px=48, color="gray"), crop="whole face",
        temperature=1.5, data=TrainingData(name="faces", license="MIT", sha256="a" * 64), recipe="none",
        recipe_sha256="b" * 64, commit="unknown", parameters=1234, limits=("It <script>means</script> nothing.",),
        license="MIT", graph_sha256="c" * 64,
    )  # fmt: skip
    scores = Scores(
        model="made-up.onnx", model_sha256="d" * 64, data=manifest.name, split="test",
        **dict(measure(labels, probabilities, EXPRESSIONS)), accuracy_without_twins=0.5, n_without_twins=100,
        fer_plus_agreement=None, votes=None, views="one",
        coarse=measure_coarse(labels, probabilities, EXPRESSIONS, np.ones(105, np.bool_)),
        command="mien evaluate made-up.onnx --data 'a <b>'",
    )  # fmt: skip
    dataset = Dataset(Path("faces"), manifest, np.zeros(105, ROW), faces.images)
    return Scoring(scores, card, dataset, np.arange(105), labels, probabilities)


@pytest.fixture
def history() -> list[EpochRecord]:
    """Return 12 epochs that overfit from epoch 6."""
    return [
        EpochRecord(e, 1.8 - 0.1 * e, 0.3 + 0.05 * e, 1.2 + 0.02 * (e - 5) ** 2, 0.6 - 0.005 * abs(e - 7), 0.1, 9.0)
        for e in range(12)
    ]
