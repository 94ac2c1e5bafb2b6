"""Every written observation: when it is made, what it says, and when it is left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mien.apps.report.observations import (
    observe,
    observe_confidence,
    observe_confusions,
    observe_labels,
    observe_overall,
    observe_twins,
    observe_votes,
)
from mien.apps.report.training_observations import observe_training
from mien.training.evaluate.metrics import Measures, measure
from mien.training.evaluate.score import Scores, Scoring
from mien.training.fit.history import EpochRecord

pytest.importorskip("sklearn", reason="figures need the report extra")

NAMES = ("cat", "dog", "owl")


def _measures(matrix: Sequence[Sequence[int]]) -> Measures:
    """Return the figures of predictions that give this confusion matrix."""
    pairs = [(row, column) for row in range(3) for column in range(3) for _ in range(matrix[row][column])]
    labels = np.array([row for row, _ in pairs])
    return measure(labels, np.eye(3)[[column for _, column in pairs]] * 0.97 + 0.01, NAMES)


SKEWED = _measures([[900, 50, 50], [120, 280, 0], [30, 20, 50]])


def test_overall_compares_with_the_commonest_label_and_names_the_interval() -> None:
    first, second = observe_overall(SKEWED)
    assert first == (
        "82.0 % of 1,500 pictures are given the right label (95 % interval 80.0 % to 83.9 %); always answering cat "
        "would reach 66.7 %."
    )
    assert second.startswith("Macro F1, in which every label counts alike, is 70.8 %, 11.2 points below the accuracy")


def test_overall_says_nothing_of_macro_f1_where_it_equals_the_accuracy() -> None:
    assert len(observe_overall(_measures([[90, 5, 5], [5, 90, 5], [5, 5, 90]]))) == 1


def test_strong_and_weak_labels_are_named_with_their_figures() -> None:
    sentences = observe_labels(SKEWED)
    assert sentences[0] == "Strongest: cat (F1 87.8 %)."
    assert sentences[1] == (
        "Weakest: owl (F1 50.0 %; of its 100 pictures 50.0 % are found, and 50.0 % of the answers 'owl' are right)."
    )


def test_labels_answered_too_often_too_seldom_or_never_are_named() -> None:
    sentences = " ".join(observe_labels(_measures([[100, 100, 0], [0, 200, 0], [0, 200, 0]])))
    assert "cat is answered too seldom: 100 times for 200 pictures." in sentences
    assert "dog is answered too often: 500 times for 200 pictures." in sentences
    assert "owl is never answered, although 200 pictures bear it." in sentences


def test_labels_with_few_pictures_are_called_uncertain() -> None:
    assert observe_labels(_measures([[200, 0, 0], [0, 200, 0], [5, 5, 10]]))[-1] == (
        "Few pictures, so uncertain figures: owl (20)."
    )
    assert not any("Few" in sentence for sentence in observe_labels(SKEWED))


def test_the_most_frequent_confusions_are_counted_with_their_share() -> None:
    assert observe_confusions(SKEWED, count=2) == [
        "Taken for another most often: dog for cat (120 times, 30.0 % of dog) and cat for dog (50 times, 5.0 % of "
        "cat). Together these are 63.0 % of the 270 mistakes."
    ]


def test_no_mistakes_are_no_confusions() -> None:
    assert observe_confusions(_measures([[5, 0, 0], [0, 5, 0], [0, 0, 5]])) == ["No mistakes on 15 pictures."]


def _confidence(top: float, right: int, n: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Return n answers of one confidence, of which some are right."""
    labels = np.array([0] * right + [1] * (n - right))
    return labels, np.tile([top, 1 - top], (n, 1))


@pytest.mark.parametrize(
    ("top", "right", "said"),
    [
        (0.8, 60, "The answers are overconfident by 20.0 points: mean confidence 80.0 %, accuracy 60.0 %; expected"),
        (0.6, 80, "The answers are underconfident by 20.0 points"),
        (0.8, 81, "Confidence can be taken at its word on average"),
    ],
)
def test_confidence_is_compared_with_accuracy(top: float, right: int, said: str) -> None:
    (sentence,) = observe_confidence(*_confidence(top, right))
    assert sentence.startswith(said)
    assert sentence.endswith(f"expected calibration error {abs(100 * top - right):.1f} %.")


def test_sure_answers_are_counted() -> None:
    assert observe_confidence(*_confidence(0.95, 90))[1] == (
        "100.0 % of the answers are at least 90 % sure, and 90.0 % of those are right."
    )


def test_answers_that_are_not_certain_are_counted() -> None:
    labels = np.zeros(10, int)
    tops = [(0.6, 0.2, 0.2)] * 4 + [(0.2, 0.6, 0.2)] * 2 + [(0.4, 0.3, 0.3)] * 1 + [(0.3, 0.4, 0.3)] * 3
    assert observe_confidence(labels, np.array(tops))[-1] == (
        "4 answers (40.0 %) are less than 50 % sure, so they are not certain: 25.0 % of them are right, of the others "
        "66.7 %."
    )
    assert observe_confidence(labels[:4], np.array(tops[-4:]))[-1].endswith("of the others there are none.")


def _scores(scoring: Scoring, **changes: Any) -> Scores:
    return scoring.scores.model_copy(update=changes)


