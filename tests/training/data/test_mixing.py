from dataclasses import dataclass

import pytest

torch = pytest.importorskip("torch", reason="mixing needs the train extra")

from mien.training.data.mixing import blend, mix_batch, paste  # noqa: E402

COUNT, CLASSES, HEIGHT, WIDTH = 8, 5, 20, 30


@dataclass(frozen=True)
class Mixes:
    mixup: float = 0.0
    cutmix: float = 0.0
    share: float = 1.0


def make_batch(channels=1):
    """Each picture is filled with its own number, so that where a value comes from can be told."""
    planes = torch.arange(COUNT, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, channels, HEIGHT, WIDTH).clone()
    return planes, torch.eye(COUNT)


def mix(settings, seed=0, batch=None):
    torch.manual_seed(seed)
    return mix_batch(*(batch or make_batch()), settings)


def kept_shares(targets):
    """What each picture's target kept of itself; where it met itself, all."""
    return targets.diagonal()


@pytest.mark.parametrize("settings", [Mixes(), Mixes(share=0.0), Mixes(mixup=1.0, cutmix=1.0, share=0.0)])
def test_what_is_off_changes_nothing(settings):
    batch = make_batch()
    planes, targets = mix(settings, batch=batch)
    assert planes is batch[0]
    assert targets is batch[1]


def test_what_is_off_leaves_the_random_state_alone():
    mix(Mixes())
    after = torch.rand(())
    torch.manual_seed(0)
    assert torch.rand(()) == after


@pytest.mark.parametrize("settings", [Mixes(mixup=1.0), Mixes(cutmix=1.0)], ids=["mixup", "cutmix"])
@pytest.mark.parametrize("channels", [1, 3])
def test_form_and_range_stay_and_so_does_what_is_given(settings, channels):
    batch = make_batch(channels)
    planes, targets = mix(settings, batch=batch)
    assert (planes.shape, planes.dtype) == (batch[0].shape, torch.float32)
    assert (targets.shape, targets.dtype) == (batch[1].shape, torch.float32)
    assert planes.min() >= 0
    assert planes.max() <= COUNT - 1
    assert torch.allclose(targets.sum(1), torch.ones(COUNT))
    assert not torch.equal(planes, batch[0])
    assert all(torch.equal(given, made) for given, made in zip(batch, make_batch(channels), strict=True))


@pytest.mark.parametrize("settings", [Mixes(mixup=0.3), Mixes(cutmix=1.0), Mixes(mixup=1.0, cutmix=1.0, share=0.5)])
def test_the_same_seed_mixes_alike_and_another_otherwise(settings):
    first = [mix(settings, seed)[0] for seed in range(8)]
    assert all(torch.equal(one, mix(settings, seed)[0]) for seed, one in enumerate(first))
    assert not all(torch.equal(one, first[0]) for one in first)


@pytest.mark.parametrize("settings", [Mixes(mixup=1.0), Mixes(cutmix=1.0)], ids=["mixup", "cutmix"])
def test_pictures_and_targets_are_mixed_in_the_same_share(settings):
    """A picture of one value is, on the mean, the mean of the values in the share of its target."""
    for seed in range(50):
        planes, targets = mix(settings, seed)
        told = targets @ torch.arange(COUNT, dtype=torch.float32)
        assert torch.allclose(planes.mean(dim=(1, 2, 3)), told, atol=1e-4)


def test_mixup_blends_every_pixel_alike():
    planes, targets = make_batch()
    partners = torch.tensor([1, 0, 3, 2, 5, 4, 7, 6])
    blended, told = blend(planes, targets, partners, 0.75)
    assert torch.allclose(blended[2], torch.full_like(blended[2], 0.75 * 2 + 0.25 * 3))
    assert told[2].tolist() == [0, 0, 0.75, 0.25, 0, 0, 0, 0]


