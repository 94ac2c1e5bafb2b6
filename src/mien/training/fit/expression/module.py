"""A classifier's training step and validation step: what Lightning repeats."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mien.training.data.augment import build_augmentation
from mien.training.data.batches import Batch
from mien.training.data.mixing import mix_batch
from mien.training.fit.expression.losses import measure_heads
from mien.training.fit.expression.recipe import ExpressionRecipe
from mien.training.fit.expression.tally import Tally
from mien.training.fit.expression.teachers import Teachers
from mien.training.fit.history import EpochRecord
from mien.training.fit.layers import check_freezing
from mien.training.fit.learner import Learner
from mien.training.models.preprocess import standardize, standardize_pixels, to_planes


class ExpressionModule(Learner):
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

    recipe: ExpressionRecipe

    def __init__(
        self,
        network: nn.Module,
        recipe: ExpressionRecipe,
        class_weights: Tensor | None,
        steps_per_epoch: int,
        teachers: Teachers | None = None,
    ) -> None:
        """Prepare training.

        Args:
            network: From (B, C, H, W) to (B, K) logits, or (B, 2 K) if the recipe has a head for votes.
            recipe: The whole run.
            class_weights: (K,) float32 with a mean over the rows of 1, or None.
            steps_per_epoch: Batches of an epoch.
            teachers: Whose answers are imitated, or None.

        Raises:
            RecipeError: If the recipe freezes more layers than the network has before its head.
        """
        check_freezing(network, recipe.transfer.freeze_layers)
        super().__init__(network, recipe, steps_per_epoch)
        self.teachers = teachers
        self.augment = build_augmentation(recipe.augment)
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.train_tally, self.validation_tally = Tally(), Tally()

    def begin_epoch(self) -> None:
        """Start counting."""
        self.train_tally = Tally()

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Return the loss of a batch."""
        with torch.autocast(self.device.type, enabled=False):  # in bfloat16 a warp is off by up to a third of a pixel
            planes, targets = mix_batch(self.augment(to_planes(batch.images)), batch.targets, self.recipe.mix)
        logits = self.network(standardize(planes).to(memory_format=torch.channels_last)).float()
        self.train_tally.add(self._of_labels(logits), batch.labels)
        weights = self.class_weights if isinstance(self.class_weights, Tensor) else None
        taught = self.teachers.answer(planes) if self.teachers else ()
        return measure_heads(logits, targets, self.recipe, weights, taught)

    def _of_labels(self, logits: Tensor) -> Tensor:
        """Return (B, K): the first head's."""
        return logits.chunk(self.recipe.heads, dim=1)[0]

    def on_validation_epoch_start(self) -> None:
        """Start counting."""
        self.validation_tally = Tally()

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Count a batch, in float32 as in the exported file."""
        with torch.autocast(self.device.type, enabled=False):
            planes = standardize_pixels(batch.images).to(memory_format=torch.channels_last)
            self.validation_tally.add(self._of_labels(self.kept_network(planes)), batch.labels)

    def on_validation_epoch_end(self) -> None:
        """Add up what all processes counted."""
        self.validation_tally.gather()

    def on_train_epoch_end(self) -> None:
        """Add up what all processes counted."""
        self.train_tally.gather()
        super().on_train_epoch_end()

    def validation_loss(self) -> float:
        """Return plain cross-entropy on the validation part."""
        return self.validation_tally.means()[0]

    def record(self, epoch: int, seconds: float) -> EpochRecord:
        """Return an epoch's line of history."""
        train_loss, train_accuracy = self.train_tally.means()
        validation_loss, validation_accuracy = self.validation_tally.means()
        return EpochRecord(
            epoch=epoch,
            train_loss=round(train_loss, 6),
            train_accuracy=round(train_accuracy, 6),
            validation_loss=round(validation_loss, 6),
            validation_accuracy=round(validation_accuracy, 6),
            lr=float(f"{self.epoch_lr:.6g}"),
            seconds=round(seconds, 2),
        )
