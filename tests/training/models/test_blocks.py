import pytest
import torch
from torch import nn

from mien.training.models.blocks import ConvNorm, Dropout, SparsePointwise, initialize


@pytest.mark.parametrize("probability", [0.0, 0.25, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(probability):
    torch.manual_seed(0)
    dropped = Dropout(probability).train()(torch.ones(200, 1000))
    assert (dropped == 0).float().mean() == pytest.approx(probability, abs=0.01)
    assert dropped.mean() == pytest.approx(1.0, abs=0.02)


def test_dropout_in_use_passes_everything_on():
    values = torch.rand(4, 3, 5, 5)
    assert Dropout(0.5).eval()(values) is values


def test_dropout_draws_anew_each_time_and_alike_from_one_seed():
    layer, values = Dropout(0.5).train(), torch.ones(64, 64)
    torch.manual_seed(0)
    first, second = layer(values), layer(values)
    torch.manual_seed(0)
    assert torch.equal(layer(values), first)
    assert not torch.equal(first, second)


def test_dropout_treats_neighbors_independently():
    torch.manual_seed(0)
    kept = (Dropout(0.5).train()(torch.ones(100_000)) > 0).float()
    for distance in (1, 2, 7, 8, 64):
        together = (kept[distance:] * kept[:-distance]).mean()
        assert together == pytest.approx(0.25, abs=0.01), distance


def test_dropout_keeps_the_layout_and_the_gradient():
    values = torch.rand(4, 8, 6, 6).to(memory_format=torch.channels_last).requires_grad_()
    dropped = Dropout(0.25).train()(values)
    assert dropped.is_contiguous(memory_format=torch.channels_last)
    dropped.sum().backward()
    assert torch.equal(values.grad == 0, dropped == 0)


def test_dropout_of_everything_is_refused():
    with pytest.raises(ValueError, match="dropout of 1"):
        Dropout(1.0)


def test_a_convolution_keeps_the_size_unless_told_otherwise():
    planes = torch.rand(2, 3, 9, 9)
    assert ConvNorm(3, 5)(planes).shape == ConvNorm(3, 5, 1)(planes).shape == (2, 5, 9, 9)
    assert ConvNorm(3, 5, stride=2)(planes).shape == (2, 5, 5, 5)
    assert ConvNorm(3, 5, padding=0)(planes).shape == (2, 5, 7, 7)
    assert ConvNorm(3, 5)(planes).min() == 0 > ConvNorm(3, 5, activate=False)(planes).min()


def test_a_depthwise_convolution_looks_at_each_channel_alone():
    block, planes = ConvNorm(3, 3, groups=3).eval(), torch.rand(1, 3, 9, 9)
    changed = planes.clone()
    changed[:, 1] += 1
    differs = (block(planes) - block(changed)).abs().amax(dim=(0, 2, 3)) > 0
    assert differs.tolist() == [False, True, False]


@pytest.mark.parametrize("groups", [1, 64])
def test_weights_are_drawn_so_that_a_layer_keeps_the_spread(groups):
    torch.manual_seed(0)
    layer = initialize(nn.Sequential(nn.Conv2d(64, 64, 3, groups=groups)))[0]
    given = layer(torch.relu(torch.randn(8, 64, 16, 16)))[:, :, 1:-1, 1:-1].detach()
    assert given.std() == pytest.approx(1.0, abs=0.15)
    assert not layer.bias.any()


@pytest.mark.parametrize(("inputs", "batch", "size"), [(3, 2, 9), (8, 7, 44), (8, 32, 22), (16, 31, 11)])
def test_a_strided_pointwise_convolution_has_the_answers_and_gradients_of_torchs_own(inputs, batch, size):
    """With the channels last torch's own ends the process, or gives other gradients: oneDNN's issue 6035."""
    torch.manual_seed(0)
    (ours, *_), theirs = ConvNorm(inputs, 16, 1, 2), nn.Conv2d(inputs, 16, 1, 2, bias=False)
    assert type(ours) is SparsePointwise
    ours.load_state_dict(theirs.state_dict())
    ours = ours.to(memory_format=torch.channels_last)
    pictures = torch.randn(batch, inputs, size, size)
    last = pictures.contiguous(memory_format=torch.channels_last).requires_grad_()
    first = pictures.clone().requires_grad_()
    for _ in range(10):
        expected, given = theirs(first), ours(last)
        torch.testing.assert_close(given, expected)
        (expected.square().sum() / 1000).backward()
        (given.square().sum() / 1000).backward()
    assert given.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(last.grad, first.grad, rtol=1e-4, atol=1e-4)
