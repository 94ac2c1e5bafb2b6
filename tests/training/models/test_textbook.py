"""The classic networks are those of their tutorials and papers, layer by layer."""

import pytest
import torch
from torch import nn

from mien.training.models.blocks import Dropout
from mien.training.models.registry import build_network
from mien.training.models.size import count_parameters


def build(name, **options):
    return build_network(name, classes=7, channels=1, options=options)


def layers_of(network):
    """Return the names of the layers, with pairs of convolution and batch norm taken apart."""
    return [type(leaf).__name__ for leaf in network.modules() if not list(leaf.children())]


def filters_of(network):
    return [leaf.out_channels for leaf in network.modules() if isinstance(leaf, nn.Conv2d)]


def units_of(network):
    return [leaf.out_features for leaf in network.modules() if isinstance(leaf, nn.Linear)]


def dropouts_of(network):
    return [leaf.threshold / 256 for leaf in network.modules() if isinstance(leaf, Dropout)]


def sizes_of(network, size_px=48):
    """Return the side of what each child gives, for as long as that is square."""
    planes, sizes = torch.zeros(1, 1, size_px, size_px), []
    with torch.inference_mode():
        for child in network.eval():
            planes = child(planes)
            sizes += [planes.shape[-1]] if planes.dim() == 4 else []
    return sizes


def test_cnn3_is_the_textbook_network():
    network = build("cnn3")
    assert layers_of(network) == [
        *["Conv2d", "MaxPool2d", "ReLU", "Dropout"] * 3,
        "Flatten",
        *["Linear", "ReLU", "Dropout"] * 2,
        "Linear",
    ]
    assert (filters_of(network), units_of(network)) == ([32, 64, 128], [256, 128, 7])


def test_cnn3_has_a_batch_norm_behind_each_layer_where_asked():
    network = build("cnn3", batch_norm=1)
    assert layers_of(network) == [
        *["Conv2d", "BatchNorm2d", "MaxPool2d", "ReLU", "Dropout"] * 3,
        "Flatten",
        *["Linear", "BatchNorm1d", "ReLU", "Dropout"] * 2,
        "Linear",
    ]


def test_a_relu_behind_the_pooling_gives_what_one_before_it_gives():
    pooled, activated = nn.MaxPool2d(2), nn.ReLU()
    values = torch.randn(4, 8, 12, 12)
    assert torch.equal(activated(pooled(values)), pooled(activated(values)))
    assert not torch.equal(pooled(values), pooled(activated(values - 2)))


def test_cnn4_bn_is_the_textbook_network():
    network = build("cnn4-bn")
    assert layers_of(network) == [
        *["Conv2d", "BatchNorm2d", "ReLU", "Dropout", "MaxPool2d"] * 4,
        "Flatten",
        *["Linear", "BatchNorm1d", "ReLU", "Dropout"] * 2,
        "Linear",
    ]
    assert (filters_of(network), units_of(network)) == ([64, 128, 256, 512], [512, 256, 7])


def test_cnn_sequential_is_the_textbook_network():
    network = build("cnn-sequential")
    assert layers_of(network) == [
        *["Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "BatchNorm2d", "MaxPool2d", "ReLU", "Dropout"] * 4,
        *["Flatten", "Linear", "BatchNorm1d", "ReLU", "Dropout", "Linear"],
    ]
    assert filters_of(network) == [64, 64, 128, 128, 256, 256, 512, 512]
    assert (units_of(network), dropouts_of(network)) == ([512, 7], [0.25] * 4 + [0])


def test_cnn_augmented_is_the_textbook_network():
    network = build("cnn-augmented")
    assert layers_of(network) == [
        *["Conv2d", "ReLU", "Conv2d", "MaxPool2d", "ReLU", "Dropout"] * 3,
        *["Flatten", "Linear", "ReLU", "Dropout", "Linear"],
    ]
    assert filters_of(network) == [32, 32, 64, 64, 128, 128]
    assert (units_of(network), dropouts_of(network)) == ([256, 7], [0.25] * 3 + [0.5])


def test_mini_xception_is_the_papers_network():
    """The authors' own has 58,423 values: these, and 1,472 statistics of batch norms."""
    network = build("mini-xception")
    statistics = [values.numel() for values in network.buffers() if values.dim()]
    assert count_parameters(network) + sum(statistics) == 58_423
    assert [type(child).__name__ for child in network] == [
        *["ConvNorm", "ConvNorm", "Block", "Block", "Block", "Block"],
        *["Conv2d", "AdaptiveAvgPool2d", "Flatten"],
    ]
    assert sizes_of(network, 64) == [62, 60, 30, 15, 8, 4, 4, 1]
    assert layers_of(network[2].body) == [
        *["Conv2d", "Conv2d", "BatchNorm2d", "ReLU"],
        *["Conv2d", "Conv2d", "BatchNorm2d", "MaxPool2d"],
    ]


def test_inceptions_branches_have_the_shares_of_the_papers_module_3a():
    module = build("inception", width=32)[3]
    assert [filters_of(branch) for branch in module.branches] == [[64], [64, 64], [64, 96, 96], [32]]
    kernels = [leaf.kernel_size[0] for leaf in module.modules() if isinstance(leaf, nn.Conv2d)]
    assert kernels == [1, 1, 3, 1, 3, 3, 1]
    assert type(module.branches[3][0]) is nn.AvgPool2d
    assert module(torch.rand(2, 64, 9, 9)).shape == (2, 256, 9, 9)


@pytest.mark.parametrize(("name", "blocks"), [("resnet18", (2, 2, 2, 2)), ("resnet34", (3, 4, 6, 3))])
def test_resnets_have_the_layers_of_their_names(name, blocks):
    network = build(name)
    on_the_way = [
        leaf
        for key, leaf in network.named_modules()
        if isinstance(leaf, nn.Conv2d | nn.Linear) and "shortcut" not in key
    ]
    assert len(on_the_way) == int(name.removeprefix("resnet"))
    sides = [side for side, count in zip((48, 24, 12, 6), blocks, strict=True) for _ in range(count)]
    assert sizes_of(network) == [48, *sides, 1]


def test_resnet18_of_full_width_has_the_size_that_is_known_from_cifar():
    """kuangliu/pytorch-cifar's, for 32x32 pixels in color and 10 classes, has 11,173,962 weights."""
    network = build_network("resnet18", classes=10, channels=3, options={"width": 64})
    assert count_parameters(network) == 11_173_962


def test_mobilenets_blocks_are_inverted():
    network = build("mobilenet")
    blocks = [child for child in network if type(child).__name__ == "InvertedResidual"]
    for block in blocks[1:]:
        widen, depthwise, narrow = (leaf for leaf in block.modules() if isinstance(leaf, nn.Conv2d))
        assert widen.out_channels == 6 * widen.in_channels == depthwise.groups == narrow.in_channels
        assert (depthwise.kernel_size, narrow.kernel_size) == ((3, 3), (1, 1))
        assert layers_of(block)[-1] == "BatchNorm2d"
        assert block.has_shortcut == (widen.in_channels == narrow.out_channels)
    assert [filters_of(block)[-1] for block in blocks] == [16, 32, 32, 64, 64, 64, 160, 160, 160]
    assert sizes_of(network) == [48, 48, 24, 24, 24, 12, 12, 12, 12, 6, 6, 6, 6, 6, 1]
