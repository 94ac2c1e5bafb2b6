"""A run's folder is claimed before training: it is new or the same run, and one process alone works in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from filelock import FileLock, Timeout

from mien.core.atomic import check_shared_folder, follow_links, write_bytes, write_text
from mien.core.errors import InputError, RunError
from mien.training.data.table import Dataset
from mien.training.fit.device import choose_precision
from mien.training.fit.environment import save_environment
from mien.training.fit.notes import TrainedOn
from mien.training.fit.recipe import Recipe
from mien.training.fit.run import Run


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
        crop="" if manifest.faces is None else manifest.faces.crop,
        has_votes=manifest.has_votes,
        test_sha256=dataset.test_sha256,
    )


def check_folder(run: Run, recipe: Recipe, trained_on: TrainedOn, resume: bool) -> None:
    """Refuse a folder that is no run, or another one.

    Raises:
        RunError: If it holds other files, a run and `resume` is not set, a run of another recipe or other data, or the
            mean of several runs.
        InputError: If it can't be written to, or is a link that leads back to itself.
    """
    follow_links(run.path)
    if run.is_started:
        _check_same(run, recipe, trained_on, resume)
    elif run.path.exists() and not (run.path.is_dir() and _is_unstarted(run)):
        raise RunError(f"{run.path} exists and is no run. Name a new folder.")
    check_shared_folder(run.path)


def _check_same(run: Run, recipe: Recipe, trained_on: TrainedOn, resume: bool) -> None:
    """Refuse a started run unless it is to be resumed with the same recipe and data."""
    if run.is_mean:
        raise RunError(
            f"{run.path} is the mean of several runs' weights, and there is no training to go on with. Begin another "
            f"one with it: --init {run.path}, and a new --out."
        )
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
        RunError: If another process has it, or it can't be written to; then, if the disk is full, what the finished
            epochs earned is kept.
    """
    lock = FileLock(run.lock_path, timeout=0)
    try:
        follow_links(run.path).mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise RunError(f"another process is training in {run.path}. Wait for it, or name another folder.") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(f"can't write into {run.path}: {reason}. Make room there, or name another folder.") from None
    try:
        yield
    except InputError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        raise RunError(f"{error} What the finished epochs earned is kept: add --resume to go on.") from error
    finally:
        lock.release()


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
