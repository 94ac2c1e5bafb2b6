"""What every task's training has in common: Lightning's hooks around optimizer, schedule and averaged weights."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from mien.training.fit.averaging import build_equal_average, build_moving_average
from mien.training.fit.collectives import draw_apart
from mien.training.fit.history import Record
from mien.training.fit.layers import set_learning
from mien.training.fit.optimizers import build_optimizer, build_plateau, build_step_schedule
from mien.training.fit.recipe import Recipe


class Learner(pl.LightningModule):
    """A network that learns by a recipe: optimizer, schedule, averaged weights and frozen layers.

    A task adds what a batch costs (`training_step`), how the network is validated (`validation_step`), and what an
    epoch earned (`record`).

    Attributes:
        network: The weights that learn.
        averaged: Their average, or None.
        recipe: The whole run.
        epoch_lr: Learning rate of the head with which the epoch began.
    """

    def __init__(self, network: nn.Module, recipe: Recipe, steps_per_epoch: int) -> None:
        """Prepare training.

        Args:
            network: What learns.
            recipe: The whole run.
            steps_per_epoch: Batches of an epoch.
        """
        super().__init__()
        self.network: nn.Module = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if recipe.transfer.freeze_layers and not recipe.transfer.freeze_epochs:
            set_learning(self.network, recipe.transfer.freeze_layers)  # before processes agree on shared gradients
        self.averaged: AveragedModel | None = None
        if recipe.ema:
            self.averaged = build_moving_average(self.network, recipe.ema)
        elif recipe.swa.share:
            self.averaged = build_equal_average(self.network)
        self.recipe = recipe
        self.steps_per_epoch = steps_per_epoch
        self.epoch_lr = recipe.optimizer.lr
        self._plateau_state: dict[str, Any] | None = None

    @property
    def kept_network(self) -> nn.Module:
        """The network that is scored and kept: the averaged one, once anything has been averaged."""
        if self.averaged is None or not int(self.averaged.n_averaged):
            return self.network
        averaged: nn.Module = self.averaged.module
        return averaged

    @property
    def is_scheduled(self) -> bool:
        """Whether the epoch belongs to the part of the run over which the schedule runs its course."""
        return self.current_epoch < self.recipe.scheduled_epochs

    @property
    def frozen_layers(self) -> int:
        """How many layers from the input keep their weights in this epoch."""
        settings = self.recipe.transfer
        is_over = 0 < settings.freeze_epochs <= self.current_epoch
        return 0 if is_over else settings.freeze_layers

    def configure_optimizers(self) -> Any:
        """Build optimizer and schedule from the recipe."""
        recipe = self.recipe
        optimizer = build_optimizer(recipe.optimizer, self.network)
        self.plateau = build_plateau(recipe.schedule, optimizer)
        if self.plateau and self._plateau_state:
            self.plateau.load_state_dict(self._plateau_state)
        self._full_lrs = [group["lr"] for group in optimizer.param_groups]
        schedule = build_step_schedule(recipe.schedule, optimizer, recipe.scheduled_epochs, self.steps_per_epoch)
        if schedule is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_epoch_start(self) -> None:
        """Seed all draws by the epoch, so that a resumed run draws the same; set which layers learn, and how fast."""
        batches: Any = self.trainer.train_dataloader
        batches.set_epoch(self.current_epoch)
        draw_apart(self.recipe.seed * 1_000_003 + self.current_epoch + 1, self.global_rank)
        self.begin_epoch()
        if self.recipe.transfer.freeze_layers:
            set_learning(self.network, self.frozen_layers)
        groups = self.trainer.optimizers[0].param_groups
        if not self.is_scheduled:
            for group, full_lr in zip(groups, self._full_lrs, strict=True):
                group["lr"] = self.recipe.swa.lr * full_lr / self.recipe.optimizer.lr
        self.epoch_lr = max(float(group["lr"]) for group in groups)

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Move the schedule on by a step, until the part of the run whose weights are averaged alike."""
        if self.is_scheduled:
            scheduler.step()

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_index: int) -> None:
        """Follow the weights with their average: the moving one after each step, the equal one after its epochs."""
        is_due = self.recipe.ema or (not self.is_scheduled and batch_index + 1 == self.steps_per_epoch)
        if self.averaged is not None and is_due:
            self.averaged.update_parameters(self.network)

    def on_train_epoch_end(self) -> None:
        """Tell the plateau schedule how the epoch went."""
        if self.plateau and self.is_scheduled:
            self.plateau.step(self.validation_loss())

    def begin_epoch(self) -> None:
        """Forget what the last epoch counted."""

    def validation_loss(self) -> float:
        """Return what a plateau schedule goes by; lower is better."""
        raise NotImplementedError

    def record(self, epoch: int, seconds: float) -> Record:
        """Return an epoch's line of history.

        Args:
            epoch: Counted from 0.
            seconds: What it took.
        """
        raise NotImplementedError

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not know of."""
        checkpoint["plateau"] = self.plateau.state_dict() if self.plateau else None

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it back; the schedule itself is built later."""
        self._plateau_state = checkpoint["plateau"]
