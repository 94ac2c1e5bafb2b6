"""The figure of the labels one by one: precision, recall and F1, strongest first."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mien.apps.report.look import INK, MUTED, PAPER, color_of, look, make_figure, show_percent
from mien.training.evaluate.metrics import ClassMeasures, Measures

BAR = 0.25
SHADES = {"precision": 0.3, "recall": 0.6, "f1": 1.0}
"""Opacity of each bar in its label's color, from top to bottom."""


def draw_classes(measures: Measures) -> Figure:
    """Draw three bars for every label, sorted by F1, with the number of pictures that bear it."""
    ranked = sorted(measures.per_class.items(), key=lambda item: -item[1].f1)
    with look():
        figure = make_figure(1.1 + 0.62 * len(ranked))
        axes = figure.subplots()
        for place, (label, figures) in enumerate(ranked):
            _draw_label(axes, place, figures, color_of(label, measures.labels))
            axes.annotate(
                f"n = {figures.support:,}",
                (0, place),
                (-5, -3),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha="right",
                va="top",
                color=MUTED,
                fontsize=7.5,
            )
        axes.axvline(measures.macro_f1, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=0.8)
        axes.text(
            measures.macro_f1,
            -0.56,
            f"macro F1 {measures.macro_f1 * 100:.1f} %",
            ha="center",
            va="bottom",
            color=MUTED,
            fontsize=8.5,
        )
        # The second, empty line lifts the name above the number of pictures.
        axes.set_yticks(range(len(ranked)), [f"{label}\n" for label, _ in ranked], color=INK, fontsize=9.5)
        axes.set_ylim(len(ranked) - 0.5, -0.5)
        axes.set_xlim(0, 1.06)
        axes.grid(visible=False, axis="y")
        show_percent(axes, "x")
        handles = [Patch(facecolor=MUTED, alpha=alpha) for alpha in SHADES.values()]
        figure.legend(handles, ["precision", "recall", "F1"], loc="outside lower center", ncols=3, labelcolor=INK)
    return figure


def _draw_label(axes: Axes, place: int, figures: ClassMeasures, color: str) -> None:
    for offset, (name, alpha) in enumerate(SHADES.items()):
        value = float(getattr(figures, name))
        height = place + (offset - 1) * BAR
        ink, weight = (INK, "bold") if name == "f1" else (MUTED, "normal")
        axes.barh(height, value, height=BAR * 0.9, color=color, alpha=alpha, linewidth=0)
        axes.text(
            value + 0.008,
            height,
            f"{value * 100:.1f}",
            va="center",
            fontsize=7.5,
            color=ink,
            fontweight=weight,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.6},  # stays legible on the dashed line
        )
