"""The sections of a recipe: each names what it settles, and what its fields do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mien.training.section import BelowOne, NonNegative, Positive, Section, Share


class RowChoice(Section):
    """Which training rows are shown, and how often. Validation and test rows are never touched."""

    drop_not_a_face: bool = Field(True, description="leave out rows that FER+ calls not a face, and single-valued ones")
    drop_contradicting: bool = Field(False, description="leave out identical pictures with different labels")
    oversample: bool = Field(False, description="draw each class equally often")


class Loss(Section):
    """What is brought down, and what it aims at."""

    name: Literal["cross-entropy", "focal"] = Field(
        "cross-entropy", description="focal counts less what is sure already"
    )
    focal_gamma: Annotated[float, Field(ge=0.0)] = Field(2.0, description="focal: how much less; 0 is cross-entropy")
    label_smoothing: BelowOne = Field(0.1, description="share of the target spread over all classes")
    votes_share: Share = Field(0.0, description="share of FER+'s votes in the target, the rest is the label")
    class_weights: bool = Field(False, description="weigh classes by the inverse of how often they occur")


class Votes(Section):
    """A second head on the same trunk: it reads what ten people saw (FER+), beside the first one's single label."""

    weight: NonNegative = Field(
        0.0, description="cost of the second head beside the first one's, where the data have votes; 0: none"
    )


class Distill(Section):
    """Learn from what other models answer, beside the labels."""

    teachers: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        (), description="model files, or names of bundled ones, whose answers are averaged; none: labels alone"
    )
    mirrored: bool = Field(
        False,
        description="teachers see the mirror image too, and both answers are averaged; takes twice as long",
    )
    share: Share = Field(0.7, description="share of the cost that imitating them makes; the labels make the rest")
    temperature: Positive = Field(2.0, description="softens the answers of both; 1 leaves them as they are")


class Optimizer(Section):
    """Which optimizer, and how large its steps are."""

    name: Literal["sgd", "adam", "adamw", "rmsprop", "adamax"] = Field("sgd", description="sgd is with Nesterov")
    lr: Positive = Field(0.1, description="learning rate; the highest of the schedule")
    momentum: BelowOne = Field(0.9, description="of sgd and rmsprop")
    rho: NonNegative = Field(
        0.0, description="sgd: gradients are taken so far uphill, which seeks flat places (momentum-SAM); 0: right here"
    )
    weight_decay: Annotated[float, Field(ge=0.0)] = Field(5e-4, description="not applied to biases and norms")
    layer_decay: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        1.0, description="a layer learns at this share of the rate of the one behind it, the head at the full rate"
    )

    @model_validator(mode="after")
    def _rho_has_momentum(self) -> Optimizer:
        if self.rho and (self.name != "sgd" or not self.momentum):
            raise ValueError(
                f"rho is {self.rho}, which goes with sgd and its momentum alone. Set rho = 0, or name = sgd"
            )
        return self


class Schedule(Section):
    """How the learning rate changes."""

    name: Literal["constant", "plateau", "step", "cosine", "one-cycle"] = Field("one-cycle", description="its shape")
    warmup: BelowOne = Field(0.15, description="one-cycle: share of the run in which the rate rises")
    factor: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(0.5, description="plateau and step: multiplies the rate")
    patience_epochs: Annotated[int, Field(ge=0)] = Field(5, description="plateau: epochs without a lower loss")
    every_epochs: Annotated[int, Field(ge=1)] = Field(20, description="step: epochs between two steps")


class Swa(Section):
    """Stochastic weight averaging: the last epochs learn at a constant rate, and their weights are averaged."""

    share: Share = Field(0.0, description="share of the run, at its end, that is averaged, instead of ema; 0: none")
    lr: Positive = Field(0.01, description="rate of that part; the schedule runs its course over the part before")


class Transfer(Section):
    """Begin with weights that were learned elsewhere, and keep some of them."""

    init: str = Field("", description="weights to begin with; empty: drawn from the seed")
    freeze_layers: Annotated[int, Field(ge=0)] = Field(0, description="so many layers from the input stay as they are")
    freeze_epochs: Annotated[int, Field(ge=0)] = Field(0, description="for so many first epochs; 0: for the whole run")
