"""Every shipped recipe runs, shortened to one epoch on synthetic faces."""

from pathlib import Path

import pytest

from mien.training.fit.recipes import load_recipe, shipped_recipes
from mien.training.fit.trainer import train
from mien.training.models.registry import NETWORKS

RUNS = Path(__file__).parents[2] / "docs" / "runs"


@pytest.mark.parametrize("name", shipped_recipes())
def test_the_recipe_runs(name, faces, photo_set, tmp_path):
    recipe = load_recipe(name, {"epochs": 1})
    run = train(recipe, photo_set.path if recipe.task == "faces" else faces, tmp_path / "run")
    assert run.is_finished
    assert len(run.history()) == 1


@pytest.mark.parametrize("name", sorted(NETWORKS["expression"]))
def test_each_network_has_the_recipe_of_its_name(name):
    recipe = load_recipe(name)
    assert recipe.network == name
    assert recipe.options in ({}, NETWORKS["expression"][name].options)


@pytest.mark.parametrize(
    ("name", "epochs", "batch_size", "best_by", "stop_after", "schedule", "changes"),
    [
        ("cnn-sequential", 150, 64, "accuracy", 0, "plateau", set()),
        ("cnn-augmented", 50, 64, "loss", 10, "constant", {"flip", "rotation_deg", "zoom"}),
        ("mini-xception", 160, 32, "loss", 50, "plateau", {"flip", "rotation_deg", "zoom", "shift"}),
    ],
)
def test_the_classics_are_trained_as_their_tutorials_say(
    name, epochs, batch_size, best_by, stop_after, schedule, changes
):
    recipe = load_recipe(name)
    assert (recipe.epochs, recipe.batch_size, recipe.best_by) == (epochs, batch_size, best_by)
    assert (recipe.stop_after_epochs, recipe.schedule.name) == (stop_after, schedule)
    assert (recipe.optimizer.name, recipe.optimizer.lr, recipe.optimizer.weight_decay) == ("adam", 0.001, 0)
    assert {change for change, strength in recipe.augment.model_dump().items() if strength} == changes
    assert (recipe.loss.label_smoothing, recipe.ema) == (0, 0)
    assert not any(recipe.rows.model_dump().values())


@pytest.mark.parametrize("name", ["vgg-bn", "vgg-slim", "inception", "resnet18", "resnet34", "mobilenet"])
def test_the_networks_are_compared_by_one_method(name):
    ours, others = load_recipe(name), load_recipe("resnet-se")
    own = {"name", "network", "options"}
    assert ours.model_dump(exclude=own) == others.model_dump(exclude=own)


OTHERWISE = {
    "expression-sam": ("expression-gentle", {"seed": 1, "optimizer": {"rho": 0.1}}),
    "expression-last": (
        "expression-gentle",
        {"seed": 2, "optimizer": {"rho": 0.1}, "best_by": "last", "distill": {"share": 0.5}},
    ),
}
"""By documented run its recipe and flags; the others have their recipe's name, and no flag."""


@pytest.mark.parametrize("run", sorted(path.name for path in RUNS.iterdir() if path.is_dir()))
def test_a_documented_run_is_what_its_recipe_trains_today(run):
    """The command in the documents still means the run whose figures stand there, wherever its first weights lay."""
    documented = load_recipe(RUNS / run / "recipe.toml")
    recipe, flags = OTHERWISE.get(run, (run, {}))
    given = {"transfer": {"init": documented.transfer.init}, **flags}
    if documented.task == "expression":
        given["distill"] = {**flags.get("distill", {}), "teachers": documented.distill.teachers}
    assert load_recipe(recipe, given) == documented
