"""The figure of the confusion matrix: share and count of every pair of true and answered label."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mien.apps.report.look import BLUE, INK, MUTED, ORANGE, PAPER, WIDTH_IN, look, make_figure
from mien.training.evaluate.metrics import Measures

FULL_AT = 0.6
"""Share of a row at which a wrong cell is fully orange; mistakes above it are rare, and paler scales hide the rest."""

DARK_FROM = 0.72
"""Strength of a cell's color from which its text is light."""


def draw_confusion(measures: Measures) -> Figure:
    """Draw rows of true labels and columns of answers; each cell says its share of the row and its count."""
    counts = np.array(measures.confusion_matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = len(counts)
    with look():
        figure = make_figure(WIDTH_IN * (size + 1.2) / (size + 2.2))
        axes = figure.subplots()
        for row in range(size):
            for column in range(size):
                _draw_cell(axes, row, column, float(shares[row, column]), int(counts[row, column]))
        _draw_margins(axes, counts)
        _dress(axes, measures.labels)
    return figure


def _draw_cell(axes: Axes, row: int, column: int, share: float, count: int) -> None:
    is_right = row == column
    strength = share if is_right else min(1.0, share / FULL_AT)
    color = BLUE if is_right else ORANGE
    axes.add_patch(
        Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, facecolor=color, alpha=0.05 + 0.95 * strength, linewidth=0)
    )
    if not count:
        axes.text(column, row, "0", ha="center", va="center", color=MUTED, fontsize=8.0)
        return
    ink = PAPER if strength > DARK_FROM else INK
    weight = "bold" if is_right else "normal"
    share_text = f"{share * 100:.0f} %" if share >= 0.005 else "< 1 %"
    axes.text(column, row - 0.09, share_text, ha="center", va="center", color=ink, fontsize=10.5, fontweight=weight)
    axes.text(column, row + 0.23, f"{count:,}", ha="center", va="center", color=ink, fontsize=7.5)


def _draw_margins(axes: Axes, counts: np.ndarray[tuple[int, ...], np.dtype[np.int_]]) -> None:
    """Write how often each label is true and how often it is answered."""
    size = len(counts)
    for position in range(size):
        axes.text(
            size - 0.38, position, f"{counts[position].sum():,}", ha="left", va="center", color=MUTED, fontsize=8.5
        )
        axes.text(
            position, size - 0.32, f"{counts[:, position].sum():,}", ha="center", va="center", color=MUTED, fontsize=8.5
        )
    axes.text(size - 0.38, size - 0.32, f"{counts.sum():,}", ha="left", va="center", color=INK, fontsize=8.5)


def _dress(axes: Axes, labels: tuple[str, ...]) -> None:
    size = len(labels)
    axes.set_xlim(-0.5, size + 0.1)
    axes.set_ylim(size - 0.1, -0.5)
    axes.set_aspect("equal")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xticks(range(size), labels, color=INK)
    axes.set_yticks(range(size), labels, color=INK)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("answered", labelpad=8, x=(size / 2) / (size + 0.6))
    axes.set_ylabel("true label", labelpad=8, y=1 - (size / 2) / (size + 0.4))