def test_cutmix_pastes_one_rectangle_of_the_pictures_own_proportion():
    is_cut = False
    for seed in range(50):
        torch.manual_seed(seed)
        planes, targets = make_batch()
        partners = torch.roll(torch.arange(COUNT), 1)
        pasted, told = paste(planes, targets, partners, 0.75)
        mask = pasted != planes
        assert (mask == mask[:1]).all(), "the same rectangle in the whole batch"
        assert torch.equal(pasted[mask], planes[partners][mask])
        rows, columns = mask[0, 0].any(1).nonzero().flatten(), mask[0, 0].any(0).nonzero().flatten()
        height, width = len(rows), len(columns)
        assert mask[0, 0].sum() == height * width
        assert height <= HEIGHT / 2
        assert width <= WIDTH / 2
        assert torch.allclose(kept_shares(told), torch.tensor(1 - height * width / (HEIGHT * WIDTH)))
        is_cut = is_cut or (height, width) != (HEIGHT // 2, WIDTH // 2)
    assert is_cut, "a rectangle that reaches over the edge counts with what is left of it"


def test_the_rectangle_lies_anywhere():
    planes, targets = make_batch()
    covered = torch.zeros(HEIGHT, WIDTH)
    for seed in range(400):
        torch.manual_seed(seed)
        pasted, _ = paste(planes, targets, torch.roll(torch.arange(COUNT), 1), 0.75)
        covered += (pasted != planes)[0, 0]
    assert covered.min() > 0
    assert covered.max() < 400


@pytest.mark.parametrize(("share", "kept"), [(0.0, 0.0), (1.0, 1.0)])
def test_a_rectangle_of_nothing_or_of_everything_can_be_pasted(share, kept):
    torch.manual_seed(0)
    planes, targets = make_batch()
    torch.manual_seed(11)
    _, told = paste(planes, targets, torch.roll(torch.arange(COUNT), 1), share)
    assert kept <= float(kept_shares(told)[0]) <= 1
    assert (float(kept_shares(told)[0]) == 1) == (share == 1)


@pytest.mark.parametrize(("alpha", "spread"), [(0.2, 0.422), (1.0, 0.289), (8.0, 0.121)])
def test_the_shares_are_drawn_from_a_beta_distribution(alpha, spread):
    """Of a symmetric Beta distribution the standard deviation is sqrt(1 / (4 (2 alpha + 1)))."""
    shares = []
    torch.manual_seed(0)
    for _ in range(2000):
        _, targets = mix_batch(*make_batch(), Mixes(mixup=alpha))
        shares.append(float(kept_shares(targets).min()))
    shares = torch.tensor([share for share in shares if share < 1 or alpha < 1])
    assert float(shares.mean()) == pytest.approx(0.5, abs=0.03)
    assert float(shares.std()) == pytest.approx(spread, abs=0.02)


def test_the_share_of_batches_and_the_odds_of_the_two_are_kept():
    blended = pasted = 0
    torch.manual_seed(0)
    for _ in range(1000):
        batch = make_batch()
        planes, _ = mix_batch(*batch, Mixes(mixup=1.0, cutmix=1.0, share=0.4))
        if planes is not batch[0]:
            is_whole = bool((planes == planes.round()).all())  # pasted pictures hold whole numbers alone
            pasted, blended = pasted + is_whole, blended + (not is_whole)
    assert 350 < blended + pasted < 450
    assert 0.4 < blended / (blended + pasted) < 0.6


def test_partners_are_a_permutation_so_that_all_pictures_count_alike():
    for seed in range(20):
        _, targets = mix(Mixes(mixup=1.0), seed)
        assert torch.allclose(targets.sum(0), torch.ones(COUNT))


def test_soft_targets_stay_distributions():
    planes, _ = make_batch()
    soft = torch.softmax(torch.randn(COUNT, CLASSES, generator=torch.Generator().manual_seed(0)), 1)
    _, targets = mix(Mixes(mixup=1.0), batch=(planes, soft))
    assert targets.shape == (COUNT, CLASSES)
    assert torch.allclose(targets.sum(1), torch.ones(COUNT))
