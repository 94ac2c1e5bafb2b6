"""Which figures a report shows, in which order, and what stands under each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from mien.apps.report.classes import draw_classes
from mien.apps.report.confusion import draw_confusion
from mien.apps.report.curves import draw_curves
from mien.apps.report.mistakes import draw_mistakes
from mien.apps.report.reliability import draw_reliability
from mien.training.evaluate.calibration import BINS, bin_confidences
from mien.training.evaluate.curves import find_overfitting_epoch
from mien.training.evaluate.score import Scoring
from mien.training.fit.history import EpochRecord

PLATE_NAMES = ("confusion", "classes", "reliability", "curves", "mistakes")
"""File names without ending, in the report's order."""


@dataclass(frozen=True)
class Plate:
    """A figure with its words.

    Attributes:
        name: One of `PLATE_NAMES`.
        title: A few words.
        caption: How to read it.
        figure: Drawn, not rendered yet.
    """

    name: str
    title: str
    caption: str
    figure: Figure


def draw_plates(
    scoring: Scoring, history: Sequence[EpochRecord] = (), best: EpochRecord | None = None
) -> tuple[Plate, ...]:
    """Draw every figure that there is something to draw for.

    Args:
        scoring: Scores and predictions.
        history: One record an epoch; without it the curves are left out.
        best: The epoch whose weights were kept.
    """
    plates = [
        Plate(
            "confusion",
            "Confusion matrix",
            "A row holds the pictures of one true label, a column those given one answer. Large: share of the row; "
            "small: number of pictures. Blue is right, orange wrong, stronger means more. Outside: the sums.",
            draw_confusion(scoring.scores),
        ),
        Plate(
            "classes",
            "Precision, recall and F1 by label",
            "In percent, the strongest F1 on top; n is the number of pictures that bear the label.",
            draw_classes(scoring.scores),
        ),
        Plate(
            "reliability",
            "Calibration",
            f"Left: answers sorted by confidence into {BINS} bins of equal width; of a calibrated model the share that "
            "is right equals the mean confidence. Right: how many answers have which confidence.",
            draw_reliability(bin_confidences(scoring.labels, scoring.probabilities)),
        ),
    ]
    if history and best:
        plates.append(
            Plate(
                "curves",
                "Training and validation",
                "The ring marks the epoch whose weights were kept. Losses are plain cross-entropy with the labels. "
                "Training figures are taken while training, with augmentation and dropout on, and so look worse. "
                "Shaded, if at all: validation loss rises while training loss falls.",
                draw_curves(history, best, find_overfitting_epoch(history)),
            )
        )
    mistakes = draw_mistakes(scoring)
    if mistakes:
        plates.append(
            Plate(
                "mistakes",
                "The worst mistakes",
                "Wrong answers of the highest confidence: true label → answer. Look at them before you blame the "
                "model: some of the labels are wrong.",
                mistakes,
            )
        )
    return tuple(plates)
