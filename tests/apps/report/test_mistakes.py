"""The sheet of the worst mistakes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="figures need the report extra")

from mien.apps.report.mistakes import COLUMNS, ROWS, draw_mistakes, find_worst_mistakes
from mien.training.evaluate.score import Scoring


def test_worst_mistakes_are_wrong_and_most_confident_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8], [0.8, 0.2]])
    labels = np.array([0, 1, 0, 0, 1])
    assert find_worst_mistakes(labels, probabilities).tolist() == [3, 4, 2, 1]
    assert find_worst_mistakes(labels, probabilities, count=2).tolist() == [3, 4]


def test_the_sheet_shows_the_pictures_themselves_with_true_and_answered_label(scoring: Scoring) -> None:
    figure = draw_mistakes(scoring)
    assert figure is not None
    assert len(figure.axes) == COLUMNS * ROWS
    worst = find_worst_mistakes(scoring.labels, scoring.probabilities)[0]
    names, axes = scoring.dataset.labels, figure.axes[0]
    shown = axes.get_images()[0]
    np.testing.assert_array_equal(np.asarray(shown.get_array()), scoring.dataset.images[worst])
    assert shown.get_clim() == (0, 255)
    assert axes.texts[0].get_text() == f"{names[scoring.labels[worst]]} → {names[scoring.predicted[worst]]}"


def test_without_mistakes_there_is_no_sheet(scoring: Scoring) -> None:
    assert draw_mistakes(replace(scoring, labels=scoring.predicted)) is None


def test_fewer_mistakes_than_places_are_drawn_too(scoring: Scoring) -> None:
    labels = scoring.predicted.copy()
    labels[:2] = (labels[:2] + 1) % 7
    figure = draw_mistakes(replace(scoring, labels=labels))
    assert figure is not None
    assert len(figure.axes) == 2
