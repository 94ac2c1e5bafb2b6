import pytest
import torch
from torch import nn, optim

from mien.training.fit.averaging import build_average
from mien.training.fit.optimizers import build_optimizer, build_plateau, build_step_schedule
from mien.training.fit.recipe import Optimizer, Schedule
from mien.training.fit.temperature import fit_temperature


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


def rates(settings, network, epochs=10, steps=4):
    optimizer = build_optimizer(Optimizer(lr=1.0), network)
    schedule = build_step_schedule(settings, optimizer, 1.0, epochs, steps)
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


def test_the_average_follows_weights_and_statistics(network):
    average = build_average(network, decay=0.5)
    average.update_parameters(network)
    start = network[0].weight.detach().clone()
    with torch.no_grad():
        network[0].weight += 1.0
    network(torch.randn(8, 4))  # moves the batch norm's statistics and its counter
    for _ in range(60):
        average.update_parameters(network)
    assert torch.allclose(average.module[0].weight, start + 1.0, atol=1e-4)
    assert torch.allclose(average.module[1].running_mean, network[1].running_mean, atol=1e-4)
    assert average.module[1].num_batches_tracked == network[1].num_batches_tracked == 1


def test_a_slow_average_lags_behind(network):
    average = build_average(network, decay=0.99)
    for _ in range(1000):  # past the warm-up
        average.update_parameters(network)
    with torch.no_grad():
        network[0].weight += 1.0
    average.update_parameters(network)
    gap = (network[0].weight - average.module[0].weight).mean().item()
    assert gap == pytest.approx(0.99, abs=1e-3)


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_spoiled_the_logits_is_found(true_temperature):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20_000, 5, generator=generator) * 2
    labels = torch.multinomial(torch.softmax(logits, 1), 1, generator=generator).squeeze(1)
    assert fit_temperature(logits * true_temperature, labels) == pytest.approx(true_temperature, rel=0.05)
