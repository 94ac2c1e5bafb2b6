import pytest
import torch
from torch import nn, optim

from mien.training.fit.expression.temperature import fit_temperature
from mien.training.fit.layers import set_learning
from mien.training.fit.optimizers import build_optimizer, build_plateau, build_step_schedule
from mien.training.fit.sections import Optimizer, Schedule


@pytest.fixture
def network():
    return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sgd", optim.SGD),
        ("adam", optim.Adam),
        ("adamw", optim.AdamW),
        ("rmsprop", optim.RMSprop),
        ("adamax", optim.Adamax),
    ],
)
def test_each_name_builds_its_optimizer_and_spares_biases_from_decay(network, name, kind):
    optimizer = build_optimizer(Optimizer(name=name, lr=0.2, weight_decay=0.1), network)
    assert type(optimizer) is kind
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    for parameter in network.parameters():
        assert decay[id(parameter)] == (0.1 if parameter.dim() > 1 else 0.0)
    assert all(group["lr"] == 0.2 for group in optimizer.param_groups)


def test_sgd_is_nesterov(network):
    assert build_optimizer(Optimizer(name="sgd"), network).param_groups[0]["nesterov"]


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop", "adamax"])
def test_layers_that_begin_to_learn_later_take_their_first_step_like_the_others(network, name):
    optimizer = build_optimizer(Optimizer(name=name, lr=0.01), network)
    before = network[0].weight.clone()
    for frozen in (1, 1, 0):
        set_learning(network, frozen)
        optimizer.zero_grad()
        network(torch.randn(8, 4)).square().sum().backward()
        assert torch.equal(network[0].weight, before)
        optimizer.step()
    assert not torch.equal(network[0].weight, before)


def rates(settings, network, epochs=10, steps=4):
    optimizer = build_optimizer(Optimizer(lr=1.0), network)
    schedule = build_step_schedule(settings, optimizer, epochs, steps)
    seen = []
    for _ in range(epochs * steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if schedule:
            schedule.step()
    return seen


def test_constant_stays(network):
    assert set(rates(Schedule(name="constant"), network)) == {1.0}


def test_one_cycle_rises_then_falls_to_almost_nothing(network):
    seen = rates(Schedule(name="one-cycle", warmup=0.25), network)
    assert seen.index(max(seen)) == pytest.approx(10, abs=1)
    assert max(seen) == pytest.approx(1.0)
    assert seen[0] < 0.1
    assert seen[-1] < 1e-3


def test_cosine_falls_all_the_way(network):
    seen = rates(Schedule(name="cosine"), network)
    assert seen == sorted(seen, reverse=True)
    assert seen[20] == pytest.approx(0.5)


def test_step_falls_in_steps_of_whole_epochs(network):
    seen = rates(Schedule(name="step", every_epochs=4, factor=0.1), network)
    assert seen[15] == 1.0
    assert seen[16] == pytest.approx(0.1)
    assert seen[32] == pytest.approx(0.01)


def test_plateau_falls_when_the_loss_does_not(network):
    optimizer = build_optimizer(Optimizer(lr=1.0), network)
    plateau = build_plateau(Schedule(name="plateau", patience_epochs=1, factor=0.5), optimizer)
    for loss in (1.0, 0.5, 0.6, 0.7):
        plateau.step(loss)
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert build_plateau(Schedule(name="cosine"), optimizer) is None


def test_without_layer_decay_there_are_the_same_two_groups_as_ever(network):
    """Checkpoints of older runs hold two groups, and in this order."""
    matrices, vectors = build_optimizer(Optimizer(), network).param_groups
    assert [id(p) for p in matrices["params"]] == [id(p) for p in network.parameters() if p.dim() > 1]
    assert [id(p) for p in vectors["params"]] == [id(p) for p in network.parameters() if p.dim() <= 1]


def test_with_layer_decay_each_layer_learns_at_a_share_of_the_one_behind_it(network):
    settings = Optimizer(lr=0.2, weight_decay=0.1, layer_decay=0.5)
    groups = build_optimizer(settings, network).param_groups
    found = {id(p): (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    assert len(found) == len(list(network.parameters()))
    for layer, lr in zip(network, (0.05, 0.1, 0.2), strict=True):
        for parameter in layer.parameters():
            assert found[id(parameter)] == (lr, 0.1 if parameter.dim() > 1 else 0.0)
    assert all(group["params"] for group in groups)


def test_the_groups_are_the_same_when_layers_are_frozen(network):
    def groups():
        return [[id(p) for p in group["params"]] for group in build_optimizer(Optimizer(), network).param_groups]

    before = groups()
    set_learning(network, frozen=2)
    assert groups() == before


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop", "adamax"])
def test_a_frozen_parameter_does_not_move_at_all(network, name):
    optimizer = build_optimizer(Optimizer(name=name, weight_decay=0.5), network)
    set_learning(network, frozen=2)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    for _ in range(3):
        optimizer.zero_grad()
        network(torch.randn(8, 4)).square().sum().backward()
        optimizer.step()
    is_same = [torch.equal(now, then) for now, then in zip(network.parameters(), before, strict=True)]
    assert is_same == [True] * 4 + [False] * 2


@pytest.mark.parametrize("name", ["one-cycle", "cosine", "step"])
def test_every_schedule_keeps_the_proportion_of_the_layers_rates(network, name):
    optimizer = build_optimizer(Optimizer(lr=1.0, layer_decay=0.5), network)
    schedule = build_step_schedule(Schedule(name=name, every_epochs=2), optimizer, 10, 4)
    head = []
    for _ in range(40):
        rates = sorted({group["lr"] for group in optimizer.param_groups}, reverse=True)
        assert rates == pytest.approx([rates[0], rates[0] / 2, rates[0] / 4])
        head.append(rates[0])
        optimizer.step()
        schedule.step()
    assert max(head) == pytest.approx(1.0)
    assert min(head) < 0.1


def test_plateau_keeps_the_proportion_too(network):
    optimizer = build_optimizer(Optimizer(lr=1.0, layer_decay=0.5), network)
    plateau = build_plateau(Schedule(name="plateau", patience_epochs=0, factor=0.1), optimizer)
    for loss in (1.0, 2.0):
        plateau.step(loss)
    assert sorted({group["lr"] for group in optimizer.param_groups}) == pytest.approx([0.025, 0.05, 0.1])


@pytest.mark.parametrize("name", ["one-cycle", "cosine", "step", "constant"])
def test_a_run_that_is_averaged_from_its_beginning_has_no_schedule(network, name):
    assert build_step_schedule(Schedule(name=name), build_optimizer(Optimizer(), network), 0, 4) is None


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_spoiled_the_logits_is_found(true_temperature):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20_000, 5, generator=generator) * 2
    labels = torch.multinomial(torch.softmax(logits, 1), 1, generator=generator).squeeze(1)
    assert fit_temperature(logits * true_temperature, labels) == pytest.approx(true_temperature, rel=0.05)
