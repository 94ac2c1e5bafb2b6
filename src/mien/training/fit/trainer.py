"""From a recipe and a data set to a finished run: refuse what can't work, train or resume, calibrate."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import lightning.pytorch as pl
import torch
import torch.nn.functional as F
from lightning.pytorch.strategies import DDPStrategy
from rich.console import Console
from torch import nn

from mien.core.atomic import write_text
from mien.training.data.batches import Batch, Batches, load_pictures
from mien.training.data.table import Dataset, open_dataset
from mien.training.fit.checkpoint import SafeCheckpoints, load_checkpoint
from mien.training.fit.claim import begin_run, check_folder, describe_data, hold_folder
from mien.training.fit.device import choose_device, choose_precision
from mien.training.fit.history import EpochRecord, find_best_epoch
from mien.training.fit.keeper import Keeper, is_over, kept_records
from mien.training.fit.layers import check_freezing
from mien.training.fit.module import ExpressionModule
from mien.training.fit.pretrained import read_pretrained
from mien.training.fit.processes import Processes, find_processes, wait_for_all
from mien.training.fit.progress import ProgressBar
from mien.training.fit.recipe import Recipe
from mien.training.fit.restore import restore_network
from mien.training.fit.rows import check_classes, choose_rows, find_unvalidated, weigh_classes
from mien.training.fit.run import Calibration, Run, TrainedOn
from mien.training.fit.temperature import fit_temperature, predict_logits
from mien.training.fit.transfer import Taken, take_weights
from mien.training.models.preprocess import standardize, to_planes
from mien.training.models.registry import build_network

VALIDATION_BATCH = 256
STATISTICS_PICTURES = 1024
"""Training pictures of 48x48 that show a network with other weights what the data look like; of larger ones fewer."""


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
        RunError: If `out` holds a run and `resume` is not set, its recipe or data are others, another process trains
            in it, it is moved away during the training, or the disk is full.
        DataError: If the data can't be used with the recipe, lack pictures of a class, or were changed.
        InputError: If `out` can't be written to.
        RecipeError: If the recipe asks for a device that is absent, or its batches are too small for the processes.
        ModelError: If there are no weights where the recipe says, or none of them fits.
        KeyboardInterrupt: If it was stopped by Ctrl-C; what the last finished epoch earned is kept.
    """
    processes = find_processes()
    processes.check_batch_size(recipe.batch_size)
    dataset, run = open_dataset(data), Run(out)
    trained_on = describe_data(dataset)
    if processes.is_first:
        check_folder(run, recipe, trained_on, resume)
    device = choose_device(recipe, processes.local_rank)
    batches = _training_batches(dataset, recipe, device, processes)
    validation = load_pictures(dataset, dataset.rows_of("validation"), device=device)
    processes.check_validation(len(validation.labels))
    dataset.verify()  # after reading: what is trained on is what was hashed
    network, taken = _build_network(run, recipe, trained_on, batches)
    with hold_folder(run) if processes.is_first else nullcontext():
        if processes.is_first:
            check_folder(run, recipe, trained_on, resume)  # again: another process may have been here
            begin_run(run, recipe, trained_on, device, processes.count)
        if not run.is_finished:
            if processes.is_first and (unseen := find_unvalidated(dataset)):
                names = ", ".join(unseen)
                _say(f"note: validation has no picture of {names}, so no figure tells how it is learned.", console)
            if processes.is_first and taken:
                write_text(run.init_path, taken.model_dump_json(indent=2) + "\n")
                _say(taken.summary(), console)
            module = _build_module(network, recipe, batches)
            records = _fit(run, module, batches, validation, processes, console)
            if processes.is_first:
                _calibrate(run, recipe, validation, records)
            wait_for_all()
    return run


def _say(line: str, console: Console | None) -> None:
    (console or Console(stderr=True)).print(line, markup=False, highlight=False, soft_wrap=True)


def _training_batches(dataset: Dataset, recipe: Recipe, device: torch.device, processes: Processes) -> Batches:
    """Copy the training rows into memory."""
    rows = choose_rows(dataset, recipe.rows)
    check_classes(dataset, rows)
    pictures = load_pictures(dataset, rows, votes_share=recipe.loss.votes_share, device=device)
    labels = pictures.labels.cpu()
    weights = weigh_classes(labels, len(dataset.labels))[labels] if recipe.rows.oversample else None
    return Batches(
        pictures,
        recipe.batch_size,
        seed=recipe.seed,
        weights=weights,
        rank=processes.rank,
        processes=processes.count,
    )


def _build_network(run: Run, recipe: Recipe, data: TrainedOn, batches: Batches) -> tuple[nn.Sequential, Taken | None]:
    """Build the network with weights drawn from the recipe's seed, and those it begins with where the run is new."""
    torch.manual_seed(recipe.seed)
    network = build_network(
        recipe.network,
        classes=len(data.labels),
        channels=data.channels,
        size_px=data.size_px,
        options=recipe.options,
    )
    check_freezing(network, recipe.transfer.freeze_layers)
    if not recipe.transfer.init or run.last_path.exists():
        return network, None
    images = batches.pictures.images
    count = max(64, STATISTICS_PICTURES * 48**2 // data.size_px**2)
    some = images[torch.linspace(0, len(images) - 1, min(len(images), count)).long()].cpu()
    pretrained = read_pretrained(recipe.transfer.init)
    return network, take_weights(network, pretrained, data.labels, standardize(to_planes(some)))


def _build_module(network: nn.Sequential, recipe: Recipe, batches: Batches) -> ExpressionModule:
    """Join the network with what its recipe says of training."""
    labels, classes = batches.pictures.labels.cpu(), batches.pictures.targets.shape[1]
    weights = weigh_classes(labels, classes) if recipe.loss.class_weights else None
    return ExpressionModule(network, recipe, weights, len(batches))


def _fit(
    run: Run,
    module: ExpressionModule,
    batches: Batches,
    validation: Batch,
    processes: Processes,
    console: Console | None,
) -> list[EpochRecord]:
    """Train for the epochs that are left and return the whole history."""
    recipe, has_begun = module.recipe, run.last_path.exists()
    if has_begun and is_over(done := kept_records(load_checkpoint(run.last_path)), recipe):
        return done
    keeper, device = Keeper(run, recipe), batches.pictures.labels.device
    mine = Batch(*(part[processes.rank :: processes.count] for part in validation))
    # layers that learn only later are, until then, weights that no gradient reaches
    together = DDPStrategy(find_unused_parameters=recipe.transfer.freeze_epochs > 0)
    with _lightning_kept_to_itself():
        trainer = pl.Trainer(
            max_epochs=recipe.epochs,
            accelerator=device.type,
            strategy="auto" if processes.count == 1 else together,
            devices=processes.local_count,
            num_nodes=processes.hosts,
            precision=choose_precision(recipe, device),
            plugins=[SafeCheckpoints(), processes.environment()],
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
        trainer.fit(module, batches, Batches(mine, VALIDATION_BATCH), ckpt_path=run.last_path if has_begun else None)
    return keeper.records


def _calibrate(run: Run, recipe: Recipe, validation: Batch, records: list[EpochRecord]) -> None:
    """Fit the temperature with the weights of the best epoch; writing it down ends the run."""
    device = validation.labels.device
    best = find_best_epoch(records, recipe.best_by)
    assert best is not None
    logits, labels = predict_logits(restore_network(run).to(device), Batches(validation, VALIDATION_BATCH))
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
