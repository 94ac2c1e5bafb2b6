"""From a recipe and a data set to a finished run: refuse what can't work, train or resume, calibrate."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch.strategies import DDPStrategy
from rich.console import Console

from mien.core.atomic import write_text
from mien.training.fit.agreement import Plan, agree
from mien.training.fit.checkpoint import SafeCheckpoints, load_checkpoint
from mien.training.fit.claim import begin_run, check_folder, hold_folder
from mien.training.fit.collectives import wait_for_all
from mien.training.fit.containment import contain_lightning
from mien.training.fit.device import choose_device, choose_precision
from mien.training.fit.history import Record
from mien.training.fit.keeper import Keeper, is_over, kept_records
from mien.training.fit.learner import Learner
from mien.training.fit.processes import Processes, find_processes
from mien.training.fit.progress import ProgressBar
from mien.training.fit.recipe import Recipe
from mien.training.fit.run import Run
from mien.training.fit.task import Task, open_task


def train(recipe: Recipe, data: Path, out: Path, *, resume: bool = False, console: Console | None = None) -> Run:
    """Train a network, or go on after the last finished epoch.

    Under `torchrun` every process calls this; the first one writes, and all return when the run is finished.

    Args:
        recipe: The whole run.
        data: Folder of an imported data set with the splits train and validation.
        out: The run's folder; made if absent.
        resume: Go on with the run in `out`, if there is one; a finished one is returned as it is.
        console: Where progress is shown; the standard error if not given.

    Returns:
        The finished run.

    Raises:
        RunError: If `out` holds a run and `resume` is not set, its recipe, data or first weights are others, another
            process trains in it, it is moved away during the training, or the disk is full; or if the processes don't
            have the same data, recipe and mien.
        DataError: If the data can't be used with the recipe, lack pictures of a class, or were changed.
        InputError: If `out` can't be written to.
        RecipeError: If the recipe asks for a device that is absent, its batches are too small for the processes, the
            pictures are too small for its network, or it freezes layers that can't be.
        ModelError: If there are no weights where the recipe says, or they can't be used.
        KeyboardInterrupt: If it was stopped by Ctrl-C; what the last finished epoch earned is kept.
    """
    processes = find_processes()
    processes.check_batch_size(recipe.batch_size)
    task, run = open_task(recipe, data), Run(out)
    agree(processes, Plan(task.trained_on.sha256, hashlib.sha256(recipe.to_toml()).hexdigest()))
    if processes.is_first:
        check_folder(run, recipe, task.trained_on, resume)
    device = choose_device(recipe, processes.local_rank)
    task.load(device, processes)
    learner, origins = task.begin(run)
    with hold_folder(run) if processes.is_first else nullcontext():
        if processes.is_first:
            check_folder(run, recipe, task.trained_on, resume)  # again: another process may have been here
            begin_run(run, recipe, task.trained_on, device, processes.count)
        if not run.is_finished:
            if processes.is_first:
                _say(task.notes(), console)
            for path, origin in origins.items() if processes.is_first else ():
                write_text(path, origin.model_dump_json(indent=2) + "\n")
                _say([origin.summary()], console)
            records = _fit(run, recipe, learner, task, device, processes, console)
            if processes.is_first:
                task.finish(run, records)
            wait_for_all()
    return run


def _say(lines: list[str], console: Console | None) -> None:
    for line in lines:
        (console or Console(stderr=True)).print(line, markup=False, highlight=False, soft_wrap=True)


def _fit(
    run: Run,
    recipe: Recipe,
    learner: Learner,
    task: Task,
    device: torch.device,
    processes: Processes,
    console: Console | None,
) -> list[Record]:
    """Train for the epochs that are left and return the whole history."""
    has_begun = run.last_path.exists()
    if has_begun and is_over(done := kept_records(load_checkpoint(run.last_path), recipe), recipe):
        return done
    keeper = Keeper(run, recipe)
    # layers that learn only later are, until then, weights that no gradient reaches
    together = DDPStrategy(find_unused_parameters=recipe.transfer.freeze_epochs > 0)
    with contain_lightning():
        trainer = pl.Trainer(
            max_epochs=recipe.epochs,
            accelerator=device.type,
            strategy="auto" if processes.count == 1 else together,
            devices=processes.local_count,
            num_nodes=processes.hosts,
            precision=choose_precision(recipe, device),
            plugins=[SafeCheckpoints(), LightningEnvironment() if processes.count == 1 else TorchElasticEnvironment()],
            callbacks=[*([ProgressBar(keeper, console)] if processes.is_first else []), keeper],
            use_distributed_sampler=False,
            deterministic="warn",
            benchmark=False,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            default_root_dir=run.path,
        )
        trainer.fit(learner, task.batches(), task.validation(), ckpt_path=run.last_path if has_begun else None)
    return keeper.records
