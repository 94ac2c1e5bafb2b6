from math import log

import pytest
import torch
import torch.nn.functional as F

from mien.training.fit.expression.losses import focal_loss, imitation_loss, measure_heads, measure_loss
from mien.training.fit.recipes import make_recipe
from mien.training.fit.sections import Loss


@pytest.fixture
def batch():
    """Logits and soft targets of 64 pictures and 7 classes."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(64, 7, generator=generator) * 4
    return logits, torch.softmax(torch.randn(64, 7, generator=generator), 1)


WEIGHTS = torch.tensor([0.5, 1.0, 2.0, 0.1, 3.0, 0.0, 1.0])


def test_focal_loss_is_what_a_person_computes():
    logits = torch.tensor([[log(0.9), log(0.1)], [log(0.2), log(0.8)]])
    targets = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    sure, unsure = 0.1**2 * -log(0.9), 0.8**2 * -log(0.2)
    assert focal_loss(logits, targets, 2.0).item() == pytest.approx((sure + unsure) / 2, rel=1e-5)
    halves = torch.tensor([[0.5, 0.5], [0.5, 0.5]])
    first = 0.5 * 0.1**2 * -log(0.9) + 0.5 * 0.9**2 * -log(0.1)
    second = 0.5 * 0.8**2 * -log(0.2) + 0.5 * 0.2**2 * -log(0.8)
    assert focal_loss(logits, halves, 2.0).item() == pytest.approx((first + second) / 2, rel=1e-5)
    assert focal_loss(logits, targets, 2.0, torch.tensor([3.0, 1.0])).item() == pytest.approx(
        3 * (sure + unsure) / 2, rel=1e-5
    )


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_with_gamma_0_it_is_cross_entropy_and_with_another_it_is_not(batch, weights, smoothing):
    cross_entropy = F.cross_entropy(*batch, weights, label_smoothing=smoothing)
    assert focal_loss(*batch, 0.0, weights, smoothing).item() == pytest.approx(cross_entropy.item(), rel=1e-6)
    assert focal_loss(*batch, 2.0, weights, smoothing).item() < 0.99 * cross_entropy.item()


def test_what_is_read_rightly_counts_less_and_less():
    """The share of an easy picture in the whole loss falls with gamma."""
    easy, hard = torch.tensor([[4.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    target = torch.tensor([[1.0, 0.0]])
    shares = [
        float(focal_loss(easy, target, gamma) / focal_loss(hard, target, gamma)) for gamma in (0.0, 1.0, 2.0, 5.0)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < shares[0] / 1000


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_a_network_that_is_all_too_sure_still_gets_a_gradient_that_is_a_number(gamma):
    logits = torch.tensor([[200.0, 0.0], [0.0, 200.0]], requires_grad=True)
    loss = focal_loss(logits, torch.tensor([[1.0, 0.0], [1.0, 0.0]]), gamma)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[1].abs().max() > 0.4, "what is surely wrong is learned from at full strength"


def test_the_recipe_chooses_the_loss(batch):
    settings = {"label_smoothing": 0.2}
    plain = measure_loss(*batch, Loss(**settings), WEIGHTS)
    assert torch.equal(plain, F.cross_entropy(*batch, WEIGHTS, label_smoothing=0.2))
    focal = measure_loss(*batch, Loss(name="focal", focal_gamma=1.5, **settings), WEIGHTS)
    assert torch.equal(focal, focal_loss(*batch, 1.5, WEIGHTS, 0.2))
    assert focal < plain


def test_imitation_is_cheapest_for_who_answers_the_same(batch):
    logits, taught = batch
    for temperature in (1.0, 2.0, 4.0):
        same = imitation_loss(taught.log(), taught, temperature)
        softened = torch.softmax(taught.log() / temperature, 1)
        entropy = -(softened * softened.log()).sum(1).mean()
        assert same.item() == pytest.approx(temperature**2 * entropy.item(), rel=1e-4)
        assert same < imitation_loss(logits, taught, temperature)


def test_teachers_that_rule_something_out_cost_no_infinity():
    taught = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert torch.isfinite(imitation_loss(torch.tensor([[50.0, -50.0], [50.0, -50.0]]), taught, 1.0))


@pytest.fixture
def two_heads(batch):
    """Logits and targets of two heads; the last eight pictures have no votes."""
    logits, targets = batch
    votes = targets.roll(1, dims=0)
    votes[-8:] = 0
    return torch.cat([logits, logits.flip(1)], 1), torch.cat([targets, votes], 1)


def test_the_head_for_votes_costs_its_weight(two_heads):
    logits, targets = two_heads
    alone = measure_loss(logits[:, :7], targets[:, :7], Loss())
    votes = F.cross_entropy(logits[:-8, 7:], targets[:-8, 7:]) * 56 / 64  # pictures without votes cost nothing
    for weight in (0.5, 2.0):
        both = measure_heads(logits, targets, make_recipe({"votes": {"weight": weight}}))
        assert both.item() == pytest.approx((alone + weight * votes).item(), rel=1e-5)
    assert measure_heads(logits[:, :7], targets[:, :7], make_recipe({})).item() == pytest.approx(alone.item())


def test_teachers_share_the_cost_of_the_heads_that_they_have(two_heads):
    logits, targets = two_heads
    taught = torch.softmax(logits.roll(1, dims=0), 1)[:, :7]
    recipe = make_recipe({"votes": {"weight": 1.0}, "distill": {"share": 0.25, "temperature": 2.0}})
    plain = [measure_loss(logits[:, :7], targets[:, :7], Loss()), F.cross_entropy(logits[:, 7:], targets[:, 7:])]
    shared = [
        0.75 * cost + 0.25 * imitation_loss(answer, taught, 2.0)
        for cost, answer in zip(plain, logits.chunk(2, 1), strict=True)
    ]
    one = measure_heads(logits, targets, recipe, taught=[taught])
    both = measure_heads(logits, targets, recipe, taught=[taught, taught])
    assert one.item() == pytest.approx((shared[0] + plain[1]).item(), rel=1e-5)
    assert both.item() == pytest.approx((shared[0] + shared[1]).item(), rel=1e-5)
