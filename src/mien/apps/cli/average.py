"""`mien average`: the mean of the weights of several finished runs, as a run of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mien.core.atomic import check_new_folder
from mien.training.fit.ingredients import Ingredient, choose_base, gather_ingredients
from mien.training.fit.run import Run


def average(
    *runs: Path,
    data: Path,
    out: Path,
    shares: Annotated[tuple[float, ...], Parameter(consume_multiple=True, negative="")] = (),
) -> None:
    """Average the weights of finished runs, such as the legs of one training, into a new run.

    It helps where the runs began with the same weights or with each other's. The new run is exported, scored and begun
    with like any other; its file is as large and as quick as that of each of them.

    Args:
        runs: The folders of finished runs of the same network, options and labels.
        data: The imported data that at least one of them was trained on. The threshold or the confidence is found anew
            on the validation part.
        out: Folder of the new run.
        shares: How much each run counts, in the same order, 1 together; all alike if not given.
    """
    check_new_folder(out)
    ingredients = gather_ingredients([Run(path) for path in runs], shares)
    base = choose_base(ingredients, data)
    for note in _list_notes(ingredients, base):
        print(note)
    from mien.training.fit.soup import average_runs

    run = average_runs(ingredients, data, out)
    told = ", ".join(f"{each.run.path} ({each.share:.3g})" for each in ingredients)
    print(f"{out}: the mean of {told}, {_describe_end(run)}.")
    print(f"Next: mien export {out} --out MODEL.onnx")


def _list_notes(ingredients: tuple[Ingredient, ...], base: Ingredient) -> list[str]:
    """Say which runs may have been trained on pictures that the mean is calibrated on."""
    return [
        f"note: {each.run.path} was trained on another import ({each.data.name}, sha256 {each.data.sha256[:12]}...) "
        f"than {base.data.name}: it may have seen some of the validation pictures."
        for each in ingredients
        if each.data.sha256 != base.data.sha256
    ]


def _describe_end(run: Run) -> str:
    """Say what was found on validation."""
    if run.threshold_path.exists():
        found = run.threshold()
        return f"faces from score {found.min_score:.2f}, {found.validation_recall_32:.1%} of those from 32 px found"
    calibration = run.calibration()
    return f"temperature {calibration.temperature:.3f}, validation loss {calibration.validation_loss_after:.4f}"
