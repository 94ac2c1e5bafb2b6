"""The best epoch, and the rule for the epoch where overfitting begins."""

from __future__ import annotations

from collections.abc import Sequence

from mien.training.evaluate.curves import find_overfitting_epoch
from mien.training.fit.history import EpochRecord, find_best_epoch


def _history(
    train_loss: Sequence[float], validation_loss: Sequence[float], validation_accuracy: Sequence[float] | None = None
) -> list[EpochRecord]:
    accuracies = validation_accuracy or [0.5] * len(train_loss)
    return [
        EpochRecord(number, train, 0.5, validation, accuracy, 0.1, 1.0)
        for number, (train, validation, accuracy) in enumerate(
            zip(train_loss, validation_loss, accuracies, strict=True)
        )
    ]


FALLING = [1.8, 1.5, 1.3, 1.1, 0.9, 0.7, 0.5]


def test_overfitting_begins_after_the_lowest_validation_loss() -> None:
    assert find_overfitting_epoch(_history(FALLING, [1.7, 1.5, 1.4, 1.45, 1.5, 1.6, 1.7])) == 3


def test_a_flat_end_is_no_overfitting() -> None:
    assert find_overfitting_epoch(_history(FALLING, [1.7, 1.5, 1.4, 1.405, 1.402, 1.41, 1.404])) is None


def test_a_falling_validation_loss_is_no_overfitting() -> None:
    assert find_overfitting_epoch(_history(FALLING, FALLING)) is None


def test_both_losses_rising_is_divergence_and_no_overfitting() -> None:
    assert (
        find_overfitting_epoch(_history([1.8, 1.5, 1.3, 1.4, 1.6, 1.8, 2.0], [1.7, 1.5, 1.4, 1.5, 1.6, 1.8, 2.0]))
        is None
    )


def test_one_bad_last_epoch_is_no_overfitting() -> None:
    assert find_overfitting_epoch(_history(FALLING, [1.8, 1.7, 1.6, 1.5, 1.4, 1.3, 1.9])) is None


def test_too_few_epochs_after_the_lowest_decide_nothing() -> None:
    assert find_overfitting_epoch(_history(FALLING, [1.7, 1.6, 1.5, 1.4, 1.3, 1.6, 1.9])) is None


def test_the_epoch_is_named_as_the_history_counts_it() -> None:
    history = _history(FALLING, [1.7, 1.5, 1.4, 1.45, 1.5, 1.6, 1.7])
    assert find_overfitting_epoch([record._replace(epoch=record.epoch + 1) for record in history]) == 4


def test_without_epochs_there_is_nothing_to_find() -> None:
    assert find_overfitting_epoch([]) is None
    assert find_best_epoch([]) is None
    assert find_best_epoch([], "loss") is None


def test_the_best_epoch_is_the_first_of_the_highest_accuracy_or_of_the_lowest_loss() -> None:
    history = _history([1.0] * 4, [1.5, 1.2, 1.3, 1.2], [0.5, 0.6, 0.7, 0.7])
    by_accuracy, by_loss = find_best_epoch(history), find_best_epoch(history, "loss")
    assert by_accuracy is not None
    assert by_accuracy.epoch == 2
    assert by_loss is not None
    assert by_loss.epoch == 1


def test_the_last_epoch_is_kept_where_validation_shall_not_pick() -> None:
    history = _history([1.0] * 3, [1.5, 1.2, 1.3], [0.5, 0.7, 0.6])
    assert find_best_epoch(history, "last") is history[-1]
    assert find_best_epoch([], "last") is None
