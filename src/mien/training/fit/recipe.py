"""A recipe: everything that decides how a network is trained, as one frozen value.

The defaults are the run we recommend. A TOML file changes some of them, flags change those again, and the result is
saved beside the run. No torch here, so that a bad recipe is refused before anything heavy is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mien.core.card import Line
from mien.core.errors import MissingExtraError
from mien.training.fit.history import Record
from mien.training.fit.sections import Optimizer, Schedule, Swa, Transfer
from mien.training.models.registry import NETWORKS, find_network
from mien.training.section import BelowOne, Section

MAX_WIDTH = 1024
MAX_DROPOUT = 0.99
"""Beyond these nothing can be built, or nothing learned."""


class Recipe(Section):
    """A training run of any task, wholly described; each task adds its own sections.

    Equal recipes with equal data, and with equal weights at `transfer.init` if they begin with any, give equal weights
    on the same machine.
    """

    record_form: ClassVar[type[Record]]
    """What an epoch's line of history says."""

    task: Literal["expression", "faces"]
    name: Annotated[Line, Field(min_length=1)] = Field("custom", description="short name, goes into the model card")
    network: str = Field(
        "resnet-se",
        description=f"one of {', '.join(NETWORKS['expression'])} (faces: {', '.join(NETWORKS['faces'])}); "
        "as a flag, it drops the file's options that the network lacks",
    )
    options: dict[str, int | float] = Field(default_factory=dict, description="options of the network")
    epochs: Annotated[int, Field(ge=1)] = Field(36, description="passes over the training rows")
    batch_size: Annotated[int, Field(ge=2, le=65_536)] = Field(128, description="pictures a step")
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(0, description="of weights, order, dropout and augmentation")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes a GPU where there is one")
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 where it is quick")
    ema: BelowOne = Field(0.999, description="decay of the averaged weights that are scored and kept; 0: none")
    stop_after_epochs: Annotated[int, Field(ge=0)] = Field(0, description="epochs without a better one; 0: never")
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    swa: Swa = Swa()
    transfer: Transfer = Transfer()

    @property
    def heads(self) -> int:
        """Heads of the network; each answers every label."""
        return 1

    def suit(self, has_votes: bool) -> Self:
        """Return the recipe as it can be followed with some data.

        Args:
            has_votes: Whether FER+'s votes stand beside their labels.
        """
        return self

    @property
    def scheduled_epochs(self) -> int:
        """Epochs over which the schedule runs; those after them are averaged by `[swa]`, at its own rate."""
        averaged = max(1, round(self.epochs * self.swa.share)) if self.swa.share else 0
        return self.epochs - averaged

    def find_best(self, records: Sequence[Record]) -> Record | None:
        """Return the epoch with the best validation figure, the first of several, or None without epochs.

        Args:
            records: One an epoch, in order.
        """
        raise NotImplementedError

    @model_validator(mode="after")
    def _network_is_known(self) -> Recipe:
        entry = find_network(self.network, self.task)
        unknown = sorted(set(self.options) - set(entry.options))
        if unknown:
            raise ValueError(f"network {self.network} has no option {unknown[0]!r} (it has {', '.join(entry.options)})")
        for option, value in self.options.items():
            if isinstance(entry.options[option], int) and not _is_count(value, entry.options[option]):
                raise ValueError(
                    f"option {option} of {self.network} is a whole number of 1 to {MAX_WIDTH}, got {value}"
                )
            if isinstance(entry.options[option], float) and not 0 <= value <= MAX_DROPOUT:
                raise ValueError(f"option {option} of {self.network} lies in 0 to {MAX_DROPOUT}, got {value}")
        return self

    @model_validator(mode="after")
    def _parts_agree(self) -> Recipe:
        if self.swa.share and self.ema:
            raise ValueError(
                f"swa.share is {self.swa.share} and ema is {self.ema}: both average the weights. "
                "Set ema = 0, or swa.share = 0"
            )
        if self.swa.share and self.stop_after_epochs:
            raise ValueError(
                f"stop_after_epochs is {self.stop_after_epochs}: the run might end before the part that swa.share "
                "averages. Set stop_after_epochs = 0, or swa.share = 0"
            )
        if self.transfer.freeze_epochs and not self.transfer.freeze_layers:
            raise ValueError(
                f"transfer.freeze_epochs is {self.transfer.freeze_epochs}, but transfer.freeze_layers is 0. "
                "Say how many layers stay as they are"
            )
        if self.transfer.freeze_layers and not self.transfer.init:
            raise ValueError(
                f"transfer.freeze_layers is {self.transfer.freeze_layers}, but transfer.init is empty: these layers "
                "would stay as they were drawn. Name weights to begin with (--init), or set transfer.freeze_layers = 0"
            )
        return self

    def differences(self, other: Recipe) -> str:
        """Name the fields in which another recipe differs, with both values."""
        mine, others = _flatten(self.model_dump()), _flatten(other.model_dump())
        keys = [key for key in {**mine, **others} if mine.get(key) != others.get(key)]
        return ", ".join(f"{key}: {mine.get(key)!r} there, {others.get(key)!r} now" for key in keys)

    def to_toml(self) -> bytes:
        """Return the resolved recipe as a TOML file's content.

        Raises:
            MissingExtraError: Without the extra "train".
        """
        try:
            import tomli_w
        except ImportError:
            raise MissingExtraError("train", "tomli-w") from None
        return tomli_w.dumps(self.model_dump()).encode()


def _is_count(value: int | float, default: int | float) -> bool:
    """Return whether an option's value is a whole number that makes sense; 0 does where it is the default, for off."""
    return isinstance(value, int) and min(1, default) <= value <= MAX_WIDTH


def _flatten(fields: Mapping[str, Any], section: str = "") -> dict[str, Any]:
    """Return the fields under their dotted names."""
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        flat |= _flatten(value, f"{section}{key}.") if isinstance(value, dict) else {f"{section}{key}": value}
    return flat