def test_twins_are_weighed_against_the_rest(scoring: Scoring) -> None:
    leaking = _scores(scoring, n=200, accuracy=0.6, accuracy_without_twins=0.5, n_without_twins=150)
    assert observe_twins(leaking) == [
        "50 pictures (25.0 %) have a pixel-identical twin in train; on them the accuracy is 90.0 %. Without them it is "
        "50.0 % of 150, 10.0 points lower."
    ]


def test_near_twins_are_told_after_them(scoring: Scoring) -> None:
    leaking = _scores(
        scoring, n=200, accuracy=0.6, accuracy_without_twins=0.5, n_without_twins=150, n_without_near_twins=140,
        accuracy_without_near_twins=0.45,
    )  # fmt: skip
    _, sentence = observe_twins(leaking)
    assert sentence == (
        "10 more are nearly in train, as the same photo packed or marked differently. Without these, too, it is "
        "45.0 % of 140."
    )
    clean = _scores(scoring, n=100, n_without_twins=90, n_without_near_twins=90, accuracy_without_near_twins=0.5)
    assert len(observe_twins(clean)) == 1
    assert observe_twins(leaking.model_copy(update={"n": 150}))[0] == sentence  # of a drawn split, without twins


def test_no_twins_and_train_itself_need_no_word(scoring: Scoring) -> None:
    assert observe_twins(_scores(scoring, n=100, n_without_twins=100)) == []
    assert observe_twins(_scores(scoring, split="train", accuracy_without_twins=None, n_without_twins=0)) == []


def test_a_part_made_of_twins_measures_memory(scoring: Scoring) -> None:
    (sentence,) = observe_twins(_scores(scoring, n=100, accuracy_without_twins=None, n_without_twins=0))
    assert "measures memory only" in sentence


def test_votes_blame_the_labels_only_where_people_agree_more_than_labels(scoring: Scoring) -> None:
    (noisy,) = observe_votes(_scores(scoring, accuracy=0.6, fer_plus_agreement=0.7))
    (clean,) = observe_votes(_scores(scoring, accuracy=0.7, fer_plus_agreement=0.6))
    assert "in 70.0 % of the pictures that they voted on, and with the label in 60.0 % of all: some" in noisy
    assert clean.endswith("with the label in 70.0 % of all.")
    assert observe_votes(_scores(scoring, fer_plus_agreement=None)) == []


def _run(train_loss: list[float], validation_loss: list[float], gap: float = 0.05) -> list[EpochRecord]:
    return [
        EpochRecord(number, train, 0.6 + gap + number / 100, validation, 0.6 + number / 100, 0.1, 1.0)
        for number, (train, validation) in enumerate(zip(train_loss, validation_loss, strict=True))
    ]


FALLING = [2.0 - 0.1 * number for number in range(12)]


def test_overfitting_is_named_with_its_epoch_and_losses(history: list[EpochRecord]) -> None:
    sentences = observe_training(history)
    assert sentences[0] == "Epoch 7 of 0 to 11 was kept: validation accuracy 60.0 %, validation loss 1.280."
    assert sentences[1] == (
        "The run overfits from epoch 6: validation loss rises from 1.200 to 1.920, while training loss falls from "
        "1.300 to 0.700."
    )
    assert sentences[2].startswith("At the end the gap is wide, 27.0 points: training accuracy 85.0 %")
    assert len(sentences) == 3


def test_a_run_that_still_gets_better_shows_underfitting() -> None:
    sentences = observe_training(_run(FALLING, FALLING))
    assert sentences[1] == "No overfitting is seen: validation loss does not rise while training loss falls."
    assert sentences[2].startswith("At the end the gap is 5.0 points")
    assert sentences[3].startswith(
        "Signs of underfitting: from epoch 10 to the end validation loss still falls from 1.000"
    )


def test_a_single_epoch_tells_nothing_of_overfitting() -> None:
    first, *others = observe_training(_run(FALLING[:1], FALLING[:1]))
    assert first.startswith("The only epoch was kept: validation accuracy")
    assert not any("overfit" in sentence for sentence in others)


def test_a_run_that_has_leveled_off_shows_no_underfitting() -> None:
    sentences = observe_training(_run(FALLING, [1.0] * 12))
    assert not any("underfitting" in sentence for sentence in sentences)


def test_training_accuracy_below_validation_is_explained() -> None:
    assert "training lies below validation" in observe_training(_run(FALLING, FALLING, gap=-0.05))[2]


def test_the_epoch_that_was_kept_is_named_even_if_another_was_more_accurate(history: list[EpochRecord]) -> None:
    assert observe_training(history, best=history[5])[0].startswith("Epoch 5 of 0 to 11 was kept")


def test_topics_without_a_sentence_are_left_out(scoring: Scoring, history: list[EpochRecord]) -> None:
    arguments = (scoring.scores, scoring.labels, scoring.probabilities)
    topics = [observation.topic for observation in observe(*arguments)]
    assert topics == [
        "Overall",
        "Strong and weak labels",
        "Most frequent confusions",
        "Confidence",
        "Leaks and label noise",
    ]
    assert [observation.topic for observation in observe(*arguments, history)] == [*topics, "Training"]
