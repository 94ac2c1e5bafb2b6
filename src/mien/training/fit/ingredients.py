"""Which runs' weights can be averaged: read and compared before anything is computed.

A mean of weights makes sense only of networks of the same form that answer the same question about the same pictures.
Their data may differ, as those of the legs of one training do; then all of them are told in the card.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import fsum, isfinite
from pathlib import Path
from typing import Final

from mien.core.errors import InputError, RunError
from mien.training.data.faces.photos import open_photos
from mien.training.data.table import open_dataset
from mien.training.fit.expression.taught import read_taught
from mien.training.fit.notes import TrainedOn
from mien.training.fit.origins import Averaged, Source, read_averaged, read_beginning
from mien.training.fit.recipe import Recipe
from mien.training.fit.run import Run
from mien.training.models.registry import find_network

TOLERANCE = 1e-6
"""How far from 1 the shares may add up, which is how they are written and no mistake."""


@dataclass(frozen=True)
class Ingredient:
    """A finished run whose weights are averaged with others.

    Attributes:
        run: Its folder.
        share: How much its weights count.
        recipe: How it was trained.
        data: What it was trained on.
        sha256: Hash of its checkpoint.
    """

    run: Run
    share: float
    recipe: Recipe
    data: TrainedOn
    sha256: str


def gather_ingredients(runs: Sequence[Run], shares: Sequence[float] = ()) -> tuple[Ingredient, ...]:
    """Read the runs that are to be averaged.

    Args:
        runs: At least two, finished.
        shares: How much each one counts, above 0 and 1 together; all alike if none are given.

    Returns:
        One a run, in that order.

    Raises:
        InputError: If there are fewer than two, the same weights are there twice, the shares make no mean, or one run
            differs from the first in what has to be alike.
        RunError: If one is no run, not finished, or broken.
    """
    if len(runs) < 2:
        raise InputError(f"a mean is one of two runs or more, got {len(runs)}. Name several runs' folders.")
    ingredients: list[Ingredient] = []
    for run, share in zip(runs, _check_shares(shares, len(runs)), strict=True):
        ingredient = _open(run, share)
        _check_unlike(ingredient, ingredients)
        if ingredients:
            _check_alike(ingredient, ingredients[0])
        ingredients.append(ingredient)
    return tuple(ingredients)


def choose_base(ingredients: Sequence[Ingredient], data: Path) -> Ingredient:
    """Return the first run that was trained on some data: the mean is calibrated on their validation part.

    Args:
        ingredients: What is averaged.
        data: Folder of an imported data set.

    Raises:
        InputError: If none was trained on it.
        DataError: If the folder is no data set for this task.
    """
    dataset = open_photos(data) if ingredients[0].recipe.task == "faces" else open_dataset(data)
    manifest = dataset.manifest
    for ingredient in ingredients:
        if ingredient.data.sha256 == manifest.sha256:
            return ingredient
    known = {f"{each.data.name} (sha256 {each.data.sha256[:12]}...)": None for each in ingredients}
    raise InputError(
        f"--data {data} holds {manifest.name} (sha256 {manifest.sha256[:12]}...), and the runs were trained on "
        f"{' and '.join(known)}. Name the folder of one of these: another split's validation part may have been "
        "trained on."
    )


def note_sources(ingredients: Sequence[Ingredient]) -> Averaged:
    """Return what `averaged.json` has to say; of a run that is a mean itself, the runs that went into it.

    Raises:
        RunError: If a run's notes of where its weights come from are broken.
    """
    noted: dict[str, Source] = {}
    for ingredient in ingredients:
        for source in _trace(ingredient):
            before = noted.get(source.sha256)
            share = source.share + (before.share if before else 0.0)
            noted[source.sha256] = source.model_copy(update={"share": share})
    return Averaged(sources=tuple(noted.values()))


def join_terms(ingredients: Sequence[Ingredient], base: Ingredient) -> str:
    """Return the terms of the data of all runs, those of the base first; what is said already is said once."""
    terms = base.data.license
    for ingredient in ingredients:
        if ingredient.data.license not in terms:
            terms += f" Averaged with weights that learned from {ingredient.data.name}: {ingredient.data.license}"
    return terms


def find_common_test(ingredients: Sequence[Ingredient]) -> str | None:
    """Return the hash of the test part that all runs left alone; None if one may have learned another's."""
    first, *others = (each.data.test_sha256 for each in ingredients)
    return first if all(other == first for other in others) else None


