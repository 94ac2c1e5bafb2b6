import pytest
import torch
from torch import nn

from mien.core.errors import RecipeError
from mien.training.fit.layers import check_freezing, find_layers, set_learning
from mien.training.models.blocks import Dropout
from mien.training.models.registry import build_network


@pytest.fixture
def network():
    """Four layers; between the second and the third lies dropout."""
    return nn.Sequential(
        nn.Linear(4, 6),
        nn.BatchNorm1d(6),
        nn.ReLU(),
        Dropout(0.5),
        nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), Dropout(0.5)),
        nn.Linear(6, 2),
    )


def test_layers_are_the_children_with_parameters_in_order(network):
    assert find_layers(network) == [network[0], network[1], network[4], network[5]]
    head = find_layers(build_network("resnet-se", classes=7, channels=1))[-1]
    assert isinstance(head, nn.Linear)
    assert head.out_features == 7


def test_frozen_layers_neither_learn_nor_drop_nor_count(network):
    set_learning(network, frozen=3)
    assert [p.requires_grad for p in network.parameters()] == [False] * 8 + [True] * 2
    assert [child.training for child in network] == [False] * 5 + [True]
    assert not any(part.training for part in network[4].modules())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network(torch.randn(16, 4)).sum().backward()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert network[0].weight.grad is None
    assert network[5].weight.grad is not None


def test_what_stands_behind_the_last_frozen_layer_works_as_in_training(network):
    set_learning(network, frozen=2)
    assert [child.training for child in network] == [False, False, True, True, True, True]


def test_freezing_ends(network):
    set_learning(network, frozen=3)
    set_learning(network)
    assert all(part.training for part in network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_no_more_is_frozen_than_stands_before_the_head(network):
    check_freezing(network, 3)
    for count in (4, 9):
        with pytest.raises(RecipeError, match=rf"freeze_layers is {count}, and the network has 4 .* 3 at most"):
            check_freezing(network, count)


@pytest.mark.parametrize(("name", "count"), [("cnn3", 6), ("cnn4-bn", 13), ("vgg-bn", 9), ("resnet-se", 9)])
def test_the_networks_have_as_many_layers_as_the_guide_says(name, count):
    assert len(find_layers(build_network(name, classes=7, channels=1))) == count
