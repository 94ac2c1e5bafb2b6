"""What fits is taken; a model file's folded batch norms come back without changing an answer."""

import pytest
import torch
from torch import nn

from mien.core.errors import ModelError
from mien.inference.runtime.envelope import write_card
from mien.training.export.graph import CalibratedNetwork, build_graph
from mien.training.fit.transfer.pretrained import Pretrained, read_pretrained
from mien.training.fit.transfer.taking import take_weights
from mien.training.models.registry import NETWORKS, build_network

SEVEN = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def build(name, classes=7, seed=1, channels=1, **options):
    torch.manual_seed(seed)
    return build_network(name, classes=classes, channels=channels, options=options)


def blobs(count, seed=0):
    """Return pictures that are no noise, so that what reaches a deep layer still differs between them."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count, 1, 6, 6, generator=random)
    return nn.functional.interpolate(coarse, size=48, mode="bilinear") + 0.1 * torch.randn(
        count, 1, 48, 48, generator=random
    )


def as_trained(network):
    """Give biases and batch norms values that are not those of a fresh network."""
    random = torch.Generator().manual_seed(5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5, generator=random)
        if getattr(module, "bias", None) is not None:
            module.bias.data.normal_(0, 0.2, generator=random)
    network.train()
    with torch.no_grad():
        for number in range(20):
            network(blobs(32, seed=number))
    return network.eval()


def pretrained(network, labels=SEVEN):
    return Pretrained("memory", "0" * 64, dict(network.state_dict()), labels)


def assert_lists_are_true(network, taken):
    """Every value of the network stands in one list; what is unused is none of them; counters stand in none."""
    lists = [*taken.taken, *taken.adapted, *taken.fresh]
    assert sorted(lists) == sorted(name for name in network.state_dict() if not name.endswith("num_batches_tracked"))
    assert not set(lists) & set(taken.unused)


@pytest.mark.parametrize("name", sorted(NETWORKS["expression"]))
def test_every_network_comes_back_from_its_model_file(name, export_network):
    trained = export_network(name).network.network
    fresh = build(name, seed=2)
    taken = take_weights(fresh, name, read_pretrained(str(export_network(name).path)), SEVEN, blobs(64, seed=99))
    assert_lists_are_true(fresh, taken)
    assert taken.fresh == ()
    assert taken.unused == ()
    pictures = blobs(16, seed=100)
    with torch.inference_mode():
        expected, before = trained(pictures), build(name, seed=2).eval()(pictures)
        answered = fresh.eval()(pictures)
    assert (answered - expected).abs().max() < 1e-3 * expected.abs().max()
    assert (before - expected).abs().max() > 1e-2 * expected.abs().max()  # fresh weights answer otherwise


def test_unfolded_batch_norms_hold_the_statistics_of_what_reaches_them(tmp_path, build_card):
    trained = as_trained(build("vgg-bn", width=8, dropout=0.0))
    graph = build_graph(CalibratedNetwork(trained, 1.0), channels=1, size_px=48)
    (tmp_path / "model.onnx").write_bytes(write_card(graph, build_card(graph)))
    fresh, planes = build("vgg-bn", seed=2, width=8, dropout=0.0), blobs(64, seed=99)
    assert take_weights(fresh, "vgg-bn", read_pretrained(str(tmp_path / "model.onnx")), SEVEN, planes).unfolded == 8
    with torch.no_grad():
        calm, learning = fresh.eval()(planes), fresh.train()(planes)  # learning normalizes by this batch itself
    assert torch.allclose(calm, learning, atol=1e-3)


def test_gray_weights_read_a_gray_picture_alike_in_rgb(tmp_path, build_card):
    trained, pictures = as_trained(build("vgg-bn", width=8)), blobs(16, seed=100)
    graph = build_graph(CalibratedNetwork(trained, 1.0), channels=1, size_px=48)
    (tmp_path / "model.onnx").write_bytes(write_card(graph, build_card(graph)))
    colored, planes = build("vgg-bn", seed=2, channels=3, width=8), blobs(64).repeat(1, 3, 1, 1)
    taken = take_weights(colored, "vgg-bn", read_pretrained(str(tmp_path / "model.onnx")), SEVEN, planes)
    assert taken.has_other_colors
    assert "0.0.weight" in taken.adapted
    assert taken.fresh == ()
    back = build("vgg-bn", seed=3, width=8)
    assert take_weights(back, "vgg-bn", pretrained(colored), SEVEN, blobs(8)).has_other_colors
    with torch.inference_mode():
        expected = trained(pictures)
        tolerance = 1e-3 * expected.abs().max()
        assert (colored.eval()(pictures.repeat(1, 3, 1, 1)) - expected).abs().max() < tolerance
        assert (back.eval()(pictures) - expected).abs().max() < tolerance
        red = torch.cat([pictures, torch.zeros_like(pictures), torch.zeros_like(pictures)], dim=1)
        assert (colored(red) - expected).abs().max() > tolerance


def test_weights_with_other_labels_get_a_new_head():
    trained = as_trained(build("vgg-bn", width=8))
    for labels in (("smile", "no smile"), tuple(reversed(SEVEN))):
        network = build("vgg-bn", classes=len(labels), seed=2, width=8)
        head = network[-1].weight.clone()
        taken = take_weights(network, "vgg-bn", pretrained(trained), labels, blobs(8))
        assert taken.has_new_head
        assert taken.fresh == ("14.weight", "14.bias")
        assert taken.unused == ()  # the file's head has a place here, which began anew
        assert_lists_are_true(network, taken)
        assert torch.equal(network[-1].weight, head)
        assert torch.equal(network[0][0].weight, trained[0][0].weight)
        assert "a new last layer" in taken.summary()


def test_weights_without_labels_keep_a_head_that_fits():
    trained = as_trained(build("vgg-bn", width=8))
    network = build("vgg-bn", seed=2, width=8)
    taken = take_weights(
        network, "vgg-bn", pretrained(trained, labels=None), ("a", "b", "c", "d", "e", "f", "g"), blobs(8)
    )
    assert not taken.has_new_head
    assert taken.fresh == ()
    assert torch.equal(network[-1].weight, trained[-1].weight)


def test_what_does_not_fit_is_named():
    narrow, wide = build("vgg-bn", width=8), build("vgg-bn", seed=2, width=16)
    weights = {**narrow.state_dict(), "0.0.weight": wide.state_dict()["0.0.weight"] + 1, "other": torch.zeros(1)}
    taken = take_weights(wide, "vgg-bn", Pretrained("memory", "0" * 64, weights, None), SEVEN, blobs(8))
    assert "0.0.weight" in taken.taken
    assert "1.0.weight" in taken.fresh
    assert taken.unused == ("other",)
    assert_lists_are_true(wide, taken)
    assert "not used: other" in taken.summary()


def test_statistics_that_were_worked_out_do_not_count_as_taken(tmp_path, build_card):
    trained = as_trained(build("vgg-bn", width=8))
    graph = build_graph(CalibratedNetwork(trained, 1.0), channels=1, size_px=48)
    (tmp_path / "model.onnx").write_bytes(write_card(graph, build_card(graph)))
    found = read_pretrained(str(tmp_path / "model.onnx"))
    network = build("vgg-bn", seed=2, width=8)
    taken = take_weights(network, "vgg-bn", found, SEVEN, blobs(64))
    values = network.state_dict()
    assert all(torch.equal(values[name], found.weights[name]) for name in taken.taken)
    assert {name.rpartition(".")[2] for name in taken.adapted} == {"weight", "bias", "running_mean", "running_var"}
    assert len(taken.adapted) == 4 * 8
    assert "32 of them worked out anew" in taken.summary()
    copied = take_weights(build("vgg-bn", seed=3, width=8), "vgg-bn", pretrained(trained), SEVEN, blobs(8))
    assert copied.adapted == ()  # nothing was folded there
    assert "worked out" not in copied.summary()


def test_weights_of_another_network_are_refused_with_both_names():
    for name, other in (("resnet-se", "cnn3"), ("cnn3", "resnet-se")):
        with pytest.raises(ModelError, match=rf"memory are of the network {other}, .* fits {name}.* --network {other}"):
            take_weights(build(name), name, pretrained(build(other)), SEVEN, blobs(8))
    narrow = pretrained(build("vgg-bn", width=8))
    with pytest.raises(ModelError, match=r"vgg-bn with other options .* is \(8, 1, 3, 3\) there and \(16, 1, 3, 3\)"):
        take_weights(build("vgg-bn", width=16), "vgg-bn", narrow, SEVEN, blobs(8))
    foreign = Pretrained("memory", "0" * 64, {"conv1.weight": torch.zeros(64, 3, 7, 7)}, None)
    with pytest.raises(ModelError, match=r"fits the network cnn3, .* none that mien knows: .*there are conv1\.weight"):
        take_weights(build("cnn3"), "cnn3", foreign, SEVEN, blobs(8))


@pytest.mark.parametrize("key", ["0.0.weight", "0.1.running_var", "14.bias"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_weights_that_are_no_numbers_are_refused_by_name(key, value):
    weights = dict(build("vgg-bn", width=8).state_dict())
    weights[key] = weights[key].double().clone()
    weights[key].view(-1)[0] = value
    network = build("vgg-bn", seed=2, width=8)
    before = {name: part.clone() for name, part in network.state_dict().items()}
    with pytest.raises(ModelError, match=rf"memory: {key} holds 1 values of {weights[key].numel()} .* not finite"):
        take_weights(network, "vgg-bn", Pretrained("memory", "0" * 64, weights, None), SEVEN, blobs(8))
    assert all(torch.equal(part, before[name]) for name, part in network.state_dict().items())


def test_a_folded_bias_that_is_no_number_is_refused_by_its_name_in_the_file():
    weights = {name: value for name, value in build("vgg-bn", width=8).state_dict().items() if ".1." not in name}
    weights["0.0.bias"] = torch.full((8,), float("nan"))
    with pytest.raises(ModelError, match=r"memory: 0\.0\.bias holds 8 values of 8"):
        take_weights(build("vgg-bn", width=8), "vgg-bn", Pretrained("memory", "0" * 64, weights, None), SEVEN, blobs(8))


def test_weights_that_are_no_floats_are_refused_and_half_floats_are_taken():
    weights = dict(build("vgg-bn", width=8).state_dict())
    whole = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    network = build("vgg-bn", seed=2, width=8)
    others = {"of.something.else": torch.ones(3, dtype=torch.int8)}
    taken = take_weights(network, "vgg-bn", Pretrained("memory", "0" * 64, whole | others, None), SEVEN, blobs(8))
    assert taken.fresh == ()
    assert torch.equal(network[0][0].weight, weights["0.0.weight"].half().float())
    weights["0.0.weight"] = weights["0.0.weight"].mul(100).to(torch.int8)
    with pytest.raises(ModelError, match=r"memory: 0\.0\.weight is of int8, and weights have to be floats"):
        take_weights(network, "vgg-bn", Pretrained("memory", "0" * 64, weights, None), SEVEN, blobs(8))
