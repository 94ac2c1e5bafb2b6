"""Written observations: what the numbers say, in plain sentences that carry their figures.

Each function looks at one thing and returns its sentences, or none where there is nothing to say. Thresholds stand
beside the function that uses them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.apps.report.phrases import compare, join, percent, points
from mien.apps.report.training_observations import observe_training
from mien.core.results import CERTAIN_FROM
from mien.training.evaluate.calibration import bin_confidences
from mien.training.evaluate.metrics import Measures
from mien.training.evaluate.score import Scores
from mien.training.fit.history import EpochRecord


@dataclass(frozen=True)
class Observation:
    """What can be said about one topic.

    Attributes:
        topic: Its heading, such as "Strong and weak labels".
        sentences: At least one.
    """

    topic: str
    sentences: tuple[str, ...]


def observe(
    scores: Scores,
    labels: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    history: Sequence[EpochRecord] = (),
    best: EpochRecord | None = None,
) -> tuple[Observation, ...]:
    """Say what the scores and, if there is one, the run's history show.

    Args:
        scores: What `metrics.json` says.
        labels: (N,) true positions.
        probabilities: (N, K) that the scores were computed from.
        history: One record an epoch; empty if no run was named.
        best: The epoch whose weights were kept; None for that of the highest validation accuracy.
    """
    topics = (
        ("Overall", observe_overall(scores)),
        ("Strong and weak labels", observe_labels(scores)),
        ("Most frequent confusions", observe_confusions(scores)),
        ("Confidence", observe_confidence(labels, probabilities)),
        ("Leaks and label noise", [*observe_twins(scores), *observe_votes(scores)]),
        ("Training", observe_training(history, best)),
    )
    return tuple(Observation(topic, tuple(sentences)) for topic, sentences in topics if sentences)


def observe_overall(measures: Measures) -> list[str]:
    """Compare the accuracy with always giving the commonest label, and with the mean over labels."""
    low, high = measures.accuracy_ci95
    commonest, baseline = find_commonest(measures)
    sentences = [
        f"{percent(measures.accuracy)} of {measures.n:,} pictures are given the right label (95 % interval "
        f"{percent(low)} to {percent(high)}); always answering {commonest} would reach "
        f"{percent(baseline)}."
    ]
    if measures.accuracy - measures.macro_f1 > 0.02:
        sentences.append(
            f"Macro F1, in which every label counts alike, is {percent(measures.macro_f1)}, "
            f"{points(measures.accuracy - measures.macro_f1)} below the accuracy: common labels fare better than rare."
        )
    return sentences


def find_commonest(measures: Measures) -> tuple[str, float]:
    """Return the commonest true label and its share: the accuracy of always answering it."""
    label, figures = max(measures.per_class.items(), key=lambda item: item[1].support)
    return label, figures.support / measures.n


FEW = 100
"""Support below which a label's figures are called uncertain: a recall of 50 % is then off by up to ten points."""

LEAN = 1.25
"""A label answered this many times as often as it is true is called overused; the inverse, underused."""


