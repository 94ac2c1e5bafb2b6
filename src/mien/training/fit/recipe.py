"""A recipe: everything that decides how a network is trained, as one frozen value.

The defaults are the run we recommend. A TOML file changes some of them, flags change those again, and the result is
saved beside the run. No torch here, so that a bad recipe is refused before anything heavy is loaded.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from mien.core.card import Line
from mien.core.errors import MissingExtraError, RecipeError
from mien.training.fit.sections import (
    Augment,
    BelowOne,
    Loss,
    Mix,
    Optimizer,
    RowChoice,
    Schedule,
    Section,
    Swa,
    Transfer,
)
from mien.training.models.registry import find_network

MAX_FILE_SIZE = 1_000_000
MAX_WIDTH = 1024
MAX_DROPOUT = 0.99
"""Beyond these nothing can be built, or nothing learned."""


class Recipe(Section):
    """A training run, wholly described.

    Equal recipes with equal data give equal weights on the same machine.
    """

    name: Annotated[Line, Field(min_length=1)] = Field("custom", description="short name, goes into the model card")
    network: str = Field("resnet-se", description="a name of the registry")
    options: dict[str, int | float] = Field(default_factory=dict, description="options of the network")
    epochs: Annotated[int, Field(ge=1)] = Field(36, description="passes over the training rows")
    batch_size: Annotated[int, Field(ge=2, le=65_536)] = Field(128, description="pictures a step")
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(0, description="of weights, order, dropout and augmentation")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes a GPU where there is one")
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 where it is quick")
    ema: BelowOne = Field(0.999, description="decay of the averaged weights that are scored and kept; 0: none")
    best_by: Literal["accuracy", "loss"] = Field("accuracy", description="validation figure that picks the best epoch")
    stop_after_epochs: Annotated[int, Field(ge=0)] = Field(0, description="epochs without a better one; 0: never")
    rows: RowChoice = RowChoice()
    augment: Augment = Augment()
    mix: Mix = Mix()
    loss: Loss = Loss()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    swa: Swa = Swa()
    transfer: Transfer = Transfer()

    @property
    def scheduled_epochs(self) -> int:
        """Epochs over which the schedule runs; those after them are averaged by `[swa]`, at its own rate."""
        averaged = max(1, round(self.epochs * self.swa.share)) if self.swa.share else 0
        return self.epochs - averaged

    @model_validator(mode="after")
    def _network_is_known(self) -> Recipe:
        entry = find_network(self.network)
        unknown = sorted(set(self.options) - set(entry.options))
        if unknown:
            raise ValueError(f"network {self.network} has no option {unknown[0]!r} (it has {', '.join(entry.options)})")
        for option, value in self.options.items():
            if isinstance(entry.options[option], int) and not (isinstance(value, int) and 1 <= value <= MAX_WIDTH):
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


def shipped_recipes() -> list[str]:
    """Return the names of the recipes inside the package, sorted."""
    folder = files("mien.recipes")
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def load_recipe(recipe: str | Path, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe by its shipped name or from a TOML file, and apply changes.

    Args:
        recipe: A name of `shipped_recipes`, or a path; names come before paths.
        changes: Nested fields that override those of the file.

    Raises:
        RecipeError: If there is no such recipe, or it has an unknown field, a wrong type or an impossible value.
    """
    name = str(recipe)
    try:
        if name in shipped_recipes():
            text = (files("mien.recipes") / f"{name}.toml").read_text(encoding="utf-8")
        else:
            text = _read_file(Path(recipe))
        fields = tomllib.loads(text)
    except (FileNotFoundError, IsADirectoryError):
        raise RecipeError(
            f"recipe {name!r}: neither a shipped name nor a TOML file. Shipped: {', '.join(shipped_recipes())}."
        ) from None
    except (OSError, ValueError) as error:
        raise RecipeError(f"recipe {name!r} can't be read: {error}.") from None
    fields.setdefault("name", Path(name).stem)
    return make_recipe(_merge(fields, changes or {}), where=f"recipe {name!r}")


def _read_file(path: Path) -> str:
    """Read a recipe's file; endless devices and large files are no recipes."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise RecipeError(f"recipe {str(path)!r} is no ordinary file.")
    with path.open(encoding="utf-8-sig") as file:
        text = file.read(MAX_FILE_SIZE + 1)
    if len(text) > MAX_FILE_SIZE:
        raise RecipeError(f"recipe {str(path)!r} is larger than {MAX_FILE_SIZE:,} characters.")
    return text


def make_recipe(fields: Mapping[str, Any], where: str = "the recipe") -> Recipe:
    """Check fields and make a recipe of them.

    Raises:
        RecipeError: If a field is unknown, of a wrong type, or has an impossible value; all of them in one message.
    """
    try:
        return Recipe.model_validate(dict(fields))
    except ValidationError as error:
        problems = "; ".join(_describe(dict(problem)) for problem in error.errors())
        raise RecipeError(f"{where}: {problems}.") from None


def _describe(problem: dict[str, Any]) -> str:
    """Put one of pydantic's findings into words."""
    field = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{field} is no field of a recipe"
    text = str(problem["msg"]).removeprefix("Value error, ")
    return f"{field}: {text[0].lower()}{text[1:]}, got {problem['input']!r}" if field else text


def _flatten(fields: Mapping[str, Any], section: str = "") -> dict[str, Any]:
    """Return the fields under their dotted names."""
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        flat |= _flatten(value, f"{section}{key}.") if isinstance(value, dict) else {f"{section}{key}": value}
    return flat


def _merge(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `fields` with those in `changes` replaced, section by section."""
    merged = dict(fields)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return merged
