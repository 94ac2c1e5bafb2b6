"""Where a run's weights come from, as its folder notes it: what it began with, or which runs it is the mean of.

No torch here, so that a card can be written about, and a bad request refused, before anything heavy is loaded.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mien.core.card import Sha256
from mien.training.fit.expression.taught import Teacher
from mien.training.fit.run import Run


class Beginning(BaseModel):
    """What has to be known later of a run's `init.json`; the lists of names in it are left out.

    Attributes:
        source: The path or name that was given.
        sha256: Hash of the file.
        trained_on: Name and terms of the data that the weights were learned from, where the file said.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    sha256: Sha256
    trained_on: tuple[str, str] | None = None


class Source(BaseModel):
    """One of the runs that `averaged.json` names.

    All that a card has to tell of it stands here, so that its folder may go.

    Attributes:
        source: The folder that was given.
        sha256: Hash of its checkpoint.
        share: How much its weights count; those of all sources add up to 1.
        recipe_sha256: Hash of its recipe.
        trained_on: Name and terms of the data that it was trained on.
        data_sha256: Hash of these data.
        began: Which weights it began with; None if they were drawn from its seed.
        teachers: Whose answers it imitated.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    sha256: Sha256
    share: Annotated[float, Field(gt=0.0, lt=1.0)]
    recipe_sha256: Sha256
    trained_on: tuple[str, str]
    data_sha256: Sha256
    began: Beginning | None = None
    teachers: tuple[Teacher, ...] = ()


class Averaged(BaseModel):
    """What `averaged.json` says: whose weights were averaged. A mean of means names the runs that were trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: Annotated[tuple[Source, ...], Field(min_length=2)]


def read_beginning(run: Run) -> Beginning | None:
    """Read which weights a run began with; None if they were drawn from its seed.

    Raises:
        RunError: If the run's note of it is broken.
    """
    return run.read_note(run.init_path, Beginning) if run.init_path.exists() else None


def read_averaged(run: Run) -> Averaged | None:
    """Read whose weights a run is the mean of; None if it was trained.

    Raises:
        RunError: If the run's note of it is broken.
    """
    return run.read_note(run.averaged_path, Averaged) if run.is_mean else None
