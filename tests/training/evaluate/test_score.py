"""Scoring a real exported file on a small data set."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.errors import DataError, ModelError
from mien.core.labels import EXPRESSIONS
from mien.inference.expression.classifier import Classifier
from mien.inference.expression.model import load_model
from mien.inference.runtime.session import Session
from mien.training.data.table import Dataset, save_dataset
from mien.training.evaluate.coarse import measure_coarse
from mien.training.evaluate.score import CHUNK, score_model
from mien.training.evaluate.votes import measure_votes, read_counts

pytest.importorskip("sklearn", reason="scoring needs the report extra")

FIELDS = (
    "model, model_sha256, data, split, n, accuracy, accuracy_ci95, loss, macro_f1, weighted_f1, macro_precision, "
    "macro_recall, weighted_precision, weighted_recall, ece, per_class, confusion_matrix, labels, "
    "accuracy_without_twins, n_without_twins, accuracy_without_near_twins, n_without_near_twins, "
    "fer_plus_agreement, votes, views, coarse, command"
)
"""As the architecture lists them."""


def test_scores_have_the_fields_of_metrics_json_in_their_order(dataset: Dataset, model_of: Callable[..., Path]) -> None:
    scores = score_model(model_of(), dataset.path, "test").scores
    assert ", ".join(scores.model_dump()) == FIELDS


def test_scores_are_those_of_the_file_itself(dataset: Dataset, model_of: Callable[..., Path]) -> None:
    path = model_of()
    scoring = score_model(path, dataset.path, "test", command="mien evaluate ...")
    rows = dataset.rows_of("test")
    answered = Classifier(load_model(path)).classify(dataset.images[rows])
    assert len(rows) > CHUNK  # so that more than one chunk is scored
    np.testing.assert_array_equal(scoring.probabilities, answered)
    assert scoring.scores.accuracy == (answered.argmax(axis=1) == dataset.table["label"][rows]).mean()
    assert scoring.scores.model_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (scoring.scores.model, scoring.scores.data, scoring.scores.n) == ("model.onnx", "noise", 300)
    assert scoring.scores.command == "mien evaluate ..."


def test_a_second_head_is_scored_from_the_same_calls(
    dataset: Dataset, model_of: Callable[..., Path], two_headed_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts, rows = [0], dataset.rows_of("test")
    expected = Classifier(load_model(two_headed_model, labels="votes")).classify(dataset.images[rows])
    ask = Session.run

    def count(*arguments: Any) -> Any:
        counts[-1] += 1
        return ask(*arguments)

    monkeypatch.setattr(Session, "run", count)
    one_head = score_model(model_of(), dataset.path, "test").scores
    counts.append(0)
    two_heads = score_model(two_headed_model, dataset.path, "test").scores
    assert counts[0] == counts[1] == 6  # five batches, and the look at a new model
    assert one_head.votes is None
    assert two_heads.votes == measure_votes(read_counts(dataset, rows), expected)
    named = {"model", "model_sha256", "votes"}
    assert two_heads.model_dump(exclude=named) == one_head.model_dump(exclude=named)


def test_twins_in_train_are_left_out_of_the_second_accuracy(dataset: Dataset, model_of: Callable[..., Path]) -> None:
    scoring = score_model(model_of(), dataset.path, "test")
    is_right = scoring.predicted == scoring.labels
    assert scoring.scores.n_without_twins == 292
    assert scoring.scores.accuracy_without_twins == is_right[8:].mean()


def test_near_twins_are_left_out_of_the_third(dataset: Dataset, model_of: Callable[..., Path]) -> None:
    """The pictures of train are noise, and so like nothing; here three of test become photos of them in other light."""
    rows, train = dataset.rows_of("test"), dataset.rows_of("train")
    images = np.array(dataset.images)
    images[rows[20:23]] = images[train[:3]] // 2 + 60
    manifest = dataset.manifest
    terms = {"name": "noise", "license": "none", "source": "drawn", "split": manifest.split, "seed": None}
    path = dataset.path.parent / "nearly"
    save_dataset(path, dataset.table, images, labels=manifest.labels, has_votes=manifest.has_votes, **terms)
    scoring = score_model(model_of(), path, "test")
    is_right = scoring.predicted == scoring.labels
    new = np.delete(is_right, [*range(8), 20, 21, 22])
    assert (scoring.scores.n_without_twins, scoring.scores.n_without_near_twins) == (292, 289)
    assert scoring.scores.accuracy_without_near_twins == new.mean()


def test_coarse_figures_are_those_of_the_same_probabilities(dataset: Dataset, model_of: Callable[..., Path]) -> None:
    scoring = score_model(model_of(), dataset.path, "test")
    without_twins = dataset.without_twins(scoring.rows)
    assert scoring.scores.coarse is not None
    assert scoring.scores.coarse == measure_coarse(scoring.labels, scoring.probabilities, EXPRESSIONS, without_twins)
    assert scoring.scores.coarse.accuracy != scoring.scores.accuracy


def test_on_train_every_picture_is_its_own_twin(dataset: Dataset, model_of: Callable[..., Path]) -> None:
    scores = score_model(model_of(), dataset.path, "train").scores
    assert (scores.accuracy_without_twins, scores.n_without_twins) == (None, 0)
    assert (scores.accuracy_without_near_twins, scores.n_without_near_twins) == (None, None)


def test_progress_ends_at_the_number_of_pictures(dataset: Dataset, model_of: Callable[..., Path]) -> None:
    seen: list[tuple[int, int]] = []
    score_model(model_of(), dataset.path, "test", on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(256, 300), (300, 300)]


@pytest.mark.parametrize("labels", [EXPRESSIONS[::-1], EXPRESSIONS[:5]])
def test_other_labels_or_another_order_are_refused(
    dataset: Dataset, model_of: Callable[..., Path], labels: tuple[str, ...]
) -> None:
    with pytest.raises(DataError, match=f"answers {', '.join(labels)}, but .* has {', '.join(EXPRESSIONS)}"):
        score_model(model_of(labels), dataset.path, "test")


def test_a_part_that_is_not_there_is_refused(dataset: Dataset, model_of: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match="no validation rows"):
        score_model(model_of(), dataset.path, "validation")


def test_a_missing_model_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.onnx"):
        score_model(tmp_path / "absent.onnx", dataset.path, "test")


def test_the_official_test_part_is_that_of_fer2013_however_the_rest_was_split(
    dataset: Dataset, model_of: Callable[..., Path]
) -> None:
    scoring = score_model(model_of(), dataset.path, "test")
    assert not scoring.is_official_test
    manifest = dataset.manifest.model_copy(update={"name": "FER2013", "split": "80/20"})
    assert replace(scoring, dataset=replace(dataset, manifest=manifest)).is_official_test
    pooled = dataset.table.copy()
    pooled["part"][scoring.rows[0]] = 0
    assert not replace(scoring, dataset=replace(dataset, manifest=manifest, table=pooled)).is_official_test


def test_importing_reaches_neither_torch_nor_the_report_packages() -> None:
    code = (
        "import sys, mien.training.evaluate.stamp, mien.training.evaluate.curves\n"
        "heavy = {'torch', 'lightning', 'sklearn', 'matplotlib', 'jinja2'} & set(sys.modules)\n"
        "raise SystemExit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
