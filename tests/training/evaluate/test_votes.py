"""What people voted, beside what a model answers."""

from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
import pytest

from mien.core.labels import EXPRESSIONS, fer_plus_order
from mien.training.data.table import Dataset
from mien.training.evaluate.votes import find_agreement, measure_votes, read_counts


def _answers(*labels: str) -> np.ndarray:
    return np.eye(7)[[EXPRESSIONS.index(label) for label in labels]]


def _with_votes(dataset: Dataset, votes: list[dict[str, int]], is_face: list[bool]) -> Dataset:
    """Return the data set with these votes in its first rows."""
    table = dataset.table.copy()
    table["votes"] = 0
    for row, counts in enumerate(votes):
        for label, count in counts.items():
            table["votes"][row, fer_plus_order([label])[0] if label in EXPRESSIONS else 7] = count
        table["is_face"][row] = is_face[row]
    return replace(dataset, table=table)


def _agreement(dataset: Dataset, rows: np.ndarray, answers: np.ndarray) -> float | None:
    return find_agreement(read_counts(dataset, rows), answers)


def test_agreement_follows_the_top_of_the_seven_columns(dataset: Dataset) -> None:
    votes = [{"happy": 6, "neutral": 4}, {"sad": 5, "fear": 5}, {"contempt": 6, "angry": 4}]
    voted = _with_votes(dataset, votes, [True] * 3)
    rows = np.arange(3)
    # A tie goes to the first in FER2013's order (fear), and contempt is not one of the seven.
    assert _agreement(voted, rows, _answers("happy", "fear", "angry")) == 1.0
    assert _agreement(voted, rows, _answers("happy", "sad", "neutral")) == pytest.approx(1 / 3)


def test_rows_without_a_face_or_without_votes_do_not_count(dataset: Dataset) -> None:
    voted = _with_votes(dataset, [{"happy": 9}, {"contempt": 9}, {"angry": 9}], [True, True, False])
    assert _agreement(voted, np.arange(3), _answers("happy", "angry", "sad")) == 1.0
    assert _agreement(voted, np.arange(1, 3), _answers("angry", "angry")) is None
    assert measure_votes(read_counts(voted, np.arange(1, 3)), _answers("angry", "angry")) is None


def test_without_votes_there_is_no_agreement(dataset: Dataset) -> None:
    unvoted = replace(dataset, manifest=dataset.manifest.model_copy(update={"has_votes": False}))
    assert _agreement(unvoted, np.arange(3), _answers("happy", "fear", "angry")) is None
    assert measure_votes(read_counts(unvoted, np.arange(3)), _answers("happy", "fear", "angry")) is None


def test_the_figures_of_votes_are_what_a_person_computes(dataset: Dataset) -> None:
    votes = [{"happy": 6, "neutral": 4}, {"sad": 5, "fear": 4}, {"happy": 10}, {"contempt": 10}]
    voted = _with_votes(dataset, votes, [True] * 4)
    answers = np.full((4, 7), 0.05, np.float32)
    for row, label in enumerate(("happy", "fear", "neutral", "angry")):
        answers[row, EXPRESSIONS.index(label)] = 0.7
    measures = measure_votes(read_counts(voted, np.arange(4)), answers)
    assert measures is not None
    assert (measures.n, measures.n_confident) == (3, 2)
    assert measures.agreement == pytest.approx(1 / 3)
    assert measures.agreement_confident == pytest.approx(1 / 2)
    first = 0.6 * log(0.6 / 0.7) + 0.4 * log(0.4 / 0.05)
    second = 5 / 9 * log(5 / 9 / 0.05) + 4 / 9 * log(4 / 9 / 0.7)
    assert measures.divergence == pytest.approx((first + second + log(1 / 0.05)) / 3, rel=1e-5)
    assert measures.ece == pytest.approx(0.7 - 1 / 3, abs=1e-6)


def test_answers_that_are_the_votes_do_not_diverge(dataset: Dataset) -> None:
    counts = read_counts(_with_votes(dataset, [{"happy": 6, "neutral": 4}, {"sad": 1}], [True] * 2), np.arange(2))
    assert counts is not None
    measures = measure_votes(counts, counts / counts.sum(axis=1, keepdims=True))
    assert measures is not None
    assert measures.divergence == pytest.approx(0, abs=1e-6)
    assert measures.agreement == 1.0
