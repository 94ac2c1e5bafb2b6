"""The figure of calibration: how often answers of a confidence are right, and how often each confidence occurs."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mien.apps.report.look import BLUE, INK, MUTED, ORANGE, look, make_figure, show_percent
from mien.training.evaluate.calibration import ConfidenceBins


def draw_reliability(bins: ConfidenceBins) -> Figure:
    """Draw accuracy over confidence, the gap between the two, and a histogram of the confidences beside it."""
    with look():
        figure = make_figure(3.9)
        reliability, histogram = figure.subplots(1, 2, width_ratios=(1.15, 1))
        _draw_reliability(reliability, bins)
        _draw_histogram(histogram, bins)
        handles = [Patch(facecolor=BLUE, alpha=0.6), Line2D([], [], color=ORANGE, linewidth=2.4)]
        names = ["share of answers that is right", "their mean confidence: should lie at the top of the bar"]
        figure.legend(handles, names, loc="outside lower center", ncols=2, labelcolor=INK)
    return figure


def _draw_reliability(axes: Axes, bins: ConfidenceBins) -> None:
    filled = bins.count > 0
    width = 1 / len(bins.count)
    left = bins.edges[:-1][filled] + 0.04 * width
    axes.bar(left, bins.accuracy[filled], width * 0.92, align="edge", color=BLUE, alpha=0.6, linewidth=0)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.hlines(bins.confidence[filled], left, left + 0.92 * width, color=ORANGE, linewidth=2.4)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence of the answer", ylabel="share of answers that is right")
    axes.set_title(f"Calibration error (ECE) {bins.error * 100:.1f} %")
    show_percent(axes, "x")
    show_percent(axes, "y")


def _draw_histogram(axes: Axes, bins: ConfidenceBins) -> None:
    filled = bins.count > 0
    shares = bins.count / bins.count.sum()
    axes.bar(
        bins.edges[:-1] + 0.04 / len(shares),
        shares,
        0.92 / len(shares),
        align="edge",
        color=MUTED,
        alpha=0.45,
        linewidth=0,
    )
    for values, color, name in ((bins.accuracy, BLUE, "accuracy"), (bins.confidence, ORANGE, "mean confidence")):
        mean = float(np.average(values[filled], weights=bins.count[filled]))
        axes.axvline(mean, ymax=0.76, color=color, linewidth=1.6, label=f"{name} {mean * 100:.1f} %")
    axes.set(
        xlim=(0, 1), ylim=(0, shares.max() * 1.32), xlabel="confidence of the answer", ylabel="share of the pictures"
    )
    axes.set_title("How sure the answers are")
    axes.legend(loc="upper left", labelcolor=INK)
    show_percent(axes, "x")
    show_percent(axes, "y")
