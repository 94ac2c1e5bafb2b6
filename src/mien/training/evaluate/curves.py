"""What a run's history says of overfitting."""

from __future__ import annotations

from collections.abc import Sequence

from mien.training.fit.history import EpochRecord

WINDOW = 3
"""Epochs at the end over which losses are averaged, so that one lucky or unlucky epoch decides nothing."""

RISE = 0.01
"""Share by which the validation loss must end above its lowest value; less is the noise of training."""


def find_overfitting_epoch(history: Sequence[EpochRecord]) -> int | None:
    """Return the epoch from which validation loss rises while training loss still falls.

    That is the epoch after the lowest validation loss, provided that over the last `WINDOW` epochs on average

    1. the validation loss lies at least 1 % (`RISE`) above that lowest value, and
    2. the training loss lies below its value in the epoch of that lowest value.

    The loss decides, not the accuracy: it turns earlier, when wrong answers become overconfident.

    Args:
        history: One record an epoch, in order.

    Returns:
        The epoch's number as the history counts it (from 0). None if the run doesn't overfit by this rule, or if
        fewer than `WINDOW` epochs follow the lowest validation loss.
    """
    if not history:
        return None
    lowest = min(range(len(history)), key=lambda position: history[position].validation_loss)
    if len(history) - 1 - lowest < WINDOW:
        return None
    last = history[-WINDOW:]
    validation_loss = sum(record.validation_loss for record in last) / WINDOW
    train_loss = sum(record.train_loss for record in last) / WINDOW
    rises = validation_loss >= history[lowest].validation_loss * (1 + RISE)
    falls = train_loss < history[lowest].train_loss
    return history[lowest + 1].epoch if rises and falls else None
