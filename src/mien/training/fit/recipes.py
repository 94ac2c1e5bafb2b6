"""Recipes by name or from a file, changed by flags: read, told by their task, and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from mien.core.errors import RecipeError
from mien.core.spelling import find_meant
from mien.training.fit.expression.recipe import ExpressionRecipe
from mien.training.fit.faces.recipe import FaceRecipe
from mien.training.fit.recipe import Recipe
from mien.training.models.registry import NETWORKS

MAX_FILE_SIZE = 1_000_000

FORMS: Final[dict[str, type[Recipe]]] = {"expression": ExpressionRecipe, "faces": FaceRecipe}
"""By task; a file that names none is for the first."""


def shipped_recipes() -> list[str]:
    """Return the names of the recipes inside the package, sorted."""
    folder = files("mien.recipes")
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def load_recipe(recipe: str | Path, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe by its shipped name or from a TOML file, and apply changes.

    Args:
        recipe: A name of `shipped_recipes`, or a path; names come before paths.
        changes: Nested fields that override those of the file. Where they name another network, the file's options
            that it lacks are dropped.

    Returns:
        The recipe, checked.

    Raises:
        RecipeError: If there is no such recipe, or it has an unknown field, a wrong type or an impossible value.
    """
    name = str(recipe)
    try:
        if name in shipped_recipes():
            text = (files("mien.recipes") / f"{name}.toml").read_text(encoding="utf-8")
        else:
            text = _read_file(Path(recipe))
        fields = tomllib.loads(text)
    except (FileNotFoundError, IsADirectoryError):
        meant = find_meant(name, shipped_recipes())
        question = f" Did you mean {meant!r}?" if meant else ""
        raise RecipeError(
            f"recipe {name!r}: neither a shipped name nor a TOML file.{question} "
            f"Shipped: {', '.join(shipped_recipes())}."
        ) from None
    except (OSError, ValueError) as error:
        raise RecipeError(f"recipe {name!r} can't be read: {error}.") from None
    fields.setdefault("name", Path(name).stem)
    changes = _spell_options(changes or {})
    return make_recipe(_merge(_fit_options(fields, changes), changes), where=f"recipe {name!r}")


def _spell_options(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Let the options of a network be named with dashes, as all other flags are."""
    options = changes.get("options")
    if not isinstance(options, Mapping):
        return dict(changes)
    return {**changes, "options": {str(name).replace("-", "_"): value for name, value in options.items()}}


def _fit_options(fields: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Drop the options that the file has for its own network, if the changes name another one that lacks them."""
    form, options = FORMS.get(str(fields.get("task", next(iter(FORMS))))), fields.get("options")
    if form is None:
        return fields
    entry = NETWORKS[form.model_fields["task"].default].get(str(changes.get("network")))
    own = fields.get("network", form.model_fields["network"].default)
    if entry is None or entry.name == own or not isinstance(options, dict):
        return fields
    return fields | {"options": {name: value for name, value in options.items() if name in entry.options}}


def _read_file(path: Path) -> str:
    """Read a recipe's file; endless devices and large files are no recipes."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise RecipeError(f"recipe {str(path)!r} is no ordinary file.")
    with path.open(encoding="utf-8-sig") as file:
        text = file.read(MAX_FILE_SIZE + 1)
    if len(text) > MAX_FILE_SIZE:
        raise RecipeError(f"recipe {str(path)!r} is larger than {MAX_FILE_SIZE:,} characters.")
    return text


def make_recipe(fields: Mapping[str, Any], where: str = "the recipe") -> Recipe:
    """Check fields and make a recipe of them.

    Args:
        fields: Nested, as in a file.
        where: What errors call it.

    Raises:
        RecipeError: If a field is unknown, of a wrong type, or has an impossible value; all of them in one message.
    """
    task = fields.get("task", next(iter(FORMS)))
    if task not in FORMS:
        raise RecipeError(f"{where}: task: there is none of the name {task!r}. Known: {', '.join(FORMS)}.")
    try:
        return FORMS[task].model_validate(dict(fields))
    except ValidationError as error:
        problems = "; ".join(_describe(dict(problem)) for problem in error.errors())
        raise RecipeError(f"{where}: {problems}.") from None


def _describe(problem: dict[str, Any]) -> str:
    """Put one of pydantic's findings into words."""
    field = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{field} is no field of a recipe"
    text = str(problem["msg"]).removeprefix("Value error, ")
    return f"{field}: {text[0].lower()}{text[1:]}, got {problem['input']!r}" if field else text


def _merge(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `fields` with those in `changes` replaced, section by section."""
    merged = dict(fields)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return merged
