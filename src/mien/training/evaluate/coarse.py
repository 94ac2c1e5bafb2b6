"""How right the coarse answers are: positive, neutral, negative and surprise, summed from the labels' probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from mien.core.coarse import TONES, find_tones
from mien.training.evaluate.metrics import ClassMeasures, Share, measure


class CoarseMeasures(BaseModel):
    """The figures of the coarse answers; each means what `Measures` says of the field of its name.

    Attributes:
        n: Pictures scored.
        accuracy: Share with the right tone.
        accuracy_ci95: 95 % interval of the accuracy (Wilson).
        accuracy_without_twins: Accuracy on the pictures that have no pixel-identical twin in train; None if all have.
        macro_f1: Mean F1 in which every tone counts alike.
        ece: Expected calibration error of the top tone, 15 equal bins.
        per_class: By tone.
        confusion_matrix: Counts; rows are true tones, columns predicted ones.
        labels: Order of rows and columns.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int
    accuracy: Share
    accuracy_ci95: tuple[Share, Share]
    accuracy_without_twins: Share | None
    macro_f1: Share
    ece: Share
    per_class: dict[str, ClassMeasures]
    confusion_matrix: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...]


def measure_coarse(
    labels: NDArray[np.integer],
    probabilities: NDArray[np.floating],
    names: Sequence[str],
    without_twins: NDArray[np.bool_],
) -> CoarseMeasures | None:
    """Compute the figures of the coarse answers.

    Args:
        labels: (N,) true positions in `names`, N of at least 1.
        probabilities: (N, K) float32 or float64, rows sum to 1. Where two tones are equally high, the first is the
            answer.
        names: K labels.
        without_twins: (N,) whether a picture has no twin in train.

    Returns:
        None if a label is none of the seven, or if all have one tone: then every answer would be right.

    Raises:
        DataError: If the shapes don't fit together, or a value is not finite.
        MissingExtraError: If scikit-learn is absent.
    """
    found = find_tones(names)
    if found is None or len(set(found)) < 2:
        return None
    tones = tuple(tone for tone in TONES if tone in found)
    number = np.array([tones.index(tone) for tone in found])
    true = number[labels]
    summed = probabilities.astype(np.float64) @ np.eye(len(tones))[number]
    measures = measure(true, summed, tones)
    is_right = summed.argmax(axis=1) == true
    shared = CoarseMeasures.model_fields.keys() & set(type(measures).model_fields)
    return CoarseMeasures(
        **{name: getattr(measures, name) for name in shared},
        accuracy_without_twins=float(is_right[without_twins].mean()) if without_twins.any() else None,
    )
