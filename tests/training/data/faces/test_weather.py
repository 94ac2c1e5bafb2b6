import numpy as np
import pytest

from mien.training.data.faces.scenes import Scene, draw_scene
from mien.training.data.faces.sections import Scenes, Weather
from mien.training.data.faces.weather import spoil

CLEAR = dict.fromkeys(Weather.model_fields, 0.0)
STRENGTHS = ("gamma", "contrast", "brightness", "tint")
PROBABILITIES = tuple(name for name in CLEAR if name not in STRENGTHS)


@pytest.fixture(scope="module")
def scene(photo_set):
    """One face of some 60 pixels."""
    how = Scenes(size_px=160, mosaic=0.0, anywhere=0.0, target_face_px=60.0, largest_face=0.4, beyond=0.0)
    drawn = draw_scene(photo_set, 0, np.array([0]), np.random.default_rng(5), how)
    assert len(drawn.boxes) == 1
    return drawn


def change(scene, seed=0, **how):
    return spoil(scene, np.random.default_rng(seed), Weather(**{**CLEAR, **how}))


def test_all_fields_are_tested_here():
    assert {*STRENGTHS, *PROBABILITIES} == set(Weather.model_fields)
    assert len(PROBABILITIES) == 6


def test_clear_weather_leaves_every_pixel_as_it_is(scene):
    for seed in range(5):
        assert np.array_equal(change(scene, seed).picture, scene.picture)


@pytest.mark.parametrize("name", CLEAR)
def test_each_field_alone_changes_pixels_and_nothing_else(scene, name):
    before = scene.picture.copy()
    for seed in range(6):
        changed = change(scene, seed, **{name: 0.9 if name in STRENGTHS else 1.0})
        assert (changed.picture.shape, changed.picture.dtype) == ((160, 160, 3), np.uint8)
        assert not np.array_equal(changed.picture, scene.picture)
        for kept, known in zip(changed[1:], scene[1:], strict=True):
            assert np.array_equal(kept, known, equal_nan=True)
    assert np.array_equal(scene.picture, before)


@pytest.mark.parametrize("name", PROBABILITIES)
def test_a_probability_is_the_share_of_pictures_that_are_changed(scene, name):
    changed = [not np.array_equal(change(scene, seed, **{name: 0.5}).picture, scene.picture) for seed in range(60)]
    assert 0.3 < np.mean(changed) < 0.7


def test_the_draws_follow_the_seed(scene):
    all_of_it = {**dict.fromkeys(STRENGTHS, 0.3), **dict.fromkeys(PROBABILITIES, 0.8)}
    first, again, other = (change(scene, seed, **all_of_it).picture for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_gray_pictures_have_no_color_whatever_else_happens_to_them(scene):
    for seed in range(6):
        gray = change(scene, seed, gray=1.0, tint=0.9, noise=1.0, low_light=1.0, occlusion=1.0).picture
        assert np.ptp(gray, axis=2).max() == 0
        assert np.ptp(change(scene, seed, tint=0.9, noise=1.0).picture, axis=2).max() > 50  # control


def test_low_light_is_dark_and_not_black(scene):
    for seed in range(10):
        dark = change(scene, seed, low_light=1.0).picture
        assert dark.mean() < 0.8 * scene.picture.mean()
        assert dark.max() > 20


def test_brightness_adds_light_evenly(scene):
    shifts = []
    for seed in range(10):
        shift = change(scene, seed, brightness=0.1).picture.astype(int) - scene.picture
        inner = (scene.picture > 40) & (scene.picture < 210)
        assert np.ptp(shift[inner]) <= 1
        assert np.abs(shift[inner]).max() <= 26
        shifts.append(shift[inner].mean())
    assert min(shifts) < -3
    assert max(shifts) > 3


def test_contrast_turns_around_the_middle_gray(scene):
    picture = np.full((8, 8, 3), 128, np.uint8)
    picture[0], picture[1] = 64, 191
    flat = Scene(picture, *scene[1:])
    spreads = []
    for seed in range(10):
        changed = change(flat, seed, contrast=0.5).picture.astype(int)
        assert np.abs(changed[2:] - 128).max() <= 1
        assert (np.abs(changed[0] + changed[1] - 255) <= 1).all()
        spreads.append(changed[1, 0, 0] - changed[0, 0, 0])
    assert min(spreads) < 110
    assert max(spreads) > 150


def test_gamma_leaves_black_and_white(scene):
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[4:], picture[7] = 255, 100
    changed = [change(Scene(picture, *scene[1:]), seed, gamma=0.5).picture for seed in range(10)]
    assert all((one[:4] == 0).all() and (one[4:7] == 255).all() for one in changed)
    middle = [int(one[7, 0, 0]) for one in changed]
    assert min(middle) < 90
    assert max(middle) > 110


def test_blur_smooths_and_noise_roughens(scene):
    def roughness(picture):
        return np.abs(np.diff(picture.astype(int), axis=1)).mean()

    for seed in range(8):
        assert roughness(change(scene, seed, blur=1.0).picture) < roughness(scene.picture)
        assert roughness(change(scene, seed, noise=1.0).picture) > roughness(scene.picture) + 0.5


def test_noise_has_no_bias_and_does_not_repeat_from_row_to_row():
    flat = Scene(np.full((200, 150, 3), 128, np.uint8), *(np.zeros(0),) * 3)
    noise = change(flat, 3, noise=1.0).picture[..., 0].astype(float) - 128
    assert abs(noise.mean()) < 0.2
    assert noise.std() > 1
    for shift in (1, 64, 128):
        assert abs(np.corrcoef(noise[shift:].ravel(), noise[:-shift].ravel())[0, 1]) < 0.1, shift


def test_occlusion_covers_a_part_of_the_face_alone(scene):
    left, top, right, bottom = scene.boxes[0]
    for seed in range(20):
        is_changed = (change(scene, seed, occlusion=1.0).picture != scene.picture).any(axis=2)
        rows, columns = np.nonzero(is_changed)
        assert left - 1 <= columns.min() <= columns.max() <= right + 1
        assert top - 1 <= rows.min() <= rows.max() <= bottom + 1
        assert np.ptp(columns) + 1 <= 0.6 * (right - left) + 1
        assert np.ptp(rows) + 1 <= 0.6 * (bottom - top) + 1


def test_occlusion_covers_with_colors_and_with_parts_of_the_picture(scene):
    known = {tuple(color) for color in scene.picture.reshape(-1, 3).tolist()}
    kinds = []
    for seed in range(20):
        picture = change(scene, seed, occlusion=1.0).picture
        new = {tuple(color) for color in picture[(picture != scene.picture).any(axis=2)].tolist()}
        assert len(new - known) <= 1  # the flat color
        kinds.append(bool(new - known))
    assert 3 < sum(kinds) < 17


def test_without_a_face_nothing_is_covered(scene):
    empty = Scene(scene.picture, *(part[:0] for part in scene[1:]))
    assert np.array_equal(change(empty, occlusion=1.0).picture, scene.picture)


@pytest.mark.parametrize("box", [(158, 158, 160, 160), (0, 0, 160, 160), (10, 10, 10.5, 60), (0, 150, 8, 160)])
def test_faces_of_any_place_and_size_can_be_covered(scene, box):
    one = scene._replace(boxes=np.array([box], np.float32))
    for seed in range(10):
        assert change(one, seed, occlusion=1.0).picture.shape == (160, 160, 3)
