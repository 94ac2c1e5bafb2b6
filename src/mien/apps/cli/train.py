"""`mien train`: a recipe, a data set, a run; every field of a recipe is also a flag."""

from __future__ import annotations

import sys
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Optional, Union, get_args, get_origin

from cyclopts import Parameter
from pydantic import BaseModel, ConfigDict, create_model

from mien.training.fit.history import read_history
from mien.training.fit.recipe import Recipe, load_recipe
from mien.training.fit.run import Run

SHORT = {
    ("optimizer", "lr"): ("--lr", "--optimizer.lr"),
    ("transfer", "init"): ("--init", "--transfer.init"),
}
"""Fields inside a section that are asked for so often that they have a short flag."""


def _flags_of(form: type[BaseModel], section: str = "") -> type[BaseModel]:
    """Make a form with the same fields, all of them optional, so that only what was given counts."""
    fields: dict[str, Any] = {}
    for name, field in form.model_fields.items():
        kind: Any = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields[name] = (Optional[_flags_of(kind, name)], None)  # noqa: UP045
            continue
        if get_origin(kind) not in (Union, UnionType) or type(None) not in get_args(kind):
            kind = Optional[kind]  # noqa: UP045
        shown = Parameter(
            help=field.description or "",
            name=SHORT.get((section, name)),
            show_default=False,
        )
        fields[name] = (Annotated[kind, shown], None)
    return create_model(f"{form.__name__}Flags", __config__=ConfigDict(extra="forbid"), **fields)


if TYPE_CHECKING:
    RecipeFlags = BaseModel
else:
    RecipeFlags = _flags_of(Recipe)


def train(
    recipe: str,
    /,
    *,
    data: Path,
    out: Path,
    resume: Annotated[bool, Parameter(negative="")] = False,
    flags: Annotated[RecipeFlags | None, Parameter(name="*")] = None,
) -> None:
    """Train a network by a recipe.

    Args:
        recipe: The name of a shipped recipe (cnn3, cnn4-bn, expression, ...), or a TOML file.
        data: Folder of an imported data set.
        out: Folder of the run; made if absent.
        resume: Go on after the last finished epoch of the run in `out`.
        flags: Fields of the recipe that are to be others than the file says.
    """
    changes = {} if flags is None else flags.model_dump(exclude_none=True)
    resolved = load_recipe(recipe, changes)
    from mien.training.data.table import open_dataset

    dataset = open_dataset(data)
    for split in ("train", "validation"):  # refused before torch is loaded
        dataset.rows_of(split)
    from mien.training.fit.processes import find_processes
    from mien.training.fit.trainer import train as run_training

    is_first = find_processes().is_first
    if resume and is_first and not Run(out).is_started:
        print(f"mien: note: no run in {out} to go on with, so a new one begins there.", file=sys.stderr)
    was_finished = resume and Run(out).is_finished
    try:
        run = run_training(resolved, data, out, resume=resume)
    except KeyboardInterrupt:
        done = len(read_history(out / "history.csv")) if (out / "history.csv").exists() else 0
        print(f"stopped after {done} finished epochs; add --resume to go on.", file=sys.stderr)
        raise
    if not is_first:  # of several processes one talks
        return
    best = run.history()[run.calibration().best_epoch]
    if was_finished:
        print(f"{out} is finished already; nothing was done.")
    print(f"best epoch: {best.epoch} (counted from 0), validation accuracy {best.validation_accuracy:.2%}.")
    print(f"Next: mien export {out} --out MODEL.onnx")
