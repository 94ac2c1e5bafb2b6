"""What the JSON files in a run's folder say: on which data, with what, and what was fitted in the end."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mien.core.card import Sha256, Share


class _Noted(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TrainedOn(_Noted):
    """What `data.json` says of the data set a run was trained on."""

    name: str
    license: str
    sha256: Sha256
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    channels: Literal[1, 3]
    size_px: Annotated[int, Field(ge=0, description="side of the crops; 0 for photos of any size")]
    crop: Annotated[str, Field(description="how faces were cut out of photos; empty if they were crops already")] = ""
    has_votes: Annotated[bool, Field(description="whether FER+'s votes stand beside the labels")] = False
    test_sha256: Annotated[Sha256 | None, Field(description="of the test part's pictures; None without one")] = None


class Environment(_Noted):
    """What `environment.json` says: with what a run was begun."""

    commit: str
    versions: dict[str, str]
    python: str
    processor: str
    cores: int
    threads: int
    device: str
    precision: str
    processes: int = 1


class Calibration(_Noted):
    """What `temperature.json` says: fitted on validation with the weights of the epoch that was kept."""

    temperature: Annotated[float, Field(gt=0.0)]
    validation_loss_before: float
    validation_loss_after: float
    best_epoch: int | None
    votes_temperature: Annotated[float | None, Field(gt=0.0)] = None


class Threshold(_Noted):
    """What `threshold.json` says: chosen on validation with the weights of the epoch that was kept."""

    min_score: Share
    validation_false_faces: Annotated[float, Field(ge=0.0)]
    validation_recall_32: Share
    best_epoch: int | None
