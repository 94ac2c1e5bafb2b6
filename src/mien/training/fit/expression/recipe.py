"""The recipe of a network that tells expressions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from mien.training.fit.history import EpochRecord, Record, find_best_epoch
from mien.training.fit.recipe import Recipe
from mien.training.fit.sections import Augment, Loss, Mix, RowChoice


class ExpressionRecipe(Recipe):
    """A training run on face crops with labels, wholly described."""

    record_form: ClassVar[type[Record]] = EpochRecord

    task: Literal["expression"] = Field("expression", description="what is learned")
    best_by: Literal["accuracy", "loss"] = Field("accuracy", description="validation figure that picks the best epoch")
    rows: RowChoice = RowChoice()
    augment: Augment = Augment()
    mix: Mix = Mix()
    loss: Loss = Loss()

    def find_best(self, records: Sequence[Record]) -> Record | None:
        """Return the best epoch by `best_by`."""
        return find_best_epoch([record for record in records if isinstance(record, EpochRecord)], self.best_by)
