"""The mean of the weights of several finished runs, as a run of its own: one network, no slower than each of them.

It helps where the runs began with the same weights, or with each other's: between such networks the loss has no hill,
and their mean is often better than the best of them. Of networks that were trained apart it is worse than any.

Source: Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time", ICML 2022, arXiv:2203.05482; of two legs of one training, Wortsman et al., "Robust
fine-tuning of zero-shot models", CVPR 2022, arXiv:2109.01903.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from mien.core.atomic import atomic_folder, check_new_folder, write_bytes, write_text
from mien.training.fit.checkpoint import SafeCheckpoints
from mien.training.fit.device import choose_device
from mien.training.fit.environment import save_environment
from mien.training.fit.ingredients import Ingredient, choose_base, find_common_test, join_terms, note_sources
from mien.training.fit.processes import Processes
from mien.training.fit.restore import LEARNING, restore_network
from mien.training.fit.run import Run
from mien.training.fit.task import open_task


def average_runs(ingredients: Sequence[Ingredient], data: Path, out: Path) -> Run:
    """Write the mean of the weights of several runs as a finished run, in one step.

    Batch norm's statistics are averaged with the weights. The threshold, or the temperatures, are found anew on the
    validation part of `data`, as at the end of a training. The recipe is that of the first run that was trained on
    `data`, under a name of the mean.

    Args:
        ingredients: What to average; see `gather_ingredients`.
        data: Folder of the imported data set that at least one of them was trained on.
        out: The new run's folder.

    Returns:
        The run. It has no epochs: it can be exported, scored and begun with, but not resumed.

    Raises:
        InputError: If none was trained on `data`, or `out` is there already or can't be written.
        RunError: If a run's checkpoint is absent, broken or doesn't fit its recipe.
        DataError: If the data can't be used, or were changed after their import.
    """
    check_new_folder(out)
    base = choose_base(ingredients, data)
    averaged = note_sources(ingredients)
    weights = average_weights(
        [restore_network(each.run).state_dict() for each in ingredients], [each.share for each in ingredients]
    )
    recipe = base.recipe.model_copy(update={"name": _name_mean(ingredients)})
    device = choose_device(recipe.model_copy(update={"device": "auto"}))
    task = open_task(recipe, data)
    task.load(device, Processes())
    trained_on = base.data.model_copy(
        update={"license": join_terms(ingredients, base), "test_sha256": find_common_test(ingredients)}
    )
    with atomic_folder(out) as folder:
        run = Run(folder)
        write_text(run.data_path, trained_on.model_dump_json(indent=2) + "\n")
        write_text(run.averaged_path, averaged.model_dump_json(indent=2) + "\n")
        save_environment(run, device.type, "32-true", torch.get_num_threads(), 1)
        state = {f"{LEARNING}{name}": value for name, value in weights.items()}
        SafeCheckpoints().save_checkpoint({"state_dict": state}, run.best_path)
        write_bytes(run.recipe_path, recipe.to_toml())
        task.finish(run, ())
    return Run(out)


def average_weights(states: Sequence[Mapping[str, Tensor]], shares: Sequence[float]) -> dict[str, Tensor]:
    """Return the mean of several networks' weights.

    Args:
        states: What their `state_dict` gave: the same names and shapes in all of them.
        shares: How much each one counts; together 1.

    Returns:
        Floating tensors are means, computed in float64 and of the first one's type; integer ones, which count batch
        norm's batches, are those of the first.
    """
    first = states[0]
    return {
        name: _average([state[name] for state in states], shares) if value.is_floating_point() else value.clone()
        for name, value in first.items()
    }


def _average(values: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    mean = torch.zeros_like(values[0], dtype=torch.float64)
    for value, share in zip(values, shares, strict=True):
        mean += share * value.double()
    return mean.to(values[0].dtype)


def _name_mean(ingredients: Sequence[Ingredient]) -> str:
    """Return a short name that goes into the card; recipes of the same name are named once."""
    return f"mean of {' and '.join(dict.fromkeys(each.recipe.name for each in ingredients))}"
