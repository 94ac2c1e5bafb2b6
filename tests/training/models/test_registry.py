"""Every registered network keeps what its entry and the registry's header promise."""

import inspect
import subprocess
import sys
from importlib import import_module
from itertools import pairwise

import pytest
import torch
from torch import nn

from mien.core.errors import RecipeError
from mien.training.models.registry import NETWORKS, build_face_network, build_network, find_network
from mien.training.models.size import count_multiply_adds, count_parameters


def find_builder(name):
    module, _, function = NETWORKS["expression"][name].builder.partition(":")
    return getattr(import_module(module), function)


names = pytest.mark.parametrize("name", sorted(NETWORKS["expression"]))
with_width = sorted(name for name, entry in NETWORKS["expression"].items() if "width" in entry.options)
of_any_size = [
    name for name in sorted(NETWORKS["expression"]) if "size_px" not in inspect.signature(find_builder(name)).parameters
]


def split_at_head(network):
    """Return the children before the head, the head, and those behind it."""
    children = list(network)
    place = max(number for number, child in enumerate(children) if any(True for _ in child.parameters()))
    return children[:place], children[place], children[place + 1 :]


@names
def test_the_entry_states_the_networks_size(name):
    network = build_network(name, classes=7, channels=1)
    assert count_parameters(network) == NETWORKS["expression"][name].parameters
    assert count_multiply_adds(network, (1, 48, 48)) == NETWORKS["expression"][name].multiply_adds


def test_the_detectors_entry_states_its_size():
    network, entry = build_face_network("face-pyramid"), NETWORKS["faces"]["face-pyramid"]
    assert count_parameters(network) == entry.parameters
    assert count_multiply_adds(network, (3, 480, 640)) == entry.multiply_adds


@names
def test_the_builder_has_no_defaults_that_hide_the_entrys(name):
    parameters = inspect.signature(find_builder(name)).parameters
    assert set(NETWORKS["expression"][name].options) == set(parameters) - {"classes", "channels", "size_px"}
    assert all(parameter.default is parameter.empty for parameter in parameters.values())


@names
@pytest.mark.parametrize(("classes", "channels"), [(7, 1), (3, 3)])
def test_any_number_of_classes_and_channels_goes_forward_and_backward(name, classes, channels):
    network = build_network(name, classes=classes, channels=channels)
    logits = network(torch.rand(4, channels, 48, 48))
    assert logits.shape == (4, classes)
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0])).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    assert all(p.grad.any() for p in network.parameters() if p.dim() > 1)


@names
@pytest.mark.parametrize("size_px", [32, 64])
def test_pictures_of_other_sizes_are_read(name, size_px):
    network = build_network(name, classes=7, channels=1, size_px=size_px).eval()
    with torch.inference_mode():
        assert network(torch.rand(2, 1, size_px, size_px)).shape == (2, 7)


@pytest.mark.parametrize("name", of_any_size)
def test_a_network_that_is_not_built_for_one_size_reads_any(name):
    network = build_network(name, classes=7, channels=1).eval()
    with torch.inference_mode():
        for size_px in (8, 51, 64):
            assert network(torch.rand(2, 1, size_px, size_px)).shape == (2, 7)


@names
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_the_entry_states_the_smallest_pictures(name):
    smallest = NETWORKS["expression"][name].min_size_px
    for size_px in (smallest, smallest + 1):
        network = build_network(name, classes=7, channels=1, size_px=size_px)
        logits = network(torch.rand(4, 1, size_px, size_px))
        assert logits.shape == (4, 7)
        torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0])).backward()
    if smallest == 1:
        return
    size_px, parameters = smallest - 1, inspect.signature(find_builder(name)).parameters
    given = {"classes": 7, "channels": 1, "size_px": size_px, **NETWORKS["expression"][name].options}
    with pytest.raises(RuntimeError):  # the network itself can't read smaller ones
        find_builder(name)(**{key: given[key] for key in parameters})(torch.rand(4, 1, size_px, size_px))


