"""The figure of a run's history: loss and accuracy, training and validation, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mien.apps.report.look import BLUE, INK, MUTED, ORANGE, PAPER, look, make_figure, show_percent
from mien.training.fit.history import EpochRecord


def draw_curves(history: Sequence[EpochRecord], best: EpochRecord, overfitting_epoch: int | None) -> Figure:
    """Draw loss and accuracy over the epochs, mark the epoch that was kept and where overfitting begins.

    Args:
        history: One record an epoch, at least one, in order.
        best: The epoch whose weights were kept.
        overfitting_epoch: Shaded from here on; None for a run that doesn't overfit.
    """
    epochs = [record.epoch for record in history]
    with look():
        figure = make_figure(3.3)
        loss, accuracy = figure.subplots(1, 2)
        _draw_panel(loss, epochs, [r.train_loss for r in history], [r.validation_loss for r in history])
        _draw_panel(accuracy, epochs, [r.train_accuracy for r in history], [r.validation_accuracy for r in history])
        _mark_best(loss, best.epoch, best.validation_loss)
        _mark_best(accuracy, best.epoch, best.validation_accuracy)
        show_percent(accuracy, "y")
        loss.set_title("Loss")
        accuracy.set_title("Accuracy")
        if overfitting_epoch is not None:
            for axes in (loss, accuracy):
                axes.axvspan(overfitting_epoch, epochs[-1], color=ORANGE, alpha=0.08, linewidth=0)
                axes.axvline(overfitting_epoch, color=ORANGE, linewidth=1, linestyle=(0, (4, 3)))
        _explain(figure, loss, best, overfitting_epoch)
    return figure


def _draw_panel(axes: Axes, epochs: list[int], train: list[float], validation: list[float]) -> None:
    # A run of a single epoch is a point, which a line alone would not show.
    marker = "o" if len(epochs) == 1 else None
    axes.plot(epochs, train, color=MUTED, linewidth=1.4, linestyle=(0, (5, 1.5)), marker=marker, label="training")
    axes.plot(epochs, validation, color=BLUE, marker=marker, label="validation")
    axes.set_xlabel("epoch, counted from 0")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.02)
    if len(epochs) == 1:
        axes.set_xlim(epochs[0] - 1, epochs[0] + 1)  # else the ticks are thousandths of an epoch


def _mark_best(axes: Axes, epoch: int, value: float) -> None:
    axes.plot(
        [epoch],
        [value],
        marker="o",
        markersize=6.5,
        markerfacecolor=PAPER,
        markeredgecolor=BLUE,
        markeredgewidth=1.8,
        linestyle="none",
        zorder=4,
    )


def _explain(figure: Figure, axes: Axes, best: EpochRecord, overfitting_epoch: int | None) -> None:
    """Put one legend under both panels."""
    handles, names = axes.get_legend_handles_labels()
    (ring,) = (line for line in axes.get_lines() if line.get_marker() == "o" and line.get_linestyle() == "None")
    handles.append(ring)
    names.append(f"kept epoch: {best.epoch} ({best.validation_accuracy:.1%})".replace("%", " %"))
    if overfitting_epoch is not None:
        handles.append(axes.get_lines()[-1])
        names.append(f"overfits from epoch {overfitting_epoch}")
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), labelcolor=INK)
