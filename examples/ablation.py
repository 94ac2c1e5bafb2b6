"""What is each ingredient of a recipe worth? Take one away, or add one, train again, and compare on validation.

The network is a slim one (`vgg-slim`, width 16, two convolutions a stage), so that two cores do a run of 20 epochs in
some minutes. The recipe as it is runs with several seeds: their spread tells which differences mean nothing. Every run
counts with its last epoch, as the best of many flatters; what is not finished goes on when this is started again.

    mien data import fer2013.csv.xz --votes fer2013new.csv --out fer2013
    python examples/ablation.py fer2013 --out ablation                      # all, about two hours on two cores
    python examples/ablation.py fer2013 --out ablation --only mixup adamw   # some

Test is never opened here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter, run

from mien.core.atomic import write_text
from mien.core.errors import RecipeError
from mien.training.fit.history import EpochRecord
from mien.training.fit.recipes import load_recipe
from mien.training.fit.run import Run
from mien.training.fit.trainer import train

AS_IT_IS = "as it is"
TEACHER = Path(__file__).parents[1] / "docs/runs/expression-sam/expression.onnx"
"""The leg before the bundled model, which has learned from validation as well."""

VARIANTS: dict[str, dict[str, Any]] = {
    "no second head": {"votes": {"weight": 0.0}},
    "no averaged weights": {"ema": 0.0},
    "no smoothed labels": {"loss": {"label_smoothing": 0.0}},
    "labels smoothed by 0.1": {"loss": {"label_smoothing": 0.1}},
    "contradicting rows kept": {"rows": {"drop_contradicting": False}},
    "no erasing": {"augment": {"erasing": 0.0}},
    "no gamma, blur, noise": {"augment": {"gamma": 0.0, "blur": 0.0, "noise": 0.0}},
    "no rotation, zoom, shift": {"augment": {"rotation_deg": 0.0, "zoom": 0.0, "shift": 0.0}},
    "no augmentation but flips": {
        "augment": dict.fromkeys(
            ("rotation_deg", "zoom", "shift", "brightness", "contrast", "gamma", "blur", "noise", "erasing"), 0.0
        )
    },
    "no dropout": {"options": {"dropout": 0.0}},
    "mixup": {"mix": {"mixup": 0.2}},
    "CutMix, half of the batches": {"mix": {"cutmix": 1.0, "share": 0.5}},
    "adamw": {"optimizer": {"name": "adamw", "lr": 0.002, "weight_decay": 0.05}},
    "sharpness-aware steps": {"optimizer": {"rho": 0.1}},
    "cosine instead of one-cycle": {"schedule": {"name": "cosine"}},
    "taught by the third leg": {"distill": {"teachers": [str(TEACHER)]}},
}
"""By what the table calls them, the fields of the recipe that are others."""


def main(
    data: Path,
    *,
    out: Path,
    recipe: str = "expression",
    width: int = 16,
    depth: int = 2,
    epochs: int = 20,
    seeds: int = 3,
    only: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
) -> None:
    """Train what is not trained yet, and print a Markdown table; it stands in `table.md` beside the runs as well.

    Args:
        data: What `mien data import` wrote.
        out: Folder of the runs, one a variant and seed.
        recipe: The recipe whose ingredients are looked at.
        width: Of its network.
        depth: Of its network.
        epochs: Of each run.
        seeds: Runs of the recipe as it is.
        only: Variants with one of these words in their names; without any, all.
    """
    variants = {name: fields for name, fields in VARIANTS.items() if not only or any(word in name for word in only)}
    if not variants:
        raise RecipeError(f"no variant is named like {' or '.join(only)}. There are: {', '.join(VARIANTS)}.")
    base: dict[str, Any] = {"epochs": epochs, "options": {"width": width, "depth": depth}}
    runs = {AS_IT_IS: [_train(data, out / f"seed-{seed}", recipe, base | {"seed": seed}) for seed in range(seeds)]}
    for name, fields in variants.items():
        options = {**base["options"], **fields.get("options", {})}
        runs[name] = [_train(data, out / _folder_of(name), recipe, {**base, **fields, "options": options})]
        write_text(out / "table.md", _table(runs))
    print(_table(runs), end="")


def _folder_of(name: str) -> str:
    return name.replace(",", "").replace(" ", "-").lower()


def _train(data: Path, folder: Path, recipe: str, changes: dict[str, Any]) -> EpochRecord:
    """Train, or go on, or only read what is finished; return the last epoch."""
    if not Run(folder).is_finished:
        print(f"{folder.name}:", flush=True)
        train(load_recipe(recipe, changes), data, folder, resume=True)
    record = Run(folder).history()[-1]
    assert isinstance(record, EpochRecord)
    return record


def _table(runs: dict[str, list[EpochRecord]]) -> str:
    """Return a Markdown table: each variant's last epoch, and its points above the mean of the recipe as it is."""
    plain = np.array([record.validation_accuracy for record in runs[AS_IT_IS]])
    lines = ["| | train | validation | its loss | points gained |", "|---|---:|---:|---:|---:|"]
    for name, records in runs.items():
        train_accuracy, accuracy, loss = (
            np.mean([getattr(record, field) for record in records])
            for field in ("train_accuracy", "validation_accuracy", "validation_loss")
        )
        gained = f"{100 * (accuracy - plain.mean()):+.1f}"
        if name == AS_IT_IS:
            spread = f", {100 * plain.min():.1f} to {100 * plain.max():.1f}" if len(plain) > 1 else ""
            name, gained = f"{name} ({len(plain)} seed{'s' * (len(plain) > 1)}{spread})", ""
        lines.append(f"| {name} | {train_accuracy:.1%} | {accuracy:.1%} | {loss:.3f} | {gained} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run(main)
