"""From a recipe and a data set to a finished run: refuse what can't work, train or resume, calibrate."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lightning.pytorch as pl
import torch
import torch.nn.functional as F
from filelock import FileLock, Timeout
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from rich.console import Console

from mien.core.atomic import write_bytes, write_text
from mien.core.errors import RunError
from mien.training.data.batches import Batches, load_pictures
from mien.training.data.table import Dataset, open_dataset
from mien.training.fit.checkpoint import SafeCheckpoints, load_checkpoint
from mien.training.fit.device import Precision, choose_device, choose_precision
from mien.training.fit.environment import save_environment
from mien.training.fit.history import EpochRecord, find_best_epoch
from mien.training.fit.keeper import Keeper, is_over, kept_records
from mien.training.fit.module import ExpressionModule
from mien.training.fit.progress import ProgressBar
from mien.training.fit.recipe import Recipe
from mien.training.fit.restore import restore_network
from mien.training.fit.rows import choose_rows, weigh_classes
from mien.training.fit.run import Calibration, Run, TrainedOn
from mien.training.fit.temperature import fit_temperature, predict_logits
from mien.training.models.registry import build_network

VALIDATION_BATCH = 256


def train(recipe: Recipe, data: Path, out: Path, *, resume: bool = False, console: Console | None = None) -> Run:
    """Train a network, or go on after the last finished epoch.

    Args:
        recipe: The whole run.
        data: Folder of an imported data set with the splits train and validation.
        out: The run's folder; made if absent.
        resume: Go on with the run in `out`, if there is one; a finished one is returned as it is.
        console: Where progress is shown; the standard error if not given.

    Returns:
        The finished run.

    Raises:
        RunError: If `out` holds a run and `resume` is not set, or its recipe or data are others.
        DataError: If the data can't be used with the recipe.
        RecipeError: If the recipe asks for a device that is absent.
        KeyboardInterrupt: If it was stopped by Ctrl-C; what the last finished epoch earned is kept.
    """
    dataset, run = open_dataset(data), Run(out)
    dataset.verify()
    trained_on = _describe(dataset)
    _check_folder(run, recipe, trained_on, resume)
    device = choose_device(recipe)
    batches = _training_batches(dataset, recipe, device)
    validation = Batches(load_pictures(dataset, dataset.rows_of("validation"), device=device), VALIDATION_BATCH)
    module = _build_module(recipe, trained_on, batches)
    with _alone_in(run):
        _check_folder(run, recipe, trained_on, resume)  # again: another process may have been here
        precision = _begin(run, recipe, trained_on, device)
        if not run.is_finished:
            records = _fit(run, module, precision, batches, validation, console)
            _calibrate(run, recipe, validation, records)
    return run


@contextmanager
def _alone_in(run: Run) -> Iterator[None]:
    """Keep a run's folder for this process; the lock ends with the process, however it ends."""
    try:
        run.path.mkdir(parents=True, exist_ok=True)
        with FileLock(run.lock_path, timeout=0):
            yield
    except Timeout:
        raise RunError(f"another process is training in {run.path}. Wait for it, or name another folder.") from None
    except PermissionError as error:
        raise RunError(f"can't write into {run.path}: {error.strerror}. Name another folder.") from None


def _describe(dataset: Dataset) -> TrainedOn:
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


def _check_folder(run: Run, recipe: Recipe, trained_on: TrainedOn, resume: bool) -> None:
    """Refuse a folder that is no run, or another one."""
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


def _training_batches(dataset: Dataset, recipe: Recipe, device: torch.device) -> Batches:
    """Copy the training rows into memory."""
    rows = choose_rows(dataset, recipe.rows)
    pictures = load_pictures(dataset, rows, votes_share=recipe.loss.votes_share, device=device)
    labels = pictures.labels.cpu()
    weights = weigh_classes(labels, len(dataset.labels))[labels] if recipe.rows.oversample else None
    return Batches(pictures, recipe.batch_size, seed=recipe.seed, weights=weights)


