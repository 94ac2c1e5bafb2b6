import numpy as np
import pytest
from PIL import Image

from mien.inference.expression.resampling import resize, to_gray


def test_gray_is_what_pillow_calls_gray() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    np.testing.assert_array_equal(to_gray(crop), np.asarray(Image.fromarray(crop).convert("L")))
    strided = np.flip(crop, axis=1)
    np.testing.assert_array_equal(to_gray(strided), to_gray(strided.copy()))


def test_equal_colors_give_just_that_gray() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(to_gray(np.repeat(ramp[:, :, None], 3, axis=2)), ramp)


def test_a_crop_of_the_right_size_passes_untouched(crops) -> None:
    crop = crops[0]
    assert resize(crop, 48) is crop


@pytest.mark.parametrize("factor", [2, 3, 7])
def test_shrinking_averages_areas(crops, factor) -> None:
    large = np.random.default_rng(1).integers(0, 256, (48 * factor, 48 * factor), np.uint8)
    expected = large.reshape(48, factor, 48, factor).mean(axis=(1, 3))
    assert np.abs(resize(large, 48) - expected).max() <= 0.51
    np.testing.assert_array_equal(resize(crops[0].repeat(factor, 0).repeat(factor, 1), 48), crops[0])


def test_a_fine_pattern_becomes_gray_and_does_not_alias() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (480, 240))
    found = resize(stripes, 47)
    assert found.std() < 8
    picked = np.asarray(Image.fromarray(stripes).resize((47, 47), Image.Resampling.NEAREST))
    assert picked.std() > 100, "the control, which picks single pixels, has to alias"


def test_enlarging_is_smooth_and_stays_in_range() -> None:
    ramp = np.tile(np.arange(0, 240, 20, dtype=np.uint8), (12, 1))
    found = resize(ramp, 48).astype(int)
    assert (np.diff(found, axis=1) >= 0).all()
    assert (found.min(), found.max()) == (0, 220)
    reference = np.asarray(Image.fromarray(ramp).resize((48, 48), Image.Resampling.BILINEAR))
    assert np.abs(found - reference).max() <= 1


@pytest.mark.parametrize("shape", [(2, 2), (2, 300), (300, 2), (47, 49), (1000, 30)])
@pytest.mark.parametrize("value", [0, 131, 255])
def test_a_flat_crop_of_any_shape_stays_flat(shape, value) -> None:
    for crop in (np.full(shape, value, np.uint8), np.full((*shape, 3), value, np.uint8)):
        found = resize(crop, 48)
        assert found.shape == (48, 48, *crop.shape[2:])
        assert (found == value).all()


def test_axes_and_colors_are_not_swapped() -> None:
    crop = np.zeros((100, 60, 3), np.uint8)
    crop[:50, :, 0], crop[:, 30:, 2] = 200, 100
    found = resize(crop, 48)
    assert found[5, 5].tolist() == [200, 0, 0]
    assert found[40, 40].tolist() == [0, 0, 100]
