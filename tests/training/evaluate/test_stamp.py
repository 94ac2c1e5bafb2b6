"""Figures in the card of the file they were measured with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import DataError, ModelError
from mien.inference.expression.classifier import Classifier
from mien.inference.expression.model import load_model
from mien.inference.runtime.envelope import hash_graph, read_card
from mien.training.data.table import Dataset
from mien.training.evaluate.score import score_model
from mien.training.evaluate.stamp import check_stampable, stamp_card

pytest.importorskip("sklearn", reason="scoring needs the report extra")


def test_the_card_holds_the_figures_and_the_graph_is_untouched(
    dataset: Dataset, model_of: Callable[..., Path], crops: np.ndarray
) -> None:
    path = model_of()
    graph, answered = hash_graph(path.read_bytes()), Classifier(load_model(path)).classify(crops)
    scores = score_model(path, dataset.path, "test").scores
    stamp_card(path, scores)
    metrics = read_card(path.read_bytes()).metrics["test"]
    assert metrics.accuracy == scores.accuracy
    assert metrics.accuracy_ci95 == scores.accuracy_ci95
    assert (metrics.n, metrics.n_without_twins) == (300, 292)
    assert hash_graph(path.read_bytes()) == graph
    np.testing.assert_array_equal(Classifier(load_model(path)).classify(crops), answered)


def test_other_splits_keep_their_figures(dataset: Dataset, model_of: Callable[..., Path]) -> None:
    path = model_of()
    for split in ("train", "test", "test"):
        stamp_card(path, score_model(path, dataset.path, split).scores)
    assert set(read_card(path.read_bytes()).metrics) == {"train", "test"}


def test_the_scores_name_the_file_as_it_is_now(dataset: Dataset, model_of: Callable[..., Path]) -> None:
    path = model_of()
    scores = score_model(path, dataset.path, "test").scores
    stamped = stamp_card(path, scores)
    assert stamped.model_sha256 == hashlib.sha256(path.read_bytes()).hexdigest() != scores.model_sha256


def test_a_file_that_changed_meanwhile_is_left_alone(
    dataset: Dataset, model_of: Callable[..., Path], build_model: Callable[..., bytes]
) -> None:
    path = model_of()
    scores = score_model(path, dataset.path, "test").scores
    path.write_bytes(build_model(seed=1))
    with pytest.raises(ModelError, match="changed while it was scored"):
        stamp_card(path, scores)
    assert not read_card(path.read_bytes()).metrics


def test_figures_of_another_import_are_refused(dataset: Dataset, model_of: Callable[..., Path]) -> None:
    check_stampable(read_card(model_of().read_bytes()), dataset)
    foreign = read_card(model_of(sha256="f" * 64).read_bytes())
    with pytest.raises(DataError, match=r"ffffffffffff.*leave out --stamp"):
        check_stampable(foreign, dataset)
