import subprocess
import sys
import tomllib

import pytest

from mien.core.errors import RecipeError
from mien.training.fit.expression.recipe import ExpressionRecipe
from mien.training.fit.recipes import load_recipe, make_recipe, shipped_recipes


def test_every_shipped_recipe_is_valid_and_named_after_its_file():
    assert {"cnn3", "cnn4-bn", "expression"} <= set(shipped_recipes())
    for name in shipped_recipes():
        assert load_recipe(name).name == name


def test_the_classics_are_trained_as_the_textbooks_say():
    cnn3, cnn4 = load_recipe("cnn3"), load_recipe("cnn4-bn")
    assert (cnn3.network, cnn3.epochs, cnn3.batch_size) == ("cnn3", 50, 64)
    assert (cnn3.optimizer.name, cnn3.optimizer.lr, cnn3.schedule.name) == ("adam", 0.001, "constant")
    assert (cnn4.network, cnn4.epochs, cnn4.batch_size) == ("cnn4-bn", 50, 128)
    for recipe in (cnn3, cnn4):
        assert not any(recipe.augment.model_dump().values())
        assert (recipe.loss.label_smoothing, recipe.ema, recipe.optimizer.weight_decay) == (0, 0, 0)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"epoch": 3}, ["epoch is no field"]),
        ({"optimizer": {"learning_rate": 1}}, ["optimizer.learning_rate is no field"]),
        ({"epochs": "many"}, ["epochs", "'many'"]),
        ({"epochs": "3"}, ["epochs", "'3'"]),
        ({"epochs": True}, ["epochs"]),
        ({"epochs": 3.0}, ["epochs"]),
        ({"rows": {"oversample": "yes"}}, ["rows.oversample"]),
        ({"optimizer": {"lr": "0.1"}}, ["optimizer.lr"]),
        ({"options": {"width": True}}, ["options.width"]),
        ({"options": {"width": 10**9}}, ["width", "1024"]),
        ({"options": {"dropout": 0.999}}, ["dropout", "0.99"]),
        ({"name": ""}, ["name"]),
        ({"epochs": 0}, ["epochs", "got 0"]),
        ({"optimizer": {"lr": -0.1}}, ["optimizer.lr", "-0.1"]),
        ({"optimizer": {"lr": float("nan")}}, ["optimizer.lr"]),
        ({"optimizer": {"name": "lion"}}, ["optimizer.name", "'lion'"]),
        ({"loss": {"label_smoothing": 1.0}}, ["loss.label_smoothing"]),
        ({"augment": {"zoom": 1.5}}, ["augment.zoom", "1.5"]),
        ({"network": "alexnet"}, ["alexnet", "resnet-se"]),
        ({"network": "cnn3", "options": {"width": 8}}, ["cnn3", "width", "dense_dropout"]),
        ({"options": {"width": 0}}, ["width", "whole number"]),
        ({"options": {"dropout": 1.0}}, ["dropout", "0.99"]),
        ({"batch_size": 1}, ["batch_size"]),
        ({"loss": {"name": "hinge"}}, ["loss.name", "'hinge'", "focal"]),
        ({"loss": {"focal_gamma": -1.0}}, ["loss.focal_gamma", "-1.0"]),
        ({"mix": {"mixup": -0.1}}, ["mix.mixup", "-0.1"]),
        ({"mix": {"cutmix": 0.001}}, ["mix.cutmix", "0.01 is the least", "0.001"]),
        ({"mix": {"share": 1.1}}, ["mix.share", "1.1"]),
        ({"optimizer": {"layer_decay": 0.0}}, ["optimizer.layer_decay", "0.0"]),
        ({"optimizer": {"layer_decay": 1.5}}, ["optimizer.layer_decay", "1.5"]),
        ({"swa": {"share": 0.25}}, ["swa.share is 0.25", "ema is 0.999", "Set ema = 0"]),
        ({"swa": {"share": 0.25}, "ema": 0.0, "stop_after_epochs": 3}, ["stop_after_epochs is 3", "swa.share"]),
        ({"best_by": "last", "stop_after_epochs": 3}, ["stop_after_epochs is 3", "best_by = last"]),
        ({"swa": {"share": 0.25, "lr": 0.0}, "ema": 0.0}, ["swa.lr"]),
        ({"transfer": {"freeze_layers": -1}}, ["transfer.freeze_layers"]),
        ({"transfer": {"freeze_epochs": 2}}, ["transfer.freeze_epochs is 2", "freeze_layers is 0"]),
        ({"transfer": {"freeze_layers": 3}}, ["transfer.freeze_layers is 3", "transfer.init is empty", "--init"]),
        ({"seed": -1}, ["seed"]),
        ({"epochs": 0, "batch_size": 0}, ["epochs", "batch_size"]),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(fields, words):
    with pytest.raises(RecipeError) as refusal:
        make_recipe(fields)
    message = str(refusal.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_a_recipe_survives_being_saved(tmp_path):
    recipe = make_recipe({"network": "cnn3", "optimizer": {"name": "adamw", "lr": 0.003}, "seed": 5})
    (tmp_path / "recipe.toml").write_bytes(recipe.to_toml())
    assert load_recipe(tmp_path / "recipe.toml") == recipe
    assert load_recipe(tmp_path / "recipe.toml").to_toml() == recipe.to_toml()
    assert tomllib.loads((tmp_path / "recipe.toml").read_text())["optimizer"]["lr"] == 0.003


def test_a_recipe_with_everything_on_survives_being_saved(tmp_path):
    fields = {
        "ema": 0.0,
        "loss": {"name": "focal", "focal_gamma": 1.0},
        "mix": {"mixup": 0.2, "cutmix": 1.0, "share": 0.5},
        "optimizer": {"layer_decay": 0.7},
        "swa": {"share": 0.25, "lr": 0.02},
        "transfer": {"init": "somewhere/best.ckpt", "freeze_layers": 3, "freeze_epochs": 2},
    }
    (tmp_path / "recipe.toml").write_bytes(make_recipe(fields).to_toml())
    assert load_recipe(tmp_path / "recipe.toml") == make_recipe(fields)
    saved = tomllib.loads((tmp_path / "recipe.toml").read_text())
    assert all(saved[name] == value | saved[name] for name, value in fields.items() if isinstance(value, dict))


def test_a_recipe_saved_before_there_were_these_sections_means_the_same_run(tmp_path):
    fields = tomllib.loads(ExpressionRecipe().to_toml().decode())
    for section in ("mix", "swa", "transfer"):
        del fields[section]
    for section, field in (("loss", "name"), ("loss", "focal_gamma"), ("optimizer", "layer_decay")):
        del fields[section][field]
    assert make_recipe(fields) == ExpressionRecipe()
    assert make_recipe(fields).differences(ExpressionRecipe()) == ""


@pytest.mark.parametrize(
    ("epochs", "share", "scheduled"), [(40, 0.0, 40), (40, 0.25, 30), (3, 0.01, 2), (1, 0.5, 0), (4, 1.0, 0)]
)
def test_the_schedule_has_what_is_not_averaged(epochs, share, scheduled):
    assert make_recipe({"epochs": epochs, "ema": 0.0, "swa": {"share": share}}).scheduled_epochs == scheduled


def test_differences_name_the_fields_and_both_values():
    one, two = make_recipe({"seed": 1}), make_recipe({"seed": 2, "optimizer": {"lr": 0.5}})
    assert one.differences(two) == "seed: 1 there, 2 now, optimizer.lr: 0.1 there, 0.5 now"
    assert one.differences(one) == ""


def test_flags_change_single_fields_and_leave_the_rest():
    recipe = load_recipe("cnn3", {"optimizer": {"lr": 0.01}, "epochs": 2})
    assert (recipe.optimizer.lr, recipe.optimizer.name, recipe.epochs) == (0.01, "adam", 2)


def test_another_network_drops_the_files_options_that_it_lacks():
    file = load_recipe("expression")
    assert set(file.options) == {"width", "depth", "dropout"}
    recipe = load_recipe("expression", {"network": "cnn3"})
    assert (recipe.network, recipe.options) == ("cnn3", {"dropout": file.options["dropout"]})
    assert load_recipe("expression", {"network": "vgg-slim"}).options == file.options
    given = load_recipe("expression", {"network": "cnn3", "options": {"dense_dropout": 0.1}})
    assert given.options == {"dropout": file.options["dropout"], "dense_dropout": 0.1}


def test_an_option_that_is_asked_for_and_lacking_stays_an_error(tmp_path):
    with pytest.raises(RecipeError, match="cnn3 has no option 'width'"):
        load_recipe("expression", {"network": "cnn3", "options": {"width": 8}})
    (tmp_path / "mine.toml").write_text('network = "cnn3"\n[options]\nwidth = 8\n')
    for changes in ({}, {"network": "cnn3"}):
        with pytest.raises(RecipeError, match="cnn3 has no option 'width'"):
            load_recipe(tmp_path / "mine.toml", changes)
    with pytest.raises(RecipeError, match="'lenet' is unknown"):
        load_recipe("expression", {"network": "lenet"})


def test_a_missing_recipe_names_the_shipped_ones(tmp_path):
    with pytest.raises(RecipeError, match="cnn3, cnn4-bn"):
        load_recipe("nonsense")
    with pytest.raises(RecipeError, match="neither"):
        load_recipe(tmp_path)
    with pytest.raises(RecipeError, match=r"Did you mean 'cnn3'\? Shipped: "):
        load_recipe("cnn33")


def test_a_file_that_is_no_toml_is_refused(tmp_path):
    (tmp_path / "a.toml").write_text("epochs = = 3")
    with pytest.raises(RecipeError, match="can't be read"):
        load_recipe(tmp_path / "a.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="can't be read"):
        load_recipe(tmp_path / "b.toml")


def test_a_recipe_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        ExpressionRecipe().epochs = 3  # type: ignore[misc]


def test_a_bad_recipe_is_refused_without_loading_torch(tmp_path):
    (tmp_path / "bad.toml").write_text("epoch = 3\n")
    code = (
        "import sys\nfrom mien.apps.cli.main import run\n"
        f"status = run(['train', {str(tmp_path / 'bad.toml')!r}, '--data', 'nowhere', '--out', 'nowhere'])\n"
        "assert status == 1, status\nassert 'torch' not in sys.modules\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "epoch is no field of a recipe" in result.stderr
    assert not (tmp_path / "nowhere").exists()


def test_options_may_be_named_with_dashes_as_other_flags_are():
    recipe = load_recipe("cnn3", {"options": {"dense-dropout": 0.25, "batch-norm": 1}})
    assert (recipe.options["dense_dropout"], recipe.options["batch_norm"]) == (0.25, 1)
    with pytest.raises(RecipeError, match="no option 'no_such'"):
        load_recipe("cnn3", {"options": {"no-such": 1}})