def observe_labels(measures: Measures) -> list[str]:
    """Name the strongest and the weakest labels, those answered too often or seldom, and those with few pictures."""
    ranked = sorted(
        ((name, figures) for name, figures in measures.per_class.items() if figures.support),
        key=lambda item: -item[1].f1,
    )
    sentences = []
    if len(ranked) >= 2 and ranked[0][1].f1 > ranked[-1][1].f1:
        spare = max(1, min(2, len(ranked) // 2))
        strong, weak = ranked[:spare], ranked[::-1][:spare]
        sentences.append(f"Strongest: {join(f'{name} (F1 {percent(figures.f1)})' for name, figures in strong)}.")
        sentences.append(
            "Weakest: "
            + join(
                f"{name} (F1 {percent(figures.f1)}; of its {figures.support:,} pictures {percent(figures.recall)} are "
                f"found, and {percent(figures.precision)} of the answers {name!r} are right)"
                for name, figures in weak
            )
            + "."
        )
    answered = np.array(measures.confusion_matrix).sum(axis=0)
    for (name, figures), count in zip(measures.per_class.items(), answered, strict=True):
        if figures.support and count == 0:
            sentences.append(f"{name} is never answered, although {figures.support:,} pictures bear it.")
        elif figures.support and count >= figures.support * LEAN:
            sentences.append(f"{name} is answered too often: {count:,} times for {figures.support:,} pictures.")
        elif figures.support and count <= figures.support / LEAN:
            sentences.append(f"{name} is answered too seldom: {count:,} times for {figures.support:,} pictures.")
    few = [f"{name} ({figures.support})" for name, figures in measures.per_class.items() if figures.support < FEW]
    if few:
        sentences.append(f"Few pictures, so uncertain figures: {join(few)}.")
    return sentences


def observe_confusions(measures: Measures, count: int = 3) -> list[str]:
    """Name the most frequent wrong answers by count, and what share of all mistakes they are."""
    matrix = np.array(measures.confusion_matrix)
    wrong = matrix - np.diag(np.diag(matrix))
    mistakes = int(wrong.sum())
    if not mistakes:
        return [f"No mistakes on {measures.n:,} pictures."]
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    pairs = [(int(row), int(column)) for row, column in zip(*np.unravel_index(order, wrong.shape), strict=True)]
    pairs = [(row, column) for row, column in pairs if wrong[row, column]]
    named = join(
        f"{measures.labels[row]} for {measures.labels[column]} ({wrong[row, column]:,} times, "
        f"{percent(wrong[row, column] / matrix[row].sum())} of {measures.labels[row]})"
        for row, column in pairs
    )
    share = sum(int(wrong[pair]) for pair in pairs) / mistakes
    return [f"Taken for another most often: {named}. Together these are {percent(share)} of the {mistakes:,} mistakes."]


SURE = 0.9
"""Confidence from which an answer is called sure."""

CALIBRATED = 0.02
"""Distance of mean confidence and accuracy below which the two are called equal."""


def observe_confidence(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> list[str]:
    """Compare confidence with accuracy, and look at the answers that are sure."""
    top = probabilities.max(axis=1).astype(np.float64)
    is_right = probabilities.argmax(axis=1) == labels
    confidence, accuracy = float(top.mean()), float(is_right.mean())
    error = percent(bin_confidences(labels, probabilities).error)
    if confidence - accuracy > CALIBRATED:
        verdict = f"The answers are overconfident by {points(confidence - accuracy)}"
    elif accuracy - confidence > CALIBRATED:
        verdict = f"The answers are underconfident by {points(accuracy - confidence)}"
    else:
        verdict = "Confidence can be taken at its word on average"
    sentences = [
        f"{verdict}: mean confidence {percent(confidence)}, accuracy {percent(accuracy)}; "
        f"expected calibration error {error}."
    ]
    sure = top >= SURE
    if sure.any():
        sentences.append(
            f"{percent(sure.mean())} of the answers are at least {SURE * 100:.0f} % sure, and "
            f"{percent(is_right[sure].mean())} of those are right."
        )
    unsure = top < CERTAIN_FROM
    if unsure.any():
        sentences.append(
            f"{int(unsure.sum()):,} answers ({percent(unsure.mean())}) are less than {CERTAIN_FROM * 100:.0f} % sure, "
            f"so they are not certain: {percent(is_right[unsure].mean())} of them are right, of the others "
            + (f"{percent(is_right[~unsure].mean())}." if not unsure.all() else "there are none.")
        )
    return sentences


def observe_twins(scores: Scores) -> list[str]:
    """Say what pictures that training has seen add to the accuracy. On train itself there is nothing to say."""
    if scores.split == "train":
        return []
    return [*_observe_equal(scores), *_observe_near(scores)]


def _observe_equal(scores: Scores) -> list[str]:
    """Weigh the pictures that are in train pixel for pixel."""
    twins = scores.n - scores.n_without_twins
    if not twins:
        return []
    if scores.accuracy_without_twins is None:
        return [
            f"Every one of the {scores.n:,} pictures has a pixel-identical twin in train: this measures memory only."
        ]
    among_twins = (scores.accuracy * scores.n - scores.accuracy_without_twins * scores.n_without_twins) / twins
    return [
        f"{twins:,} pictures ({percent(twins / scores.n)}) have a pixel-identical twin in train; on them the accuracy "
        f"is {percent(among_twins)}. Without them it is {percent(scores.accuracy_without_twins)} of "
        f"{scores.n_without_twins:,}, {compare(scores.accuracy_without_twins - scores.accuracy)}."
    ]


def _observe_near(scores: Scores) -> list[str]:
    """Weigh those that are nearly in train."""
    new, accuracy = scores.n_without_near_twins, scores.accuracy_without_near_twins
    if new is None or accuracy is None or new == scores.n_without_twins:
        return []
    return [
        f"{scores.n_without_twins - new:,} more are nearly in train, as the same photo packed or marked differently. "
        f"Without these, too, it is {percent(accuracy)} of {new:,}."
    ]


def observe_votes(scores: Scores) -> list[str]:
    """Compare agreement with FER+'s people with agreement with the label."""
    if scores.fer_plus_agreement is None:
        return []
    sentence = (
        f"The answers agree with what most of FER+'s people saw in {percent(scores.fer_plus_agreement)} of the "
        f"pictures that they voted on, and with the label in {percent(scores.accuracy)} of all"
    )
    if scores.fer_plus_agreement > scores.accuracy:
        return [f"{sentence}: some of the mistakes are rather the labels' than the model's."]
    return [f"{sentence}."]
