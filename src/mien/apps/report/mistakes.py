"""The figure of the worst mistakes: wrong answers of the highest confidence, as pictures."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mien.apps.report.look import INK, MUTED, WIDTH_IN, look
from mien.training.evaluate.score import Scoring

COLUMNS, ROWS = 5, 4
GAP_IN, CAPTION_IN = 0.12, 0.48
SIDE_IN = (WIDTH_IN - (COLUMNS - 1) * GAP_IN) / COLUMNS


def find_worst_mistakes(
    labels: NDArray[np.integer], probabilities: NDArray[np.floating], count: int = COLUMNS * ROWS
) -> NDArray[np.intp]:
    """Return the positions of wrong answers, most confident first; of equals the first comes first.

    Args:
        labels: (N,) true positions.
        probabilities: (N, K).
        count: At most so many.
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    confidence = probabilities[wrong].max(axis=1)
    return wrong[np.argsort(-confidence, kind="stable")[:count]]


def draw_mistakes(scoring: Scoring) -> Figure | None:
    """Draw the worst mistakes, or return None if there is none.

    Only the pictures drawn are read from the data set's memory map.
    """
    worst = find_worst_mistakes(scoring.labels, scoring.probabilities)
    if not worst.size:
        return None
    names, predicted = scoring.dataset.labels, scoring.predicted
    with look():
        rows = -(-len(worst) // COLUMNS)
        figure = Figure(figsize=(WIDTH_IN, rows * (SIDE_IN + CAPTION_IN)))
        for place, position in enumerate(worst):
            axes = _place_axes(figure, place, rows)
            _draw_picture(axes, scoring.dataset.images[scoring.rows[position]])
            confidence = float(scoring.probabilities[position, predicted[position]])
            _write(axes, names[scoring.labels[position]], names[predicted[position]], confidence)
    return figure


def _place_axes(figure: Figure, place: int, rows: int) -> Axes:
    """Return square axes for the picture at a place, counted row by row, with room for two lines below."""
    row, column = divmod(place, COLUMNS)
    height_in = rows * (SIDE_IN + CAPTION_IN)
    left_in = column * (SIDE_IN + GAP_IN)
    bottom_in = height_in - row * (SIDE_IN + CAPTION_IN) - SIDE_IN
    return figure.add_axes((left_in / WIDTH_IN, bottom_in / height_in, SIDE_IN / WIDTH_IN, SIDE_IN / height_in))


def _draw_picture(axes: Axes, image: NDArray[np.uint8]) -> None:
    # The range is fixed: matplotlib would otherwise stretch a dull picture to full contrast.
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="lanczos")
    axes.set_axis_off()


def _write(axes: Axes, true: str, answered: str, confidence: float) -> None:
    for points, text, size, color, weight in (
        (-5, f"{true} → {answered}", 8.5, INK, "bold"),
        (-18, f"at {confidence * 100:.1f} %", 8.0, MUTED, "normal"),
    ):
        axes.annotate(
            text,
            (0, 0),
            (0, points),
            xycoords="axes fraction",
            textcoords="offset points",
            va="top",
            fontsize=size,
            color=color,
            fontweight=weight,
            annotation_clip=False,
        )
