from math import log

import pytest
import torch
import torch.nn.functional as F

from mien.training.fit.expression.losses import focal_loss, measure_loss
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
