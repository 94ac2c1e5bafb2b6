import pytest
import torch
from torch import nn

from mien.training.fit.averaging import build_equal_average, build_moving_average


@pytest.fixture
def network():
    return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def test_the_moving_average_follows_weights_and_statistics(network):
    average = build_moving_average(network, decay=0.5)
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
    average = build_moving_average(network, decay=0.99)
    for _ in range(1000):  # past the warm-up
        average.update_parameters(network)
    with torch.no_grad():
        network[0].weight += 1.0
    average.update_parameters(network)
    gap = (network[0].weight - average.module[0].weight).mean().item()
    assert gap == pytest.approx(0.99, abs=1e-3)


def test_in_the_equal_average_all_updates_count_alike(network):
    average = build_equal_average(network)
    weights, means = [], []
    for _ in range(5):
        with torch.no_grad():
            network[0].weight += torch.randn(4, 4)
        network(torch.randn(8, 4))
        average.update_parameters(network)
        weights.append(network[0].weight.detach().clone())
        means.append(network[1].running_mean.clone())
    assert torch.allclose(average.module[0].weight, torch.stack(weights).mean(0), atol=1e-5)
    assert torch.allclose(average.module[1].running_mean, torch.stack(means).mean(0), atol=1e-5)
    assert average.module[1].num_batches_tracked == 5
    assert average.n_averaged == 5


@pytest.mark.parametrize("build", [build_equal_average, lambda network: build_moving_average(network, 0.999)])
def test_the_average_of_what_never_moves_is_that_to_the_bit(network, build):
    average = build(network)
    for _ in range(50):
        average.update_parameters(network)
    one, two = network.state_dict(), average.module.state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("build", [build_equal_average, lambda network: build_moving_average(network, 0.999)])
def test_an_average_asks_for_no_gradients(network, build):
    assert not any(parameter.requires_grad for parameter in build(network).parameters())
    assert all(parameter.requires_grad for parameter in network.parameters())