def _begin(run: Run, recipe: Recipe, trained_on: TrainedOn, device: torch.device) -> Precision:
    """Start a run's folder unless it is started, and return the precision the run was begun with."""
    precision = choose_precision(recipe, device)
    if not run.is_started:
        write_text(run.data_path, trained_on.model_dump_json(indent=2) + "\n")
        save_environment(run, device.type, precision, torch.get_num_threads())
        write_bytes(run.recipe_path, recipe.to_toml())  # last: its presence says that the run is started
        return precision
    begun = run.environment()
    if (begun.device, begun.precision) != (device.type, precision) and not run.is_finished:
        raise RunError(
            f"{run.path} was begun on {begun.device} in {begun.precision}, here it would go on on {device.type} in "
            f"{precision}. Resume it on such a machine, or name another folder."
        )
    return precision


def _build_module(recipe: Recipe, data: TrainedOn, batches: Batches) -> ExpressionModule:
    """Build the network with weights drawn from the recipe's seed."""
    torch.manual_seed(recipe.seed)
    classes = len(data.labels)
    network = build_network(
        recipe.network, classes=classes, channels=data.channels, size_px=data.size_px, options=recipe.options
    )
    weights = weigh_classes(batches.pictures.labels.cpu(), classes) if recipe.loss.class_weights else None
    return ExpressionModule(network, recipe, weights, len(batches))


def _fit(
    run: Run,
    module: ExpressionModule,
    precision: Precision,
    batches: Batches,
    validation: Batches,
    console: Console | None,
) -> list[EpochRecord]:
    """Train for the epochs that are left and return the whole history."""
    recipe, has_begun = module.recipe, run.last_path.exists()
    if has_begun and is_over(done := kept_records(load_checkpoint(run.last_path)), recipe):
        return done
    keeper = Keeper(run, recipe)
    with _lightning_kept_to_itself():
        trainer = pl.Trainer(
            max_epochs=recipe.epochs,
            accelerator=batches.pictures.labels.device.type,
            devices=1,
            precision=precision,
            plugins=[SafeCheckpoints(), LightningEnvironment()],
            callbacks=[ProgressBar(keeper, console), keeper],
            deterministic="warn",
            benchmark=False,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            default_root_dir=run.path,
        )
        trainer.fit(module, batches, validation, ckpt_path=run.last_path if has_begun else None)
    return keeper.records


def _calibrate(run: Run, recipe: Recipe, validation: Batches, records: list[EpochRecord]) -> None:
    """Fit the temperature with the weights of the best epoch; writing it down ends the run."""
    device = validation.pictures.labels.device
    best = find_best_epoch(records, recipe.best_by)
    assert best is not None
    logits, labels = predict_logits(restore_network(run).to(device), validation)
    temperature = fit_temperature(logits, labels)
    calibration = Calibration(
        temperature=temperature,
        validation_loss_before=float(F.cross_entropy(logits, labels)),
        validation_loss_after=float(F.cross_entropy(logits / temperature, labels)),
        best_epoch=best.epoch,
    )
    write_text(run.temperature_path, calibration.model_dump_json(indent=2) + "\n")


@contextmanager
def _lightning_kept_to_itself() -> Iterator[None]:
    """Keep Lightning's hints away from our users, and its settings and its way to answer Ctrl-C from their program."""
    on_interrupt, was_deterministic = signal.getsignal(signal.SIGINT), torch.are_deterministic_algorithms_enabled()
    loggers = [logging.getLogger(name) for name in ("lightning", "lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
    except SystemExit:  # Lightning's way to answer Ctrl-C; it also switched the signal off
        signal.signal(signal.SIGINT, on_interrupt)
        raise KeyboardInterrupt from None
    finally:
        torch.use_deterministic_algorithms(was_deterministic)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
