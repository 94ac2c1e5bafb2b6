"""Whether a confidence of 80 % is right 80 % of the time: confidences in bins, and the expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15
"""Bins of equal width over 0-1, as in the paper below."""


@dataclass(frozen=True)
class ConfidenceBins:
    """Pictures sorted by the confidence of their top label, bin i over (i / bins, (i + 1) / bins].

    Attributes:
        edges: (bins + 1,) float64, 0-1.
        count: (bins,) int64, pictures in each bin.
        confidence: (bins,) float64, mean confidence; NaN in an empty bin.
        accuracy: (bins,) float64, share with the right top label; NaN in an empty bin.
    """

    edges: NDArray[np.float64]
    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def error(self) -> float:
        """The expected calibration error: mean distance of confidence and accuracy, weighted by count; 0-1."""
        filled = self.count > 0
        distance = np.abs(self.confidence[filled] - self.accuracy[filled])
        return float(np.average(distance, weights=self.count[filled]))


def bin_confidences(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating], bins: int = BINS
) -> ConfidenceBins:
    """Sort pictures into bins by the confidence of their top label.

    Args:
        labels: (N,) true positions, N of at least 1.
        probabilities: (N, K), rows sum to 1.
        bins: Number of bins. More of them see finer deviations but grow the error by chance.

    Source:
        Guo et al., On Calibration of Modern Neural Networks, 2017, section 2; https://arxiv.org/abs/1706.04599.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    is_right = probabilities.argmax(axis=1) == labels
    # Float32 softmax can round a hair above 1, and the bins are closed on the right.
    number = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(number, minlength=bins)
    with np.errstate(invalid="ignore"):
        return ConfidenceBins(
            edges=np.linspace(0.0, 1.0, bins + 1),
            count=count,
            confidence=np.bincount(number, weights=confidence, minlength=bins) / count,
            accuracy=np.bincount(number, weights=is_right, minlength=bins) / count,
        )
