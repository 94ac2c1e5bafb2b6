"""From true labels and probabilities to the figures of `metrics.json`; pure functions, scikit-learn's values."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from mien.core.errors import DataError, MissingExtraError
from mien.training.evaluate.calibration import bin_confidences

Share = Annotated[float, Field(ge=0.0, le=1.0)]

Z_95 = 1.959963984540054
"""The normal distribution's 97.5 % point: two-sided 95 %."""


class ClassMeasures(BaseModel):
    """How one label fares.

    Attributes:
        precision: Share of the pictures given this label that bear it; 0 if none was given it.
        recall: Share of the pictures that bear this label which were given it; 0 if none bears it.
        f1: Harmonic mean of the two.
        support: Pictures that bear the label.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    precision: Share
    recall: Share
    f1: Share
    support: int


class Measures(BaseModel):
    """The figures of one set of predictions; shares are 0-1.

    Macro and weighted means run over the labels that occur in the truth or in the predictions, as in scikit-learn.

    Attributes:
        n: Pictures scored.
        accuracy: Share with the right top label.
        accuracy_ci95: 95 % interval of the accuracy (Wilson).
        loss: Mean negative log likelihood of the true label, in nats.
        macro_f1: Mean F1 in which every label counts alike; so for the next two.
        weighted_f1: Mean F1 in which every picture counts alike; so for the two after.
        ece: Expected calibration error of the top label, 15 equal bins.
        per_class: By label.
        confusion_matrix: Counts; rows are true labels, columns predicted ones.
        labels: Order of rows and columns.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int
    accuracy: Share
    accuracy_ci95: tuple[Share, Share]
    loss: float
    macro_f1: Share
    weighted_f1: Share
    macro_precision: Share
    macro_recall: Share
    weighted_precision: Share
    weighted_recall: Share
    ece: Share
    per_class: dict[str, ClassMeasures]
    confusion_matrix: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...]


def measure(labels: NDArray[np.integer], probabilities: NDArray[np.floating], names: Sequence[str]) -> Measures:
    """Compute every figure that needs only the true labels and the probabilities.

    Args:
        labels: (N,) true positions in `names`, N of at least 1.
        probabilities: (N, K) float32 or float64, rows sum to 1. Where two are equally high, the first is the answer.
        names: K labels.

    Raises:
        DataError: If the shapes don't fit together, there is no picture, a label is out of range or a value not finite.
        MissingExtraError: If scikit-learn is absent.
    """
    _check(labels, probabilities, names)
    predicted = probabilities.argmax(axis=1)
    right = int((predicted == labels).sum())
    macro, weighted = (_average(labels, predicted, kind) for kind in ("macro", "weighted"))
    return Measures(
        n=len(labels),
        accuracy=right / len(labels),
        accuracy_ci95=wilson_interval(right, len(labels)),
        loss=negative_log_likelihood(labels, probabilities),
        macro_f1=macro[2],
        weighted_f1=weighted[2],
        macro_precision=macro[0],
        macro_recall=macro[1],
        weighted_precision=weighted[0],
        weighted_recall=weighted[1],
        ece=bin_confidences(labels, probabilities).error,
        per_class=_measure_classes(labels, predicted, names),
        confusion_matrix=_count_confusions(labels, predicted, len(names)),
        labels=tuple(names),
    )


def wilson_interval(successes: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """Return the interval in which a share lies, given that `successes` of `n` were seen.

    Unlike the textbook's plus-minus it stays inside 0-1 and holds for few pictures.

    Args:
        successes: 0 to n.
        n: At least 1.
        z: Width in standard deviations; larger is surer and wider.

    Source:
        Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    share, spread = successes / n, z * z / n
    center = (share + spread / 2) / (1 + spread)
    half = sqrt(share * (1 - share) * spread + spread * spread / 4) / (1 + spread)
    # At 0 and n the formula gives exactly 0 and 1, but for rounding.
    return (0.0 if successes == 0 else center - half, 1.0 if successes == n else center + half)


def negative_log_likelihood(labels: NDArray[np.integer], probabilities: NDArray[np.floating]) -> float:
    """Return the mean of -ln p(true label), in nats; 0 is perfect, ln K is a blind guess.

    Probabilities are kept off 0 and 1 by their dtype's epsilon, as in scikit-learn's `log_loss`.
    """
    epsilon = float(np.finfo(probabilities.dtype).eps)
    likelihood = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(likelihood, epsilon, 1.0 - epsilon)).mean())


def _check(labels: NDArray[np.integer], probabilities: NDArray[np.floating], names: Sequence[str]) -> None:
    if not len(labels) or probabilities.shape != (len(labels), len(names)):
        raise DataError(
            f"scoring needs (N, {len(names)}) probabilities for N labels and N of at least 1, "
            f"got {probabilities.shape} for {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= len(names):
        raise DataError(f"labels run from {labels.min()} to {labels.max()}, but there are {len(names)} names")
    broken = np.flatnonzero(~np.isfinite(probabilities).all(axis=1))
    if broken.size:
        raise DataError(f"the probabilities of {broken.size} pictures are not finite, first of number {broken[0]}")


def _scikit_metrics() -> Any:
    """Import scikit-learn's metrics here, so that importing this module stays cheap."""
    try:
        from sklearn import metrics
    except ModuleNotFoundError:
        raise MissingExtraError("report", "scikit-learn") from None
    return metrics


def _average(labels: NDArray[np.integer], predicted: NDArray[np.integer], kind: str) -> tuple[float, float, float]:
    """Return mean precision, recall and F1."""
    means = _scikit_metrics().precision_recall_fscore_support(labels, predicted, average=kind, zero_division=0)
    return float(means[0]), float(means[1]), float(means[2])


def _measure_classes(
    labels: NDArray[np.integer], predicted: NDArray[np.integer], names: Sequence[str]
) -> dict[str, ClassMeasures]:
    columns = _scikit_metrics().precision_recall_fscore_support(
        labels, predicted, labels=range(len(names)), zero_division=0
    )
    return {
        name: ClassMeasures(precision=float(precision), recall=float(recall), f1=float(f1), support=int(support))
        for name, precision, recall, f1, support in zip(names, *columns, strict=True)
    }


def _count_confusions(
    labels: NDArray[np.integer], predicted: NDArray[np.integer], classes: int
) -> tuple[tuple[int, ...], ...]:
    matrix = _scikit_metrics().confusion_matrix(labels, predicted, labels=range(classes))
    return tuple(tuple(int(count) for count in row) for row in matrix)
