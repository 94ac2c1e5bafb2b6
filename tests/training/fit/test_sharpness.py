import pytest
import torch
from pydantic import ValidationError
from torch import nn, optim

from mien.training.fit.optimizers import build_optimizer
from mien.training.fit.sections import Optimizer
from mien.training.fit.sharpness import SharpnessAwareSGD


def take_steps(optimizer, network, pictures, count):
    """Return the weights that each step's gradients were taken at."""
    seen = []

    def closure():
        seen.append([weight.detach().clone() for weight in network.parameters()])
        optimizer.zero_grad()
        loss = network(pictures).square().mean()
        loss.backward()
        return loss

    losses = [optimizer.step(closure) for _ in range(count)]
    return seen, losses


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


@pytest.fixture
def pictures():
    return torch.randn(16, 4, generator=torch.Generator().manual_seed(1))


def test_gradients_are_taken_uphill_by_the_length_of_rho(network, pictures):
    optimizer = build_optimizer(Optimizer(lr=0.1, rho=0.25), network)
    assert type(optimizer) is SharpnessAwareSGD
    first, _ = take_steps(optimizer, network, pictures, 1)
    before = [weight.detach().clone() for weight in network.parameters()]
    momenta = [optimizer.state[weight]["momentum_buffer"].clone() for weight in network.parameters()]
    (second,), (loss,) = take_steps(optimizer, network, pictures, 1)
    moves = [there - here for there, here in zip(second, before, strict=True)]
    length = torch.sqrt(sum(move.square().sum() for move in moves))
    assert length == pytest.approx(0.25, rel=1e-4)
    size = torch.sqrt(sum(momentum.square().sum() for momentum in momenta))
    for move, momentum in zip(moves, momenta, strict=True):
        torch.testing.assert_close(move, 0.25 * momentum / size, atol=1e-6, rtol=1e-4)
    assert loss.requires_grad
    assert first, "the first step has no momentum and stays"


def test_a_step_is_sgds_with_the_gradients_from_uphill(network, pictures):
    twin = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    twin.load_state_dict(network.state_dict())
    ours = build_optimizer(Optimizer(lr=0.1, rho=0.5, weight_decay=0.01), network)
    plain = build_optimizer(Optimizer(lr=0.1, weight_decay=0.01), twin)
    for _ in range(5):
        take_steps(ours, network, pictures, 1)
        for weight, other in zip(network.parameters(), twin.parameters(), strict=True):
            other.grad = weight.grad.clone()
        plain.step()
    for weight, other in zip(network.parameters(), twin.parameters(), strict=True):
        assert torch.equal(weight, other)


def test_the_first_step_stays_as_there_is_no_momentum_yet(network, pictures):
    before = [weight.detach().clone() for weight in network.parameters()]
    (seen,), _ = take_steps(build_optimizer(Optimizer(rho=1.0), network), network, pictures, 1)
    assert all(torch.equal(one, other) for one, other in zip(seen, before, strict=True))


def test_frozen_layers_stay_where_they_are(network, pictures):
    optimizer = build_optimizer(Optimizer(lr=0.1, rho=0.5), network)
    take_steps(optimizer, network, pictures, 2)
    network[0].weight.requires_grad_(False)
    before = network[0].weight.clone()
    (seen,), _ = take_steps(optimizer, network, pictures, 1)
    assert torch.equal(seen[0], before)
    assert torch.equal(network[0].weight, before)
    assert not torch.equal(seen[2], network[2].weight)


def test_without_a_closure_there_is_nothing_to_ask(network):
    with pytest.raises(ValueError, match="needs a closure"):
        build_optimizer(Optimizer(rho=0.1), network).step()


def test_zero_is_plain_sgd_and_other_optimizers_have_no_rho(network):
    assert type(build_optimizer(Optimizer(rho=0.0), network)) is optim.SGD
    for fields in ({"name": "adam"}, {"momentum": 0.0}):
        with pytest.raises(ValidationError, match=r"rho is 0\.1, which goes with sgd and its momentum alone"):
            Optimizer(rho=0.1, **fields)
