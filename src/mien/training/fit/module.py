"""One training step, one validation step: what Lightning repeats."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.training.data.augment import build_augmentation
from mien.training.data.batches import Batch, Batches
from mien.training.fit.averaging import build_average
from mien.training.fit.optimizers import build_optimizer, build_plateau, build_step_schedule
from mien.training.fit.recipe import Recipe
from mien.training.fit.tally import Tally
from mien.training.models.preprocess import standardize, to_planes


class ExpressionModule(pl.LightningModule):
    """A network with its recipe: augmentation, loss, optimizer, schedule and averaged weights.

    What the history shows is plain cross-entropy with the labels, for training and validation alike, so that the two
    curves can be compared; the loss that is followed downhill may be smoothed, weighted and mixed with votes. While
    training it is measured with augmentation and dropout on; validation uses the averaged weights, in float32.

    Attributes:
        network: The weights that learn.
        averaged: Their moving average, or None.
        epoch_lr: Learning rate with which the epoch began.
    """

    def __init__(self, network: nn.Module, recipe: Recipe, class_weights: Tensor | None, steps_per_epoch: int) -> None:
        """Prepare training.

        Args:
            network: From (B, C, H, W) to (B, K) logits.
            recipe: The whole run.
            class_weights: (K,) float32 with a mean over the rows of 1, or None.
            steps_per_epoch: Batches of an epoch.
        """
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = build_average(self.network, recipe.ema) if recipe.ema else None
        self.augment = build_augmentation(recipe.augment)
        self.recipe = recipe
        self.steps_per_epoch = steps_per_epoch
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.train_tally, self.validation_tally = Tally(), Tally()
        self.epoch_lr = recipe.optimizer.lr
        self._plateau_state: dict[str, Any] | None = None

    @property
    def kept_network(self) -> nn.Module:
        """The network that is scored and kept: the averaged one where there is one."""
        return self.network if self.averaged is None else self.averaged.module

    def configure_optimizers(self) -> Any:
        """Build optimizer and schedule from the recipe."""
        recipe = self.recipe
        optimizer = build_optimizer(recipe.optimizer, self.network)
        self.plateau = build_plateau(recipe.schedule, optimizer)
        if self.plateau and self._plateau_state:
            self.plateau.load_state_dict(self._plateau_state)
        schedule = build_step_schedule(
            recipe.schedule, optimizer, recipe.optimizer.lr, recipe.epochs, self.steps_per_epoch
        )
        if schedule is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_epoch_start(self) -> None:
        """Seed order, augmentation and dropout by the epoch, so that a resumed run draws the same."""
        batches = self.trainer.train_dataloader
        assert isinstance(batches, Batches)
        batches.set_epoch(self.current_epoch)
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.current_epoch + 1)
        self.train_tally = Tally()
        self.epoch_lr = float(self.trainer.optimizers[0].param_groups[0]["lr"])

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Return the loss of a batch."""
        planes = standardize(self.augment(to_planes(batch.images)))
        logits = self.network(planes.to(memory_format=torch.channels_last)).float()
        self.train_tally.add(logits, batch.labels)
        weights = self.class_weights if isinstance(self.class_weights, Tensor) else None
        return F.cross_entropy(logits, batch.targets, weights, label_smoothing=self.recipe.loss.label_smoothing)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_index: int) -> None:
        """Follow the weights with their average."""
        if self.averaged is not None:
            self.averaged.update_parameters(self.network)

    def on_validation_epoch_start(self) -> None:
        """Start counting."""
        self.validation_tally = Tally()

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Count a batch, in float32 as in the exported file."""
        with torch.autocast(self.device.type, enabled=False):
            planes = standardize(to_planes(batch.images)).to(memory_format=torch.channels_last)
            self.validation_tally.add(self.kept_network(planes), batch.labels)

    def on_train_epoch_end(self) -> None:
        """Tell the plateau schedule the validation loss."""
        if self.plateau:
            self.plateau.step(self.validation_tally.means()[0])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not know of."""
        checkpoint["plateau"] = self.plateau.state_dict() if self.plateau else None

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it back; the schedule itself is built later."""
        self._plateau_state = checkpoint["plateau"]
