"""Where a recipe is trained, and in which precision."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch

from mien.core.errors import RecipeError
from mien.training.fit.recipe import Recipe

Precision: TypeAlias = Literal["bf16-mixed", "32-true"]


def choose_device(recipe: Recipe, number: int = 0) -> torch.device:
    """Return the device that the recipe asks for.

    Args:
        recipe: Asks for one.
        number: Which of this host's GPUs, where it is one.

    Raises:
        RecipeError: If it asks for a GPU and there is none.
    """
    has_gpu = torch.cuda.is_available()
    if recipe.device == "cuda" and not has_gpu:
        raise RecipeError("the recipe asks for device cuda, and torch finds no such GPU here. Use --device cpu.")
    if not has_gpu or recipe.device == "cpu":
        return torch.device("cpu")
    if number >= torch.cuda.device_count():
        raise RecipeError(
            f"process {number} of this host finds only {torch.cuda.device_count()} GPUs. Start one process a GPU."
        )
    torch.cuda.set_device(number)  # what names no number means this one from now on
    return torch.device("cuda")


def choose_precision(recipe: Recipe, device: torch.device) -> Precision:
    """Return Lightning's word for the precision; "auto" is bfloat16 where the processor multiplies in it."""
    if recipe.precision == "auto":
        is_quick = (
            torch.cuda.is_bf16_supported(including_emulation=False) if device.type == "cuda" else _cpu_has_bfloat16()
        )
        return "bf16-mixed" if is_quick else "32-true"
    return "bf16-mixed" if recipe.precision == "bfloat16" else "32-true"


def _cpu_has_bfloat16() -> bool:
    find_abilities = getattr(torch.cpu, "get_capabilities", dict)  # older versions of torch can't tell
    abilities: dict[str, object] = find_abilities()
    return any(abilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
