"""What a run's history shows, in plain sentences: its best epoch, whether it overfits, whether it ended too early."""

from __future__ import annotations

from collections.abc import Sequence

from mien.apps.report.phrases import percent, points
from mien.training.evaluate.curves import find_overfitting_epoch
from mien.training.fit.history import EpochRecord, find_best_epoch

GAP = 0.1
"""Training accuracy this far above validation accuracy is called a wide gap."""

TAIL = 0.1
"""Share of the epochs, at the end of a run, in which a best epoch says that the run might have gone on."""


def observe_training(history: Sequence[EpochRecord], best: EpochRecord | None = None) -> list[str]:
    """Say where the run was best, whether and from when it overfits, and whether it stopped too early."""
    best = best or find_best_epoch(history)
    if best is None:
        return []
    last = history[-1]
    kept = f"Epoch {best.epoch} of {history[0].epoch} to {last.epoch}" if len(history) > 1 else "The only epoch"
    sentences = [
        f"{kept} was kept: validation accuracy "
        f"{percent(best.validation_accuracy)}, validation loss {best.validation_loss:.3f}."
    ]
    overfitting = find_overfitting_epoch(history)
    if overfitting is not None:
        lowest = min(history, key=lambda record: record.validation_loss)
        sentences.append(
            f"The run overfits from epoch {overfitting}: validation loss rises from {lowest.validation_loss:.3f} to "
            f"{last.validation_loss:.3f}, while training loss falls from {lowest.train_loss:.3f} to "
            f"{last.train_loss:.3f}."
        )
    elif len(history) > 1:
        sentences.append("No overfitting is seen: validation loss does not rise while training loss falls.")
    return [*sentences, *_compare_parts(history), *_judge_length(history, best, overfitting)]


def _compare_parts(history: Sequence[EpochRecord]) -> list[str]:
    """Compare training and validation accuracy at the end."""
    last = history[-1]
    gap = last.train_accuracy - last.validation_accuracy
    figures = (
        f"training accuracy {percent(last.train_accuracy)}, validation accuracy {percent(last.validation_accuracy)}"
    )
    if gap > GAP:
        return [f"At the end the gap is wide, {points(gap)}: {figures}. The network remembers pictures."]
    if gap < 0:
        return [
            f"At the end training lies below validation: {figures}. Augmentation and dropout make training pictures "
            "harder, so the network has not used up what they hold."
        ]
    return [f"At the end the gap is {points(gap)}: {figures}."]


def _judge_length(history: Sequence[EpochRecord], best: EpochRecord, overfitting: int | None) -> list[str]:
    """Say that a run underfits if it was still getting better when it ended."""
    last = history[-1]
    is_best_late = last.epoch - best.epoch < max(1.0, TAIL * len(history))
    if len(history) < 2 or overfitting is not None or not is_best_late:
        return []
    earlier = history[-1 - max(1, round(TAIL * len(history)))]
    if last.validation_loss >= earlier.validation_loss or last.train_loss >= earlier.train_loss:
        return []
    return [
        f"Signs of underfitting: from epoch {earlier.epoch} to the end validation loss still falls from "
        f"{earlier.validation_loss:.3f} to {last.validation_loss:.3f}. More epochs, or a larger network, may gain."
    ]
