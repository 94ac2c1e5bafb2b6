"""Every shipped recipe runs, shortened to one epoch on synthetic faces."""

from pathlib import Path

import pytest

from mien.training.fit.recipe import load_recipe, shipped_recipes
from mien.training.fit.trainer import train

RUNS = Path(__file__).parents[2] / "docs" / "runs"


@pytest.mark.parametrize("name", shipped_recipes())
def test_the_recipe_runs(name, faces, tmp_path):
    run = train(load_recipe(name, {"epochs": 1}), faces, tmp_path / "run")
    assert run.is_finished
    assert len(run.history()) == 1


@pytest.mark.parametrize("run", sorted(path.name for path in RUNS.iterdir() if path.is_dir()))
def test_a_documented_run_is_what_its_recipe_trains_today(run):
    """The command in the documents still means the run whose figures stand there."""
    assert load_recipe(run).to_toml() == (RUNS / run / "recipe.toml").read_bytes()
