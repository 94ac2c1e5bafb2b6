"""From a recipe and a data set to a finished run: refuse what can't work, train or resume, calibrate."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor, nn

from mien.core.atomic import write_text
from mien.core.errors import DataError, RecipeError, RunError
from mien.training.data.batches import Batch, Batches, load_pictures
from mien.training.data.doctor import _contradicts as find_contradicting, _is_flat as find_single_value
from mien.training.data.table import Dataset, open_dataset
from mien.training.fit.calibration import fit_temperature, predict_logits
from mien.training.fit.checkpoint import SafeCheckpoints, load_checkpoint
from mien.training.fit.environment import save_environment
from mien.training.fit.keeper import Keeper, best_epoch, is_over
from mien.training.fit.module import ExpressionModule
from mien.training.fit.progress import ProgressBar
from mien.training.fit.recipe import Recipe
from mien.training.fit.run import Calibration, EpochRecord, Run, TrainedOn
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
    """
    dataset = open_dataset(data)
    rows = choose_rows(dataset, recipe)
    validation_rows = dataset.rows_of("validation")
    device = choose_device(recipe)
    run = Run(out)
    _begin(run, recipe, dataset, device, resume)
    if run.is_finished:
        return run
    pictures = load_pictures(dataset, rows, votes_share=recipe.loss.votes_share, device=device)
    weights = class_weights(pictures.labels.cpu(), len(dataset.labels))
    batches = Batches(
        pictures,
        recipe.batch_size,
        seed=recipe.seed,
        weights=weights[pictures.labels.cpu()] if recipe.rows.oversample else None,
    )
    validation = Batches(load_pictures(dataset, validation_rows, device=device), VALIDATION_BATCH)
    records = _fit(run, recipe, dataset, batches, validation, weights if recipe.loss.class_weights else None, console)
    _calibrate(run, recipe, validation, records, device)
    return run


def choose_rows(dataset: Dataset, recipe: Recipe) -> NDArray[np.intp]:
    """Return the training rows that the recipe keeps.

    Raises:
        DataError: If fewer than two are left.
    """
    rows = dataset.rows_of("train")
    keep = np.ones(len(rows), np.bool_)
    if recipe.rows.drop_not_a_face:
        keep &= dataset.table["is_face"][rows] & ~find_single_value(dataset.images)[rows]
    if recipe.rows.drop_contradicting:
        keep &= ~find_contradicting(dataset.table)[rows]
    if keep.sum() < 2:
        raise DataError(f"{dataset.path}: {keep.sum()} of {len(rows)} training rows are left by the recipe's [rows].")
    return rows[keep]


def choose_device(recipe: Recipe) -> torch.device:
    """Return the device that the recipe asks for.

    Raises:
        RecipeError: If it asks for a GPU and there is none.
    """
    has_gpu = torch.cuda.is_available()
    if recipe.device == "cuda" and not has_gpu:
        raise RecipeError("the recipe asks for device cuda, and torch finds no such GPU here. Use --device cpu.")
    return torch.device("cuda" if has_gpu and recipe.device != "cpu" else "cpu")


def choose_precision(recipe: Recipe, device: torch.device) -> str:
    """Return Lightning's word for the precision; bfloat16 where the processor multiplies in it."""
    if recipe.precision == "auto":
        is_quick = torch.cuda.is_bf16_supported() if device.type == "cuda" else _cpu_has_bfloat16()
        return "bf16-mixed" if is_quick else "32-true"
    return "bf16-mixed" if recipe.precision == "bfloat16" else "32-true"


def _cpu_has_bfloat16() -> bool:
    abilities = torch.cpu.get_capabilities()
    return bool(abilities.get("avx512_bf16") or abilities.get("amx_bf16"))


def class_weights(labels: Tensor, classes: int) -> Tensor:
    """Return (K,) float32 weights, inverse to how often a class occurs, with a mean over the rows of 1."""
    counts = torch.bincount(labels, minlength=classes).float()
    present = counts > 0
    weights = torch.where(present, 1.0 / counts.clamp_min(1), torch.zeros(()))
    return weights * counts.sum() / present.sum()


