"""What a run's epochs earned: `history.csv`, one line an epoch, and which of them was the best."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from mien.core.atomic import write_text
from mien.core.errors import RunError


class Record(Protocol):
    """What an epoch's line of any task has."""

    @property
    def epoch(self) -> int:
        """Counted from 0."""

    @property
    def train_loss(self) -> float:
        """Mean over the epoch, measured while training."""

    @property
    def seconds(self) -> float:
        """What the epoch took."""

    @property
    def _fields(self) -> tuple[str, ...]: ...

    def describe(self) -> str:
        """Return the figures in a line."""

    def __iter__(self) -> Iterator[Any]: ...


class EpochRecord(NamedTuple):
    """One line of `history.csv`; epochs count from 0, accuracies are shares, losses plain cross-entropy."""

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    lr: float
    seconds: float

    def describe(self) -> str:
        """Return the figures in a line."""
        return (
            f"train {self.train_accuracy:.1%} ({self.train_loss:.3f}) · "
            f"validation {self.validation_accuracy:.1%} ({self.validation_loss:.3f})"
        )


BestBy: TypeAlias = Literal["accuracy", "loss", "last"]


def find_best_epoch(history: Sequence[EpochRecord], best_by: BestBy = "accuracy") -> EpochRecord | None:
    """Return the epoch with the best validation figure, the first of several, or None without epochs.

    Args:
        history: One record an epoch, in order.
        best_by: The recipe's field of that name: highest validation accuracy, or lowest validation loss, or simply
            the last epoch.
    """
    if best_by == "last":
        return history[-1] if history else None
    if best_by == "loss":
        return min(history, key=lambda record: record.validation_loss, default=None)
    return max(history, key=lambda record: record.validation_accuracy, default=None)


def write_history(path: Path, records: Sequence[Record]) -> None:
    """Write `history.csv` in one step.

    Args:
        path: The file.
        records: One an epoch, in order; at least one.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(records[0]._fields)
    writer.writerows(records)
    write_text(path, text.getvalue())


def read_history(path: Path, form: type[Record] = EpochRecord) -> list[Record]:
    """Read `history.csv`.

    Args:
        path: The file.
        form: What a line of the run's task says.

    Returns:
        One record a finished epoch, in order; empty if none is.

    Raises:
        RunError: If there is no such file, or one of another form.
    """
    fields: tuple[str, ...] = form._fields  # type: ignore[assignment]  # of the class, as NamedTuple has them
    try:
        with path.open(newline="", encoding="utf-8") as text:
            header, *rows = list(csv.reader(text)) or [[]]
        if tuple(header) != fields:
            raise ValueError(f"columns {','.join(header)}, expected {','.join(fields)}")
        make: Callable[..., Record] = form
        return [make(int(row[0]), *map(float, row[1:])) for row in rows]
    except FileNotFoundError:
        raise RunError(f"{path.parent} holds no {path.name}. Name the folder given to `mien train --out`.") from None
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise RunError(f"{path} can't be read: {error}.") from None
