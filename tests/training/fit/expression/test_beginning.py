"""What a run begins with, and what is refused before it begins."""

import pytest
import torch
from safetensors.torch import save_file

from mien.core.errors import RecipeError
from mien.training.fit.expression.beginning import begin_network
from mien.training.fit.notes import TrainedOn
from mien.training.fit.recipes import make_recipe
from mien.training.fit.restore import build_for
from mien.training.fit.run import Run

DATA = TrainedOn(name="none", license="none", sha256="0" * 64, labels=("a", "b", "c"), channels=1, size_px=48)
IMAGES = torch.arange(70 * 48 * 48).reshape(70, 48, 48).to(torch.uint8)


def make(**transfer):
    return make_recipe({"network": "vgg-bn", "options": {"width": 4}, "seed": 4, "transfer": transfer})


@pytest.fixture
def weights():
    torch.manual_seed(1)
    return build_for(make(), DATA).state_dict()


def test_without_init_the_weights_are_drawn_from_the_seed(tmp_path):
    network, taken = begin_network(Run(tmp_path), make(), DATA, IMAGES)
    torch.manual_seed(4)
    assert taken is None
    assert torch.equal(network[0][0].weight, build_for(make(), DATA)[0][0].weight)


def test_layers_that_were_taken_can_be_frozen_and_drawn_ones_can_not(tmp_path, weights):
    parts = {name: value for name, value in weights.items() if not name.startswith("1.")}  # without the second layer
    save_file(parts, tmp_path / "weights.safetensors")
    source = str(tmp_path / "weights.safetensors")
    run = Run(tmp_path / "run")
    _, taken = begin_network(run, make(init=source, freeze_layers=1), DATA, IMAGES)
    assert taken.fresh
    with pytest.raises(RecipeError, match=r"freeze_layers is 3, but layer 2 .* has no 1\.0\.weight.* Freeze 1 at most"):
        begin_network(run, make(init=source, freeze_layers=3), DATA, IMAGES)
    save_file(weights, tmp_path / "weights.safetensors")
    begin_network(run, make(init=source, freeze_layers=3), DATA, IMAGES)


def test_where_the_first_layer_was_drawn_none_can_be_frozen(tmp_path, weights):
    source = tmp_path / "weights.safetensors"
    save_file({name: value for name, value in weights.items() if not name.startswith("0.")}, source)
    with pytest.raises(RecipeError, match=r"layer 1 .*Freeze none"):
        begin_network(Run(tmp_path / "run"), make(init=str(source), freeze_layers=2), DATA, IMAGES)


def test_the_head_can_not_be_frozen_even_if_it_was_taken(tmp_path, weights):
    save_file(weights, tmp_path / "weights.safetensors")
    with pytest.raises(RecipeError, match="8 at most"):
        begin_network(
            Run(tmp_path / "run"),
            make(init=str(tmp_path / "weights.safetensors"), freeze_layers=9),
            DATA,
            IMAGES,
        )
