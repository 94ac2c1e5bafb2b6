"""The sections of a recipe that change the training pictures: each alone, and one with another."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from mien.training.section import BelowOne, NonNegative, Section, Share

Alpha = Annotated[float, Field(ge=0.0, le=100.0)]

MIN_ALPHA = 0.01
"""Below it, both values that torch makes a Beta value of can fall under the smallest float, which gives a half."""


class Augment(Section):
    """Random changes of each training picture, drawn anew each time; 0 switches one off."""

    flip: Share = Field(0.5, description="probability of mirroring")
    rotation_deg: Annotated[float, Field(ge=0.0, le=180.0)] = Field(12.0, description="up to this angle either way")
    zoom: BelowOne = Field(0.15, description="scale by 1 - zoom to 1 + zoom")
    shift: BelowOne = Field(0.08, description="move by up to this share of the side, both ways")
    brightness: BelowOne = Field(0.15, description="add up to this share of white or black")
    contrast: BelowOne = Field(
        0.25, description="scale the distance from the mean gray by 1 - contrast to 1 + contrast"
    )
    gamma: NonNegative = Field(0.0, description="raise the values to a power of 1 / (1 + gamma) to 1 + gamma")
    blur: Share = Field(0.0, description="probability of blurring by 0.1 to 1.5 pixels")
    noise: BelowOne = Field(0.0, description="add noise whose spread is up to this share of white")
    erasing: Share = Field(0.5, description="probability of blanking a rectangle of 2 to 20 % of the picture")


class Mix(Section):
    """Batches in which each training picture is mixed with another one, and their targets alike."""

    mixup: Alpha = Field(0.0, description="blend two pictures; Beta distribution's alpha, larger mixes more; 0: off")
    cutmix: Alpha = Field(0.0, description="paste a rectangle of one into the other; alpha likewise; 0: off")
    share: Share = Field(1.0, description="share of the batches that are mixed, by either of the two that are on")

    @field_validator("mixup", "cutmix")
    @classmethod
    def _can_be_drawn(cls, alpha: float) -> float:
        if 0 < alpha < MIN_ALPHA:
            raise ValueError(f"{MIN_ALPHA} is the least that can be drawn with, and 0 is off")
        return alpha