def test_pictures_that_are_too_small_are_refused_with_their_size_and_the_remedy():
    with pytest.raises(RecipeError) as refusal:
        build_network("cnn4-bn", classes=7, channels=1, size_px=12)
    for words in ("cnn4-bn", "16x16 pixels or more", "these have 12x12", "--size-px 16", "resnet-se"):
        assert words in str(refusal.value)
    assert "cnn-sequential" not in str(refusal.value)  # which could not read them either


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


@names
def test_the_first_answers_favor_no_class_much(name):
    """Weights drawn too large or too small would make the first steps of training be lost."""
    torch.manual_seed(0)
    with torch.no_grad():
        logits = build_network(name, classes=7, channels=1)(torch.randn(32, 1, 48, 48))
    assert 0.001 < logits.std() < 2


@names
def test_the_children_run_from_the_input_to_the_output(name):
    network = build_network(name, classes=7, channels=1)
    assert type(network) is nn.Sequential
    assert sum(len(list(child.parameters())) for child in network) == len(list(network.parameters()))
    assert not list(network.parameters(recurse=False))
    assert not list(network.buffers(recurse=False))


@names
def test_the_last_child_with_parameters_is_the_head(name):
    for classes in (3, 7):
        before, head, behind = split_at_head(build_network(name, classes=classes, channels=1).eval())
        with torch.inference_mode():
            features = nn.Sequential(*before)(torch.rand(2, 1, 48, 48))
            answers = head(features)
            assert answers.shape[1] == classes
            logits = nn.Sequential(*behind)(answers)
        if isinstance(head, nn.Linear):
            assert not behind
        else:
            assert isinstance(head, nn.Conv2d)
            assert torch.allclose(logits, answers.mean(dim=(2, 3)), atol=1e-6)


@names
def test_only_the_heads_shape_depends_on_the_number_of_classes(name):
    few, many = (build_network(name, classes=classes, channels=1).state_dict() for classes in (3, 7))
    assert list(few) == list(many)
    differing = {key.split(".")[0] for key in few if few[key].shape != many[key].shape}
    assert differing == {list(few)[-1].split(".")[0]}


@names
def test_a_batch_norm_stands_right_behind_the_layer_whose_values_it_takes(name):
    network = build_network(name, classes=7, channels=1).eval()
    given, taken = {}, {}
    leaves = [module for module in network.modules() if not list(module.children())]
    for leaf in leaves:
        leaf.register_forward_hook(lambda leaf, inputs, output: given.update({leaf: output}))
        leaf.register_forward_pre_hook(lambda leaf, inputs: taken.update({leaf: inputs[0]}))
    with torch.inference_mode():
        network(torch.rand(1, 1, 48, 48))
    for before, leaf in pairwise(leaves):
        if isinstance(leaf, nn.BatchNorm1d | nn.BatchNorm2d):
            assert isinstance(before, nn.Conv2d | nn.Linear)
            assert taken[leaf] is given[before]


@pytest.mark.parametrize("name", with_width)
def test_size_goes_by_width_and_no_large_dense_head(name):
    sizes = [count_parameters(build_network(name, classes=7, channels=1, options={"width": w})) for w in (8, 16)]
    assert 3 < sizes[1] / sizes[0] < 4.5
    network = build_network(name, classes=7, channels=1, options={"width": 16})
    dense = sum(p.numel() for m in network.modules() if isinstance(m, torch.nn.Linear) for p in m.parameters())
    assert dense < 0.01 * sizes[1]


def test_an_unknown_network_or_option_is_named():
    with pytest.raises(RecipeError, match="'lenet' is unknown"):
        find_network("lenet")
    with pytest.raises(RecipeError, match="no option 'depth'"):
        build_network("cnn3", classes=7, channels=1, options={"depth": 3})


def test_the_listing_needs_no_torch():
    code = "import sys, mien.training.models.registry as r; assert r.NETWORKS; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
