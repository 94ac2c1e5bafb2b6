"""One training step, one validation step: what Lightning repeats."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from mien.training.data.augment import build_augmentation
from mien.training.data.batches import Batch, Batches
from mien.training.data.mixing import mix_batch
from mien.training.fit.averaging import build_equal_average, build_moving_average
from mien.training.fit.layers import check_freezing, set_learning
from mien.training.fit.losses import measure_loss
from mien.training.fit.optimizers import build_optimizer, build_plateau, build_step_schedule
from mien.training.fit.processes import draw_apart
from mien.training.fit.recipe import Recipe
from mien.training.fit.tally import Tally
from mien.training.models.preprocess import standardize, to_planes


class ExpressionModule(pl.LightningModule):
    """A network with its recipe: augmentation, loss, optimizer, schedule, averaged weights and frozen layers.

    What the history shows is plain cross-entropy with the labels, for training and validation alike, so that the two
    curves can be compared; the loss that is followed downhill may be focal, smoothed, weighted and mixed with votes.
    While training it is measured with augmentation and dropout on, and where pictures are mixed with others, still
    against their own labels: it looks worse then than it is. Validation uses the averaged weights, in float32.

    Attributes:
        network: The weights that learn.
        averaged: Their average, or None.
        epoch_lr: Learning rate of the head with which the epoch began.
    """

    def __init__(self, network: nn.Module, recipe: Recipe, class_weights: Tensor | None, steps_per_epoch: int) -> None:
        """Prepare training.

        Args:
            network: From (B, C, H, W) to (B, K) logits.
            recipe: The whole run.
            class_weights: (K,) float32 with a mean over the rows of 1, or None.
            steps_per_epoch: Batches of an epoch.

        Raises:
            RecipeError: If the recipe freezes more layers than the network has before its head.
        """
        super().__init__()
        check_freezing(network, recipe.transfer.freeze_layers)
        self.network: nn.Module = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if not recipe.transfer.freeze_epochs:  # before processes agree on whose gradients they share
            set_learning(self.network, recipe.transfer.freeze_layers)
        self.averaged: AveragedModel | None = None
        if recipe.ema:
            self.averaged = build_moving_average(self.network, recipe.ema)
        elif recipe.swa.share:
            self.averaged = build_equal_average(self.network)
        self.augment = build_augmentation(recipe.augment)
        self.recipe = recipe
        self.steps_per_epoch = steps_per_epoch
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.train_tally, self.validation_tally = Tally(), Tally()
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
        batches = self.trainer.train_dataloader
        assert isinstance(batches, Batches)
        batches.set_epoch(self.current_epoch)
        draw_apart(self.recipe.seed * 1_000_003 + self.current_epoch + 1, self.global_rank)
        self.train_tally = Tally()
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

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Return the loss of a batch."""
        planes, targets = mix_batch(self.augment(to_planes(batch.images)), batch.targets, self.recipe.mix)
        logits = self.network(standardize(planes).to(memory_format=torch.channels_last)).float()
        self.train_tally.add(logits, batch.labels)
        weights = self.class_weights if isinstance(self.class_weights, Tensor) else None
        return measure_loss(logits, targets, self.recipe.loss, weights)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_index: int) -> None:
        """Follow the weights with their average: the moving one after each step, the equal one after its epochs."""
        is_due = self.recipe.ema or (not self.is_scheduled and batch_index + 1 == self.steps_per_epoch)
        if self.averaged is not None and is_due:
            self.averaged.update_parameters(self.network)

    def on_validation_epoch_start(self) -> None:
        """Start counting."""
        self.validation_tally = Tally()

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Count a batch, in float32 as in the exported file."""
        with torch.autocast(self.device.type, enabled=False):
            planes = standardize(to_planes(batch.images)).to(memory_format=torch.channels_last)
            self.validation_tally.add(self.kept_network(planes), batch.labels)

    def on_validation_epoch_end(self) -> None:
        """Add up what all processes counted."""
        self.validation_tally.gather()

    def on_train_epoch_end(self) -> None:
        """Add up what all processes counted, and tell the plateau schedule the validation loss."""
        self.train_tally.gather()
        if self.plateau and self.is_scheduled:
            self.plateau.step(self.validation_tally.means()[0])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not know of."""
        checkpoint["plateau"] = self.plateau.state_dict() if self.plateau else None

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it back; the schedule itself is built later."""
        self._plateau_state = checkpoint["plateau"]
