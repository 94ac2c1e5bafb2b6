"""The figures of `metrics.json` against scikit-learn's, and against cases worked out by hand."""

from __future__ import annotations

import builtins
import sys
from math import log
from typing import Any

import numpy as np
import pytest

from mien.core.errors import DataError, MissingExtraError
from mien.core.labels import EXPRESSIONS
from mien.training.evaluate.metrics import measure, negative_log_likelihood, wilson_interval

metrics = pytest.importorskip("sklearn.metrics", reason="figures need the report extra")


def _predictions(n: int = 500, classes: int = 7, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, n)
    logits = random.normal(size=(n, classes))
    logits[np.arange(n), labels] += 1.5
    odds = np.exp(logits)
    return labels, (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def _assert_equals_scikit_learn(labels: np.ndarray, probabilities: np.ndarray, names: tuple[str, ...]) -> None:
    found, predicted = measure(labels, probabilities, names), probabilities.argmax(axis=1)
    positions = range(len(names))
    assert found.accuracy == metrics.accuracy_score(labels, predicted)
    assert found.loss == pytest.approx(metrics.log_loss(labels, probabilities, labels=positions), rel=1e-6)
    for kind in ("macro", "weighted"):
        options = {"average": kind, "zero_division": 0}
        assert getattr(found, f"{kind}_f1") == metrics.f1_score(labels, predicted, **options)
        assert getattr(found, f"{kind}_precision") == metrics.precision_score(labels, predicted, **options)
        assert getattr(found, f"{kind}_recall") == metrics.recall_score(labels, predicted, **options)
    report = metrics.classification_report(
        labels, predicted, labels=positions, target_names=names, output_dict=True, zero_division=0
    )
    for name in names:
        assert found.per_class[name].model_dump() == {
            "precision": report[name]["precision"],
            "recall": report[name]["recall"],
            "f1": report[name]["f1-score"],
            "support": report[name]["support"],
        }
    assert np.array_equal(found.confusion_matrix, metrics.confusion_matrix(labels, predicted, labels=positions))


def test_figures_equal_scikit_learn() -> None:
    _assert_equals_scikit_learn(*_predictions(), EXPRESSIONS)


def test_figures_equal_scikit_learn_where_a_label_is_absent_or_never_answered() -> None:
    labels, probabilities = _predictions(60)
    labels[labels == 1] = 0
    probabilities[:, 1:3] = 0
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    _assert_equals_scikit_learn(labels, probabilities, EXPRESSIONS)


def test_a_wrong_prediction_changes_the_figures() -> None:
    labels, probabilities = _predictions()
    right = int(np.flatnonzero(probabilities.argmax(axis=1) == labels)[0])
    worse = probabilities.copy()
    worse[right] = np.roll(worse[right], 1)
    before, after = measure(labels, probabilities, EXPRESSIONS), measure(labels, worse, EXPRESSIONS)
    assert after.accuracy < before.accuracy
    assert after.macro_f1 != before.macro_f1
    assert after.loss > before.loss


def test_rows_are_true_labels_and_columns_answers() -> None:
    found = measure(np.array([0, 0, 1]), np.array([[0.2, 0.8], [0.9, 0.1], [0.3, 0.7]]), ("cat", "dog"))
    assert found.confusion_matrix == ((1, 1), (0, 1))
    assert found.labels == ("cat", "dog")


def test_of_equal_probabilities_the_first_label_is_the_answer() -> None:
    assert measure(np.array([0, 0]), np.full((2, 2), 0.5), ("cat", "dog")).accuracy == 1.0


def test_wilson_interval_of_cases_worked_out_by_hand() -> None:
    # 8 of 10: center (0.8 + 3.8415 / 20) / 1.38415 = 0.71674, half width 0.22659
    assert wilson_interval(8, 10) == pytest.approx((0.49016, 0.94332), abs=1e-5)
    assert wilson_interval(0, 10) == pytest.approx((0.0, 3.841459 / 13.841459), abs=1e-6)
    assert wilson_interval(10, 10) == pytest.approx((10 / 13.841459, 1.0), abs=1e-6)


def test_wilson_interval_narrows_with_more_pictures() -> None:
    narrow, wide = wilson_interval(7000, 10_000), wilson_interval(70, 100)
    assert wide[0] < narrow[0] < 0.7 < narrow[1] < wide[1]


def test_likelihood_of_zero_is_kept_finite_as_in_scikit_learn() -> None:
    probabilities = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32)
    labels = np.array([0, 0])
    assert negative_log_likelihood(labels, probabilities) == pytest.approx(-log(np.finfo(np.float32).eps) / 2, rel=1e-6)
    assert negative_log_likelihood(labels, probabilities) == pytest.approx(
        metrics.log_loss(labels, probabilities, labels=[0, 1]), rel=1e-6
    )


@pytest.mark.parametrize(
    ("labels", "probabilities", "said"),
    [
        (np.array([], int), np.zeros((0, 2)), "at least 1"),
        (np.array([0]), np.zeros((1, 3)), r"\(1, 3\)"),
        (np.array([0, 2]), np.full((2, 2), 0.5), "labels run from 0 to 2"),
        (np.array([0, 1]), np.array([[0.5, 0.5], [np.nan, 0.5]]), "first of number 1"),
    ],
)
def test_what_does_not_fit_together_is_refused(labels: np.ndarray, probabilities: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=said):
        measure(labels, probabilities, ("cat", "dog"))


def test_without_scikit_learn_the_pip_line_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def refuse(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("sklearn"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real_import(name, *arguments, **options)

    monkeypatch.delitem(sys.modules, "sklearn.metrics")
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"pip install 'mien\[report\]'"):
        measure(*_predictions(10), EXPRESSIONS)
