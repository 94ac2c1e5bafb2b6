"""Every registered network keeps what its entry promises."""

import subprocess
import sys

import pytest
import torch

from mien.core.errors import RecipeError
from mien.training.models.registry import NETWORKS, build_network, find_network
from mien.training.models.size import count_multiply_adds, count_parameters

names = pytest.mark.parametrize("name", sorted(NETWORKS))


@names
def test_the_entry_states_the_networks_size(name):
    network = build_network(name, classes=7, channels=1)
    assert count_parameters(network) == NETWORKS[name].parameters
    assert count_multiply_adds(network, channels=1, size_px=48) == NETWORKS[name].multiply_adds


@names
@pytest.mark.parametrize(("classes", "channels"), [(7, 1), (3, 3)])
def test_any_number_of_classes_and_channels_goes_forward_and_backward(name, classes, channels):
    network = build_network(name, classes=classes, channels=channels)
    logits = network(torch.rand(4, channels, 48, 48))
    assert logits.shape == (4, classes)
    logits.sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


@names
def test_a_picture_is_read_the_same_alone_and_in_company(name):
    network = build_network(name, classes=7, channels=1).eval()
    pictures = torch.rand(3, 1, 48, 48)
    with torch.inference_mode():
        together = network(pictures)
        assert torch.allclose(together[1:2], network(pictures[1:2]), atol=1e-4)


@names
def test_the_same_seed_gives_the_same_weights(name):
    built = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        built.append(torch.cat([p.flatten() for p in build_network(name, classes=7, channels=1).parameters()]))
    assert torch.equal(built[0], built[1])
    assert not torch.equal(built[0], built[2])


@pytest.mark.parametrize("name", ["resnet-se", "vgg-bn"])
def test_size_goes_by_width_and_no_large_dense_head(name):
    sizes = [count_parameters(build_network(name, classes=7, channels=1, options={"width": w})) for w in (8, 16)]
    assert 3 < sizes[1] / sizes[0] < 4.5
    network = build_network(name, classes=7, channels=1, options={"width": 16})
    dense = sum(p.numel() for m in network.modules() if isinstance(m, torch.nn.Linear) for p in m.parameters())
    assert dense < 0.01 * sizes[1]


def test_cnn3_is_the_textbook_network():
    layers = [type(layer).__name__ for layer in build_network("cnn3", classes=7, channels=1)]
    assert layers == [
        *["Conv2d", "ReLU", "MaxPool2d", "Dropout"] * 3,
        "Flatten",
        *["Linear", "ReLU", "Dropout"] * 2,
        "Linear",
    ]


def test_cnn4_bn_is_the_textbook_network():
    layers = [type(layer).__name__ for layer in build_network("cnn4-bn", classes=7, channels=1)]
    assert layers == [
        *["Conv2d", "BatchNorm2d", "ReLU", "Dropout", "MaxPool2d"] * 4,
        "Flatten",
        *["Linear", "BatchNorm1d", "ReLU", "Dropout"] * 2,
        "Linear",
    ]


def test_an_unknown_network_or_option_is_named():
    with pytest.raises(RecipeError, match="'lenet' is unknown"):
        find_network("lenet")
    with pytest.raises(RecipeError, match="no option 'depth'"):
        build_network("cnn3", classes=7, channels=1, options={"depth": 3})


def test_the_listing_needs_no_torch():
    code = "import sys, mien.training.models.registry as r; assert r.NETWORKS; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
