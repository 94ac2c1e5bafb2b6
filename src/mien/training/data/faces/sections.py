"""The sections of a detector's recipe that make its training pictures: scenes out of photos, and what spoils them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mien.training.section import BelowOne, Positive, Section, Share


class Scenes(Section):
    """How a photo becomes a training picture."""

    size_px: Annotated[int, Field(ge=64, le=2048, multiple_of=32)] = Field(320, description="side of a picture")
    target_face_px: Positive = Field(12.0, description="the drawn face is made at least this large")
    largest_face: Share = Field(0.9, description="and at most this share of the picture's side")
    most_enlarged: Positive = Field(4.0, description="but never enlarged more than this")
    least_filled: Share = Field(0.5, description="and a photo never covers less than this share of the longer side")
    smallest_face_px: Positive = Field(8.0, description="faces that come out smaller are neither wanted nor punished")
    anywhere: Share = Field(0.1, description="share of the crops that are placed without regard to faces")
    beyond: Share = Field(0.15, description="share of the crops that may reach beyond the photo where they need not")
    mosaic: Share = Field(0.3, description="share of the pictures that are made of four photos")
    flip: Share = Field(0.5, description="probability of mirroring")
    rotated: Share = Field(0.5, description="share of the crops that are turned")
    rotation_deg: Annotated[float, Field(ge=0.0, le=180.0)] = Field(30.0, description="up to this angle either way")
    aspect: BelowOne = Field(0.15, description="stretch by up to this share")


class Weather(Section):
    """What light, lenses, files and hands do to it; each drawn anew each time."""

    gamma: BelowOne = Field(0.3, description="bend the values by up to this power, either way (log)")
    contrast: BelowOne = Field(0.25, description="spread the values by up to this factor, either way (log)")
    brightness: BelowOne = Field(0.12, description="add up to this share of white or black")
    tint: BelowOne = Field(0.12, description="multiply each color by up to this factor, either way (log)")
    gray: Share = Field(0.2, description="share of the pictures without color")
    low_light: Share = Field(0.1, description="share that is made much darker")
    blur: Share = Field(0.12, description="share that is blurred")
    noise: Share = Field(0.12, description="share with noise")
    jpeg: Share = Field(0.15, description="share that is packed as a poor JPEG")
    occlusion: Share = Field(0.2, description="share in which a part of a face is covered")