def _check_shares(shares: Sequence[float], count: int) -> Sequence[float]:
    if not shares:
        return [1 / count] * count
    shown = " ".join(f"{share:g}" for share in shares)
    if len(shares) != count:
        raise InputError(f"--shares {shown} are {len(shares)} for {count} runs. Name one a run, or none.")
    if not all(isfinite(share) and share > 0 for share in shares):
        raise InputError(f"--shares {shown}: each has to be above 0. Leave a run away that shall not count.")
    if abs(fsum(shares) - 1) > TOLERANCE:
        raise InputError(f"--shares {shown} add up to {fsum(shares):g}, and have to add up to 1. Change one of them.")
    return shares


def _open(run: Run, share: float) -> Ingredient:
    recipe = run.recipe()
    _ = run.threshold() if recipe.task == "faces" else run.calibration()  # refuses what is not finished
    try:
        sha256 = hashlib.sha256(run.best_path.read_bytes()).hexdigest()
    except OSError as error:
        raise RunError(f"{run.best_path} can't be read: {error.strerror or error}. Name another run.") from None
    return Ingredient(run, share, recipe, run.trained_on(), sha256)


def _check_unlike(ingredient: Ingredient, others: Sequence[Ingredient]) -> None:
    for other in others:
        if other.sha256 == ingredient.sha256:
            raise InputError(
                f"{other.run.path} and {ingredient.run.path} hold the same weights, and their mean is these again. "
                "Name each run once, and let --shares say how much it counts."
            )


def _tell_options(ingredient: Ingredient) -> str:
    recipe = ingredient.recipe
    options = {**find_network(recipe.network, recipe.task).options, **recipe.options}  # the defaults count as well
    return ", ".join(f"{name} = {value:g}" for name, value in sorted(options.items()))


_HAS_TO_BE_ALIKE: Final[dict[str, Callable[[Ingredient], str]]] = {
    "task": lambda each: each.recipe.task,
    "network": lambda each: each.recipe.network,
    "options": _tell_options,
    "labels": lambda each: ", ".join(each.data.labels),
    "heads": lambda each: str(each.recipe.suit(each.data.has_votes).heads),
    "input": lambda each: f"{'gray' if each.data.channels == 1 else 'RGB'} pictures of {each.data.size_px or 'any'} px",
    "crop": lambda each: each.data.crop or "as in the data",
}
"""By a word for it: how it is told."""


def _check_alike(ingredient: Ingredient, first: Ingredient) -> None:
    for word, tell in _HAS_TO_BE_ALIKE.items():
        if tell(ingredient) != tell(first):
            raise InputError(
                f"{ingredient.run.path} can't be averaged with {first.run.path}: its {word}: {tell(ingredient)}; the "
                f"other's: {tell(first)}. Name runs that agree in it."
            )


def _trace(ingredient: Ingredient) -> Sequence[Source]:
    """Return the trained runs that an ingredient's weights come from, with their shares of the mean."""
    run = ingredient.run
    averaged = read_averaged(run)
    if averaged is not None:
        return [source.model_copy(update={"share": source.share * ingredient.share}) for source in averaged.sources]
    taught = read_taught(run)
    return [
        Source(
            source=str(run.path),
            sha256=ingredient.sha256,
            share=ingredient.share,
            recipe_sha256=run.recipe_sha256(),
            trained_on=(ingredient.data.name, ingredient.data.license),
            data_sha256=ingredient.data.sha256,
            began=read_beginning(run),
            teachers=taught.teachers if taught else (),
        )
    ]
