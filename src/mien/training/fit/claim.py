"""A run's folder is claimed before training: it is new or the same run, and one process alone works in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from filelock import FileLock, Timeout

from mien.core.atomic import write_bytes, write_text
from mien.core.errors import RunError
from mien.training.data.table import Dataset
from mien.training.fit.device import choose_precision
from mien.training.fit.environment import save_environment
from mien.training.fit.recipe import Recipe
from mien.training.fit.run import Run, TrainedOn


def describe_data(dataset: Dataset) -> TrainedOn:
    """Return what a run notes of its data."""
    manifest = dataset.manifest
    return TrainedOn(
        name=manifest.name,
        license=manifest.license,
        sha256=manifest.sha256,
        labels=manifest.labels,
        channels=1 if dataset.channels == 1 else 3,
        size_px=dataset.size_px,
    )


def check_folder(run: Run, recipe: Recipe, trained_on: TrainedOn, resume: bool) -> None:
    """Refuse a folder that is no run, or another one.

    Raises:
        RunError: If it holds other files, a run and `resume` is not set, or a run of another recipe or other data.
    """
    if not run.is_started:
        if run.path.exists() and not (run.path.is_dir() and _is_unstarted(run)):
            raise RunError(f"{run.path} exists and is no run. Name a new folder.")
        return
    if not resume:
        raise RunError(f"{run.path} holds a run already. Add --resume to go on with it, or name another folder.")
    if differences := run.recipe().differences(recipe):
        raise RunError(f"{run.path} was started with another recipe ({differences}). Name another folder.")
    if run.trained_on() != trained_on:
        raise RunError(f"{run.path} was trained on other data ({run.data_path}). Name another folder.")


def _is_unstarted(run: Run) -> bool:
    """Return whether the folder is empty, or holds only what a run killed at its very beginning left."""
    ours = {run.data_path.name, run.environment_path.name, run.lock_path.name}
    return all(file.name in ours or ".partial-" in file.name for file in run.path.iterdir())


@contextmanager
def hold_folder(run: Run) -> Iterator[None]:
    """Keep a run's folder for this process; the lock ends with the process, however it ends.

    Raises:
        RunError: If another process has it, or it can't be written to.
    """
    try:
        run.path.mkdir(parents=True, exist_ok=True)
        with FileLock(run.lock_path, timeout=0):
            yield
    except Timeout:
        raise RunError(f"another process is training in {run.path}. Wait for it, or name another folder.") from None
    except PermissionError as error:
        raise RunError(f"can't write into {run.path}: {error.strerror}. Name another folder.") from None


def begin_run(run: Run, recipe: Recipe, trained_on: TrainedOn, device: torch.device, processes: int) -> None:
    """Start a run's folder unless it is started.

    Raises:
        RunError: If it was begun on another kind of device, in another precision or by another number of processes than
            would go on with it here.
    """
    precision = choose_precision(recipe, device)
    if not run.is_started:
        write_text(run.data_path, trained_on.model_dump_json(indent=2) + "\n")
        save_environment(run, device.type, precision, torch.get_num_threads(), processes)
        write_bytes(run.recipe_path, recipe.to_toml())  # last: its presence says that the run is started
        return
    begun = run.environment()
    here = (device.type, precision, processes)
    if (begun.device, begun.precision, begun.processes) != here and not run.is_finished:
        raise RunError(
            f"{run.path} was begun on {begun.device} in {begun.precision} by {begun.processes} process(es), here it "
            f"would go on on {device.type} in {precision} by {processes}. Resume it likewise, or name another folder."
        )
