"""Weights tell which network they are of."""

import pytest
import torch

from mien.training.fit.transfer.recognition import recognize_network
from mien.training.models.registry import NETWORKS, build_network

names = pytest.mark.parametrize("name", sorted(NETWORKS["expression"]))


@names
def test_every_network_is_recognized_by_its_weights_and_by_no_others(name):
    weights = build_network(name, classes=5, channels=3).state_dict()
    assert recognize_network(weights) == name
    folded = {key: value for key, value in weights.items() if value.dim() > 1}
    assert recognize_network(folded) == name
    folded.popitem()
    assert recognize_network(folded) is None


@names
def test_the_width_does_not_matter(name):
    if "width" in NETWORKS["expression"][name].options:
        narrow = build_network(name, classes=7, channels=1, options={"width": 4})
        assert recognize_network(narrow.state_dict()) == name


def test_nothing_is_drawn_for_it():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    recognize_network({"conv.weight": torch.zeros(1, 1, 3, 3)})
    assert torch.equal(torch.rand(3), expected)
