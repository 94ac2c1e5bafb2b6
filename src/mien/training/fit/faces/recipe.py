"""The recipe of a detector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from mien.training.data.faces.sections import Scenes, Weather
from mien.training.fit.faces.history import FaceRecord
from mien.training.fit.history import Record
from mien.training.fit.recipe import Recipe
from mien.training.section import Positive, Section


class Costs(Section):
    """What mistakes cost: the weights of the parts of the loss."""

    score: Positive = Field(1.0, description="whether a cell sees a face, and how well its box fits")
    box: Positive = Field(2.0, description="the boxes (generalized IoU)")
    landmarks: Positive = Field(0.5, description="the landmarks: another detector's, so they count less")


class FaceRecipe(Recipe):
    """A training run on photos with annotated faces, wholly described."""

    record_form: ClassVar[type[Record]] = FaceRecord

    task: Literal["faces"] = Field("faces", description="what is learned")
    network: str = Field("face-pyramid", description="a network for faces")
    scenes: Scenes = Scenes()
    weather: Weather = Weather()
    costs: Costs = Costs()

    def find_best(self, records: Sequence[Record]) -> Record | None:
        """Return the epoch with the highest mean of the three average precisions."""
        faces = [record for record in records if isinstance(record, FaceRecord)]
        return max(faces, key=lambda record: record.validation_ap, default=None)

    @model_validator(mode="after")
    def _learns_as_a_whole(self) -> FaceRecipe:
        if self.transfer.freeze_layers or self.optimizer.layer_decay != 1.0:
            raise ValueError("a detector learns as a whole: leave out transfer.freeze_layers and optimizer.layer_decay")
        return self
