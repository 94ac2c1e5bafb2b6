from dataclasses import dataclass, replace

import pytest

torch = pytest.importorskip("torch", reason="augmentation needs the train extra")
pytest.importorskip("kornia", reason="augmentation needs the train extra")

from mien.training.data.augment import build_augmentation  # noqa: E402
from mien.training.data.sections import Augment  # noqa: E402

SIDE, CENTER = 48, 23.5


@dataclass(frozen=True)
class Strengths:
    flip: float = 0.0
    rotation_deg: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    erasing: float = 0.0


STRONG = Strengths(0.5, 30, 0.4, 0.3, 0.5, 0.5, 0.5, 0.5, 0.2, 0.5)
EACH = [replace(Strengths(), **{name: value}) for name, value in vars(STRONG).items()]
IDS = list(vars(STRONG))


def change(images, seed=0, **strengths):
    torch.manual_seed(seed)
    return build_augmentation(Strengths(**strengths))(images)


def make_noise(count=64, channels=1):
    return torch.rand(count, channels, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def make_spots(x, y, count=200, radius=4.0):
    """The same soft spot on black in every picture, its center at pixel (x, y)."""
    across = torch.arange(SIDE, dtype=torch.float32)
    distance = (across - x)[None, :] ** 2 + (across - y)[:, None] ** 2
    return torch.exp(-distance / radius**2).expand(count, 1, SIDE, SIDE).clone()


def find_spots(images):
    """Return (B,) x, y and mass of each picture's spot."""
    across = torch.arange(SIDE, dtype=torch.float32)
    mass = images.sum(dim=(1, 2, 3))
    return (images.sum(dim=(1, 2)) @ across) / mass, (images.sum(dim=(1, 3)) @ across) / mass, mass


def test_without_strength_nothing_changes():
    noise = make_noise()
    assert torch.equal(change(noise), noise)


@pytest.mark.parametrize("strengths", [*EACH, STRONG, Augment()], ids=[*IDS, "all", "recipe"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_keep_their_form_and_their_range(strengths, channels):
    noise = make_noise(channels=channels)
    before = noise.clone()
    torch.manual_seed(0)
    changed = build_augmentation(strengths)(noise)
    assert (changed.shape, changed.dtype) == (noise.shape, torch.float32)
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert not torch.equal(changed, noise)
    assert torch.equal(noise, before), "what is given stays as it is"


@pytest.mark.parametrize("strengths", [*EACH, STRONG], ids=[*IDS, "all"])
def test_each_picture_gets_its_own_change(strengths):
    same = make_noise(1).expand(64, -1, -1, -1)
    different = {picture.numpy().tobytes() for picture in change(same, **vars(strengths))}
    assert len(different) == 2 if strengths.flip == 0.5 and strengths != STRONG else len(different) > 20


@pytest.mark.parametrize("strengths", [*EACH, STRONG], ids=[*IDS, "all"])
def test_the_same_seed_gives_the_same_pictures_and_another_others(strengths):
    noise = make_noise()
    first = change(noise, seed=1, **vars(strengths))
    assert torch.equal(change(noise, seed=1, **vars(strengths)), first)
    assert not torch.equal(change(noise, seed=2, **vars(strengths)), first)


@pytest.mark.parametrize("strengths", [*EACH, STRONG], ids=[*IDS, "all"])
def test_the_channels_of_a_picture_change_alike(strengths):
    changed = change(make_noise().expand(-1, 3, -1, -1), **vars(strengths))
    assert torch.allclose(changed[:, 0], changed[:, 1], atol=1e-6)
    assert torch.allclose(changed[:, 0], changed[:, 2], atol=1e-6)


def test_a_flip_mirrors_left_and_right():
    noise = make_noise()
    assert torch.equal(change(noise, flip=1.0), noise.flip(-1))


def test_half_a_flip_mirrors_about_half_of_the_pictures():
    noise = make_noise(400)
    changed = change(noise, flip=0.5)
    is_flipped = (changed == noise.flip(-1)).all(dim=(1, 2, 3))
    assert (is_flipped | (changed == noise).all(dim=(1, 2, 3))).all()
    assert 0.4 < is_flipped.float().mean() < 0.6


def test_a_rotation_turns_about_the_center_up_to_its_angle_either_way():
    x, y, _ = find_spots(change(make_spots(CENTER + 14, CENTER), rotation_deg=30))
    radius = torch.hypot(x - CENTER, y - CENTER)
    angle_deg = torch.rad2deg(torch.atan2(y - CENTER, x - CENTER))
    assert (radius - 14).abs().max() < 0.3
    assert 27 < angle_deg.max() < 30.5
    assert -30.5 < angle_deg.min() < -27


def test_a_zoom_scales_about_the_center_both_ways():
    x, y, _ = find_spots(change(make_spots(CENTER + 10, CENTER + 10), zoom=0.4))
    for distance in (x - CENTER, y - CENTER):
        assert 13.5 < distance.max() < 14.1
        assert 5.9 < distance.min() < 6.5
    assert torch.allclose(x, y, atol=0.1), "width and height alike"


def test_a_shift_moves_up_to_its_share_of_the_side_both_ways():
    x, y, mass = find_spots(change(make_spots(CENTER, CENTER), shift=0.25))
    for distance in (x - CENTER, y - CENTER):
        assert 11 < distance.max() < 12.1
        assert -12.1 < distance.min() < -11
    assert mass.max() / mass.min() < 1.01
    assert abs(torch.corrcoef(torch.stack([x, y]))[0, 1]) < 0.3, "the two ways are drawn apart"


@pytest.mark.parametrize("name", ["rotation_deg", "zoom", "shift"])
def test_beyond_the_edge_the_edge_is_repeated(name):
    flat = torch.full((64, 1, SIDE, SIDE), 0.8)
    assert torch.allclose(change(flat, **{name: vars(STRONG)[name]}), flat, atol=1e-5)


def test_brightness_adds_light_or_takes_it_away():
    added = change(torch.full((400, 1, SIDE, SIDE), 0.5), brightness=0.2) - 0.5
    of_picture = added.mean(dim=(1, 2, 3))
    assert (added - of_picture.view(-1, 1, 1, 1)).abs().max() < 1e-6
    assert 0.18 < of_picture.max() <= 0.2001
    assert -0.2001 <= of_picture.min() < -0.18


def test_contrast_scales_the_distance_from_each_pictures_mean():
    dark = 0.2 + make_noise(400) / 2
    means = dark.mean(dim=(1, 2, 3), keepdim=True)
    changed = change(dark, contrast=0.25)
    of_picture = ((changed - means) / (dark - means)).flatten(1).median(dim=1).values
    assert torch.allclose(means + of_picture.view(-1, 1, 1, 1) * (dark - means), changed, atol=1e-5)
    assert 1.22 < of_picture.max() <= 1.2501
    assert 0.7499 <= of_picture.min() < 0.78


def test_gamma_raises_each_picture_to_a_power_of_its_own():
    pictures = 0.1 + 0.8 * make_noise(400)
    powers = change(pictures, gamma=0.5).log() / pictures.log()
    of_picture = powers.flatten(1).median(dim=1).values
    assert torch.allclose(powers, of_picture.view(-1, 1, 1, 1), atol=1e-3)
    assert 1.45 < of_picture.max() <= 1.501
    assert 0.666 <= of_picture.min() < 0.69
    assert abs(float(of_picture.log().mean())) < 0.05  # as often darker as brighter


def test_noise_has_a_spread_up_to_its_strength_and_no_bias():
    added = change(torch.full((400, 1, SIDE, SIDE), 0.5), noise=0.1) - 0.5
    spreads = added.flatten(1).std(dim=1)
    assert 0.09 < spreads.max() < 0.11
    assert spreads.min() < 0.01
    assert added.mean().abs() < 1e-3


def test_blur_smooths_the_share_of_the_pictures_that_it_is_drawn_for():
    noise = make_noise(400)
    left = change(noise, blur=0.25).flatten(1).std(dim=1) / noise.flatten(1).std(dim=1)
    assert 0.15 < (left < 0.999).float().mean() < 0.35
    assert left.min() < 0.4
    assert change(torch.full((8, 1, SIDE, SIDE), 0.3), blur=1.0).sub(0.3).abs().max() < 1e-5  # no dark edges


def test_erasing_blanks_one_rectangle_of_2_to_20_percent():
    noise = make_noise(400)
    changed = change(noise, erasing=1.0)
    is_erased = changed != noise
    assert (changed[is_erased] == 0.5).all()
    for mask in is_erased[:, 0]:
        rows, columns = mask.any(1).nonzero().flatten(), mask.any(0).nonzero().flatten()
        height, width = len(rows), len(columns)
        assert mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert (rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1) == (height, width)
        assert 0.015 < height * width / SIDE**2 < 0.21


def test_half_an_erasing_spares_about_half_of_the_pictures():
    noise = make_noise(400)
    is_spared = (change(noise, erasing=0.5) == noise).all(dim=(1, 2, 3))
    assert 0.4 < is_spared.float().mean() < 0.6


def test_one_picture_alone_can_be_changed():
    assert change(make_noise(1), **vars(STRONG)).shape == (1, 1, SIDE, SIDE)
