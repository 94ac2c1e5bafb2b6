"""How far the answers are what FER+'s ten people saw in the same pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from mien.core.labels import EXPRESSIONS, fer_plus_order
from mien.training.data.table import Dataset
from mien.training.evaluate.calibration import bin_confidences
from mien.training.evaluate.metrics import Share, wilson_interval

CONFIDENT_VOTES = 6
"""So many of ten people have to see the same for the picture to be a clear one."""


class VoteMeasures(BaseModel):
    """The figures of a head that tells what people voted.

    Attributes:
        n: Pictures that FER+ calls a face, with a vote for one of the seven.
        agreement: Share whose answer is what most people saw; ties go to the first label.
        agreement_ci95: 95 % interval of it (Wilson).
        n_confident: Pictures in which at least `CONFIDENT_VOTES` people saw the same.
        agreement_confident: Share of those; None if there are none.
        divergence: Mean Kullback-Leibler divergence of the answer from the distribution of the votes, in nats; 0 is
            perfect.
        ece: Expected calibration error of the top answer as a guess of what most people saw, 15 equal bins.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int
    agreement: Share
    agreement_ci95: tuple[Share, Share]
    n_confident: int
    agreement_confident: Share | None
    divergence: float
    ece: Share

    def describe(self) -> str:
        """Return in a few words what stands beside the agreement."""
        clear = "none" if self.agreement_confident is None else f"{self.agreement_confident:.1%}"
        return f"{clear} of those where {CONFIDENT_VOTES} of ten agree; divergence {self.divergence:.3f} nats"


def read_counts(dataset: Dataset, rows: NDArray[np.intp]) -> NDArray[np.int64] | None:
    """Return how many people saw what in each picture.

    Args:
        dataset: Where the votes stand.
        rows: (N,) positions in its table.

    Returns:
        (N, 7) in the order of the data set's labels; a row of zeros where FER+ sees no face or none of the seven. None
        without votes, or if the labels are not the seven.
    """
    if not dataset.manifest.has_votes or set(dataset.labels) != set(EXPRESSIONS):
        return None
    counts = dataset.table["votes"][rows][:, fer_plus_order(dataset.labels)].astype(np.int64)
    seen: NDArray[np.int64] = np.where(dataset.table["is_face"][rows][:, None], counts, 0)
    return seen


def find_agreement(counts: NDArray[np.int64] | None, probabilities: NDArray[np.floating]) -> float | None:
    """Return the share of pictures whose answer is what most of FER+'s people saw.

    Args:
        counts: (N, 7) as `read_counts` gives them, or None.
        probabilities: (N, 7).

    Returns:
        0-1; None without votes.
    """
    if counts is None or not (voted := counts.any(axis=1)).any():
        return None
    return float((_top(counts) == probabilities.argmax(axis=1))[voted].mean())


def measure_votes(counts: NDArray[np.int64] | None, probabilities: NDArray[np.floating]) -> VoteMeasures | None:
    """Compute the figures of answers that are meant to be the votes' distribution.

    Args:
        counts: (N, 7) as `read_counts` gives them, or None.
        probabilities: (N, 7) float32, rows sum to 1.

    Returns:
        None without votes.
    """
    if counts is None or not (voted := counts.any(axis=1)).any():
        return None
    counts, answers = counts[voted], probabilities[voted].astype(np.float64)
    seen, shares = _top(counts), counts / counts.sum(axis=1, keepdims=True)
    is_right = seen == answers.argmax(axis=1)
    is_clear = counts.max(axis=1) >= CONFIDENT_VOTES
    logs = np.log(np.where(shares > 0, shares, 1.0)) - np.log(np.maximum(answers, np.finfo(np.float32).eps))
    return VoteMeasures(
        n=len(counts),
        agreement=float(is_right.mean()),
        agreement_ci95=wilson_interval(int(is_right.sum()), len(counts)),
        n_confident=int(is_clear.sum()),
        agreement_confident=float(is_right[is_clear].mean()) if is_clear.any() else None,
        divergence=float((shares * logs).sum(axis=1).mean()),
        ece=bin_confidences(seen, answers).error,
    )


def _top(counts: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return what most people saw; ties go to the first label."""
    top: NDArray[np.intp] = counts.argmax(axis=1)
    return top
