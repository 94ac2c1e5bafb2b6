"""The recipe of a network that tells expressions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field

from mien.training.data.sections import Augment, Mix
from mien.training.fit.history import EpochRecord, Record, find_best_epoch
from mien.training.fit.recipe import Recipe
from mien.training.fit.sections import Distill, Loss, RowChoice, Votes


class ExpressionRecipe(Recipe):
    """A training run on face crops with labels, wholly described."""

    record_form: ClassVar[type[Record]] = EpochRecord

    task: Literal["expression"] = Field("expression", description="what is learned")
    best_by: Literal["accuracy", "loss"] = Field("accuracy", description="validation figure that picks the best epoch")
    rows: RowChoice = RowChoice()
    augment: Augment = Augment()
    mix: Mix = Mix()
    loss: Loss = Loss()
    votes: Votes = Votes()
    distill: Distill = Distill()

    @property
    def heads(self) -> int:
        """One for the labels, and one for the votes if they cost anything."""
        return 2 if self.votes.weight else 1

    def suit(self, has_votes: bool) -> Self:
        """Leave out the head for votes where the data have none."""
        return self if has_votes else self.model_copy(update={"votes": Votes(weight=0.0)})

    def find_best(self, records: Sequence[Record]) -> Record | None:
        """Return the best epoch by `best_by`."""
        return find_best_epoch([record for record in records if isinstance(record, EpochRecord)], self.best_by)
