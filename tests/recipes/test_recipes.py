"""Every shipped recipe runs, shortened to one epoch on synthetic faces."""

import pytest

from mien.training.fit.recipe import load_recipe, shipped_recipes
from mien.training.fit.trainer import train


@pytest.mark.parametrize("name", shipped_recipes())
def test_the_recipe_runs(name, faces, tmp_path):
    run = train(load_recipe(name, {"epochs": 1}), faces, tmp_path / "run")
    assert run.is_finished
    assert len(run.history()) == 1
