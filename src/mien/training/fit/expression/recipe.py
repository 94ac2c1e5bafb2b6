"""The recipe of a network that tells expressions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from mien.training.data.sections import Augment, Mix
from mien.training.fit.history import BestBy, EpochRecord, Record, find_best_epoch
from mien.training.fit.recipe import Recipe
from mien.training.fit.sections import Distill, Loss, RowChoice, Votes


class ExpressionRecipe(Recipe):
    """A training run on face crops with labels, wholly described."""

    record_form: ClassVar[type[Record]] = EpochRecord

    task: Literal["expression"] = Field("expression", description="what is learned")
    best_by: BestBy = Field("accuracy", description="validation figure that picks the epoch that is kept, or the last")
    rows: RowChoice = RowChoice()
    augment: Augment = Augment()
    mix: Mix = Mix()
    loss: Loss = Loss()
    votes: Votes = Votes()
    distill: Distill = Distill()

    @model_validator(mode="after")
    def _last_is_reached(self) -> Self:
        if self.best_by == "last" and self.stop_after_epochs:
            raise ValueError(
                f"stop_after_epochs is {self.stop_after_epochs}, but best_by = last keeps the last epoch, so none is "
                "waited for. Set stop_after_epochs = 0, or best_by = accuracy"
            )
        return self

    @property
    def heads(self) -> int:
        """One for the labels, and one for the votes if they cost anything."""
        return 2 if self.votes.weight else 1

    def suit(self, has_votes: bool) -> Self:
        """Leave out the head for votes where the data have none."""
        return self if has_votes else self.model_copy(update={"votes": Votes(weight=0.0)})

    def find_best(self, records: Sequence[Record]) -> Record | None:
        """Return the epoch that is kept, by `best_by`."""
        return find_best_epoch([record for record in records if isinstance(record, EpochRecord)], self.best_by)