def kept_network(run: Run, checkpoint: Path | None = None) -> nn.Module:
    """Build a run's network with the weights of its best epoch, the averaged ones where there are any.

    Args:
        run: The run.
        checkpoint: Another checkpoint of the run than its best.

    Returns:
        From (B, C, H, W) float32 to (B, K) logits, in evaluation mode, on the CPU.

    Raises:
        RunError: If the run has no such checkpoint, or it doesn't fit its recipe.
    """
    recipe, data = run.recipe(), run.trained_on()
    state = load_checkpoint(checkpoint or run.best_path)["state_dict"]
    prefix = "averaged.module." if recipe.ema else "network."
    network = build_network(
        recipe.network, classes=len(data.labels), channels=data.channels, size_px=data.size_px, options=recipe.options
    )
    try:
        network.load_state_dict({key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)})
    except RuntimeError as error:
        raise RunError(f"{run.best_path} does not fit {run.recipe_path}: {str(error).splitlines()[0]}") from None
    return network.eval().to(memory_format=torch.channels_last)


def _begin(run: Run, recipe: Recipe, dataset: Dataset, device: torch.device, resume: bool) -> None:
    """Start a run's folder, or check that the one that is there is the same run."""
    manifest = dataset.manifest
    trained_on = TrainedOn(
        name=manifest.name, license=manifest.license, sha256=manifest.sha256, labels=manifest.labels,
        channels=dataset.channels, size_px=dataset.size_px,
    )
    if not run.is_started:
        if run.path.exists() and any(run.path.iterdir()):
            raise RunError(f"{run.path} exists and is no run. Name a new folder.")
        write_text(run.data_path, trained_on.model_dump_json(indent=2) + "\n")
        save_environment(run, device.type, choose_precision(recipe, device), torch.get_num_threads())
        recipe.save(run.recipe_path)
        return
    if not resume:
        raise RunError(f"{run.path} holds a run already. Add --resume to go on with it, or name another folder.")
    if run.recipe() != recipe:
        raise RunError(f"{run.path} was started with another recipe (see {run.recipe_path}). Name another folder.")
    if run.trained_on() != trained_on:
        raise RunError(f"{run.path} was trained on other data than {dataset.path}. Name another folder.")


def _fit(
    run: Run, recipe: Recipe, dataset: Dataset, batches: Batches, validation: Batches, weights: Tensor | None,
    console: Console | None,
) -> list[EpochRecord]:
    """Train for the epochs that are left and return the whole history."""
    if run.last_path.exists():
        done = [EpochRecord(*record) for record in _kept_records(load_checkpoint(run.last_path))]
        if is_over(done, recipe):
            return done
    torch.manual_seed(recipe.seed)
    network = build_network(
        recipe.network, classes=len(dataset.labels), channels=dataset.channels, size_px=dataset.size_px,
        options=recipe.options,
    ).to(memory_format=torch.channels_last)
    module = ExpressionModule(network, recipe, weights, len(batches))
    keeper = Keeper(run, recipe)
    device = batches.pictures.labels.device
    _quiet_lightning()
    trainer = pl.Trainer(
        max_epochs=recipe.epochs,
        accelerator=device.type,
        devices=1,
        precision=choose_precision(recipe, device),  # type: ignore[arg-type]
        plugins=[SafeCheckpoints()],
        callbacks=[ProgressBar(keeper, console), keeper],
        deterministic="warn",
        benchmark=False,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=run.path,
    )
    trainer.fit(module, batches, validation, ckpt_path=run.last_path if run.last_path.exists() else None)
    return keeper.records


def _kept_records(checkpoint: dict[str, dict[str, dict[str, list[list[float]]]]]) -> list[list[float]]:
    """Return the history inside a checkpoint."""
    return next(state["records"] for state in checkpoint["callbacks"].values() if "records" in state)


def _calibrate(
    run: Run, recipe: Recipe, validation: Batches, records: list[EpochRecord], device: torch.device
) -> None:
    """Fit the temperature with the weights of the best epoch; writing it down ends the run."""
    logits, labels = predict_logits(kept_network(run).to(device), validation)
    temperature = fit_temperature(logits, labels)
    calibration = Calibration(
        temperature=temperature,
        validation_loss_before=float(F.cross_entropy(logits, labels)),
        validation_loss_after=float(F.cross_entropy(logits / temperature, labels)),
        best_epoch=best_epoch(records, recipe),
    )
    write_text(run.temperature_path, calibration.model_dump_json(indent=2) + "\n")


def _quiet_lightning() -> None:
    """Keep Lightning's hints, which speak of its own parts, away from our users."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\..*")
