"""`mien train`: a recipe, a data set, a run; every field of a recipe is also a flag."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Optional, Union, get_args, get_origin

from cyclopts import Parameter
from pydantic import BaseModel, ConfigDict, create_model

from mien.apps.cli.main import EXIT_FAILED, EXIT_INTERRUPTED
from mien.core.errors import MienError
from mien.training.fit.expression.recipe import ExpressionRecipe
from mien.training.fit.faces.recipe import FaceRecipe
from mien.training.fit.processes import Processes, find_processes
from mien.training.fit.recipe import Recipe
from mien.training.fit.recipes import load_recipe, shipped_recipes
from mien.training.fit.run import Run

SHORT = {
    ("optimizer", "lr"): ("--lr", "--optimizer.lr"),
    ("transfer", "init"): ("--init", "--transfer.init"),
}
"""Fields inside a section that are asked for so often that they have a short flag."""


def _flags_of(*forms: type[BaseModel], section: str = "") -> type[BaseModel]:
    """Make a form with the fields of all forms, each of them optional, so that only what was given counts."""
    fields: dict[str, Any] = {}
    for name, field in {name: field for form in forms for name, field in form.model_fields.items()}.items():
        if name == "task":  # what a recipe is for is no strength that could be turned
            continue
        kind: Any = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields[name] = (Optional[_flags_of(kind, section=name)], None)  # noqa: UP045
            continue
        if get_origin(kind) not in (Union, UnionType) or type(None) not in get_args(kind):
            kind = Optional[kind]  # noqa: UP045
        shown = Parameter(
            help=field.description or "",
            name=SHORT.get((section, name)),
            show_default=False,
        )
        fields[name] = (Annotated[kind, shown], None)
    return create_model(f"{forms[0].__name__}Flags", __config__=ConfigDict(extra="forbid"), **fields)


if TYPE_CHECKING:
    RecipeFlags = BaseModel
else:
    RecipeFlags = _flags_of(FaceRecipe, ExpressionRecipe)


def train(
    recipe: Annotated[str, Parameter(help=f"A shipped recipe ({', '.join(shipped_recipes())}), or a TOML file.")],
    /,
    *,
    data: Path,
    out: Path,
    resume: Annotated[bool, Parameter(negative="")] = False,
    flags: Annotated[RecipeFlags | None, Parameter(name="*")] = None,
) -> None:
    """Train a network by a recipe.

    Args:
        recipe: The name of a shipped recipe, or a TOML file.
        data: Folder of an imported data set.
        out: Folder of the run; made if absent.
        resume: Go on after the last finished epoch of the run in `out`.
        flags: Fields of the recipe that are to be others than the file says.
    """
    processes = find_processes()
    with _say_once(processes, Run(out)):
        changes = {} if flags is None else flags.model_dump(exclude_none=True)
        _train(load_recipe(recipe, changes), data, Run(out), resume, processes)


def _train(recipe: Recipe, data: Path, run: Run, resume: bool, processes: Processes) -> None:
    """Train, and tell how it went and what comes next."""
    _check_data(recipe, data)
    from mien.apps.report.caution import warn_of_origins
    from mien.training.fit.trainer import train as run_training

    if resume and processes.is_first and not run.is_started:
        print(f"mien: note: no run in {run.path} to go on with, so a new one begins there.", file=sys.stderr)
    was_finished = resume and run.is_finished
    run_training(recipe, data, run.path, resume=resume)
    if not processes.is_first:  # of several processes one talks
        return
    kept = run.history()[run.best_epoch]
    if was_finished:
        print(f"{run.path} is finished already; nothing was done.")
    print(f"kept epoch: {kept.epoch} (counted from 0), {kept.describe()}.")
    for caution in warn_of_origins(run):
        print(caution)
    print(f"Next: mien export {run.path} --out MODEL.onnx")


def _check_data(recipe: Recipe, data: Path) -> None:
    """Refuse data without the parts that are needed before torch is loaded.

    Raises:
        DataError: If they lack one, or are for another task.
    """
    from mien.training.data.faces.photos import open_photos
    from mien.training.data.table import open_dataset

    dataset = open_photos(data) if recipe.task == "faces" else open_dataset(data)
    for split in ("train", "validation"):
        dataset.rows_of(split)


@contextmanager
def _say_once(processes: Processes, run: Run) -> Iterator[None]:
    """Let one process alone say what ends all of them: Ctrl-C, or an error that the first one has too."""
    try:
        yield
    except KeyboardInterrupt:
        if processes.count > 1:  # a scheduler sends it to all of them, and `torchrun` hands its own one on
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        if processes.is_first:
            done = len(run.history()) if run.is_started and run.history_path.exists() else 0
            print(f"mien: stopped after {done} finished epochs; add --resume to go on.", file=sys.stderr)
        raise SystemExit(EXIT_INTERRUPTED) from None
    except Exception as error:
        if processes.count == 1:
            raise
        from mien.training.fit.agreement import hear_first, tell_failure

        if isinstance(error, MienError):
            tell_failure(processes, str(error))
        if processes.is_first:
            raise
        heard = hear_first()
        if heard is not None and (str(error) in heard or not isinstance(error, MienError)):
            raise SystemExit(EXIT_FAILED) from None  # without the first process, what it shares breaks everywhere
        if not isinstance(error, MienError):
            raise
        raise MienError(f"in process {processes.rank} of {processes.count}: {error}") from error
