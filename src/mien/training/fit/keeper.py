"""Keeps what each epoch earned: its line of history, the best and the last checkpoint, and when to stop."""

from __future__ import annotations

import time
from math import isfinite
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Checkpoint

from mien.core.errors import RunError
from mien.training.fit.history import Record, write_history
from mien.training.fit.learner import Learner
from mien.training.fit.recipe import Recipe
from mien.training.fit.run import Run


class Keeper(Checkpoint):
    """Writes best.ckpt, history.csv and last.ckpt after each epoch, each in one step, in this order.

    last.ckpt holds the whole history and comes last: a run killed between two of the three goes on from the epoch
    before, and writes the same again. Lightning calls a `Checkpoint` after all other callbacks of an epoch.
    """

    def __init__(self, run: Run, recipe: Recipe) -> None:
        """Prepare for a run.

        Args:
            run: Where to write.
            recipe: Says which epoch is kept, and when to give up.
        """
        self.run = run
        self.recipe = recipe
        self.records: list[Record] = []
        self._began = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look at the clock."""
        self._began = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write what the epoch earned."""
        assert isinstance(pl_module, Learner)
        record = pl_module.record(trainer.current_epoch, time.monotonic() - self._began)
        if not all(isfinite(value) for value in record):
            raise RunError(
                f"training diverged: no number as loss in epoch {record.epoch}. Use a lower --lr and another folder."
            )
        if trainer.is_global_zero:
            check_own_folder(self.run, self.recipe)
        self.records.append(record)
        if self.recipe.find_best(self.records) == record:
            trainer.save_checkpoint(self.run.best_path)
        if trainer.is_global_zero:
            write_history(self.run.history_path, self.records)
        trainer.save_checkpoint(self.run.last_path)
        if is_over(self.records, self.recipe):
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """Return the history for the checkpoint."""
        return {"records": [list(record) for record in self.records]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the history back from the checkpoint."""
        self.records = [self.recipe.record_form(*record) for record in state_dict["records"]]


def check_own_folder(run: Run, recipe: Recipe) -> None:
    """Refuse to write where the run no longer is: the folder would be made anew, without what it began with.

    Raises:
        RunError: If it was moved or removed, or a run of another recipe has its place.
    """
    if not run.is_started or run.recipe().differences(recipe):
        raise RunError(
            f"{run.path} was moved, removed or replaced during the training. If it lies elsewhere, go on there: "
            "--out ELSEWHERE --resume."
        )


def kept_records(checkpoint: dict[str, Any], recipe: Recipe) -> list[Record]:
    """Return the history inside a checkpoint of a recipe's run."""
    states = checkpoint["callbacks"].values()
    form = recipe.record_form
    return [form(*record) for state in states if "records" in state for record in state["records"]]


def is_over(records: list[Record], recipe: Recipe) -> bool:
    """Return whether the run has all its epochs, or none was better for as long as the recipe waits."""
    best = recipe.find_best(records)
    if best is None:
        return False
    waited = records[-1].epoch - best.epoch
    return records[-1].epoch + 1 >= recipe.epochs or 0 < recipe.stop_after_epochs <= waited
