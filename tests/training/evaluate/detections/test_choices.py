"""What each least score would give, beside the figures at one, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.training.evaluate.detections.choices import ROUND_SCORES, compare_scores
from mien.training.evaluate.detections.matching import FoundFaces, TrueFaces
from mien.training.evaluate.detections.measures import measure_detections

LARGE, SMALL, NOWHERE = (0, 0, 100, 100), (300, 0, 20, 20), (1000, 0, 100, 100)


def _find(*rows: tuple[float, ...]) -> FoundFaces:
    table = np.array(rows, np.float32).reshape(-1, 5)
    return FoundFaces(table[:, :4], table[:, 4], np.zeros((len(table), 5, 2), np.float32))


def _draw(*boxes: tuple[float, ...]) -> TrueFaces:
    rows = np.array(boxes, np.float32).reshape(-1, 4)
    return TrueFaces(rows, np.full((len(rows), 5, 2), np.nan, np.float32))


FOUND = [_find((*LARGE, 0.9), (*SMALL, 0.45), (*NOWHERE, 0.35)), _find((*NOWHERE, 0.55))]
TRUE = [_draw(LARGE, SMALL), _draw()]


def test_a_higher_score_gives_up_faces_for_fewer_false_ones() -> None:
    rows = [tuple(choice.model_dump().values()) for choice in compare_scores(FOUND, TRUE)]
    assert rows == [
        (0.3, 1.0, 1.0, 1.0),
        (0.4, 1.0, 1.0, 0.5),
        (0.5, 0.5, 1.0, 0.5),
        (0.6, 0.5, 1.0, 0.0),
        (0.7, 0.5, 1.0, 0.0),
    ]


def test_it_agrees_with_the_figures_at_one_score() -> None:
    for choice in compare_scores(FOUND, TRUE, [*ROUND_SCORES, 0.45, 0.9, 0.95]):
        figures = measure_detections(FOUND, TRUE, min_score=choice.min_score)
        assert choice.recall_32 == figures.recall_32
        assert choice.false_faces_per_picture == figures.false_faces_per_picture


def test_scores_rise_and_none_comes_twice() -> None:
    assert [choice.min_score for choice in compare_scores(FOUND, TRUE, [0.5, 0.3, 0.5])] == [0.3, 0.5]


def test_without_faces_nothing_can_be_found() -> None:
    (choice,) = compare_scores([_find()], [_draw()], [0.5])
    assert (choice.recall_16, choice.recall_32, choice.false_faces_per_picture) == (None, None, 0.0)


@pytest.mark.parametrize(("found", "true"), [([], []), (FOUND, TRUE[:1])])
def test_found_and_true_must_be_of_the_same_pictures(found, true) -> None:
    with pytest.raises(DataError, match="same pictures"):
        compare_scores(found, true)
