"""The progress of a training in the terminal: one bar over all its steps, with the time left."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mien.training.fit.keeper import Keeper


class ProgressBar(Callback):
    """Shows the epoch (counted from 0), steps, time left and figures; prints a line an epoch where no one watches."""

    def __init__(self, keeper: Keeper, console: Console | None = None) -> None:
        """Prepare the bar.

        Args:
            keeper: Knows the history.
            console: Where to draw; the standard error if not given.
        """
        self.keeper = keeper
        self.console = console or Console(stderr=True)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw the bar, with what a resumed run has behind it."""
        epochs = self.keeper.recipe.epochs
        steps = int(trainer.num_training_batches)
        self.task = self.bar.add_task("training", total=epochs * steps, figures="", completed=trainer.global_step)
        self.bar.start()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Name the epoch."""
        self._say_figures()
        self.bar.update(self.task, description=f"epoch {trainer.current_epoch} (0 to {self.keeper.recipe.epochs - 1})")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move on by one step."""
        self.bar.update(self.task, completed=trainer.global_step)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the bar down."""
        self._say_figures()
        self.bar.stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Take the bar down when something breaks."""
        self.bar.stop()

    def _say_figures(self) -> None:
        """Show the figures of the last finished epoch."""
        if not self.keeper.records:
            return
        last = self.keeper.records[-1]
        figures = last.describe()
        self.bar.update(self.task, figures=figures)
        if not self.console.is_terminal:
            self.console.print(f"epoch {last.epoch}: {figures}, {last.seconds:.0f} s", soft_wrap=True)
