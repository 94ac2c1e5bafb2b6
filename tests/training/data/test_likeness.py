"""Near twins are found among many, whatever was done to their light; other faces are not."""

import numpy as np
import pytest
from PIL import Image

from mien.training.data import likeness
from mien.training.data.likeness import find_near_twins


def make_pictures(count, size_px=48, seed=0):
    """Draw smooth pictures, as photos are: noise of 6 x 6 scaled up."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 6, 6), np.uint8)
    return np.stack(
        [np.array(Image.fromarray(each).resize((size_px, size_px), Image.Resampling.BICUBIC)) for each in coarse]
    )


def change(picture, how, random):
    if how == "darker":
        return (picture // 2 + 10).astype(np.uint8)
    if how == "noisy":
        return np.clip(picture + random.normal(0, 15, picture.shape), 0, 255).astype(np.uint8)
    if how == "marked":
        marked = picture.copy()
        marked[30:36, 4:40] = 255 - marked[30:36, 4:40]
        return marked
    return picture


@pytest.mark.parametrize("how", ["equal", "darker", "noisy", "marked"])
def test_the_same_photo_is_found_whatever_was_done_to_it(how):
    images = make_pictures(200)
    images[150] = change(images[20], how, np.random.default_rng(1))
    found = find_near_twins(images, np.arange(100, 200), np.arange(100))
    assert found[50] == 20
    assert (np.delete(found, 50) == -1).all()


def test_the_most_alike_of_several_is_named_across_chunks(monkeypatch):
    monkeypatch.setattr(likeness, "CHUNK", 7)
    images = make_pictures(60)
    random = np.random.default_rng(2)
    images[3], images[40] = change(images[55], "noisy", random), change(images[55], "darker", random)
    images[17] = images[50]
    found = find_near_twins(images, np.arange(45, 60), np.arange(45))
    assert found.tolist() == [-1] * 5 + [17] + [-1] * 4 + [40] + [-1] * 4


def test_flat_pictures_are_like_nothing_and_colored_and_large_ones_are_compared():
    flat = np.full((4, 48, 48), 90, np.uint8)
    assert (find_near_twins(flat, np.array([0, 1]), np.array([2, 3])) == -1).all()
    large = np.repeat(make_pictures(20, size_px=224)[..., None], 3, axis=3)
    large[12] = large[2] // 2
    assert find_near_twins(large, np.arange(10, 20), np.arange(10)).tolist() == [-1, -1, 2] + [-1] * 7
    assert find_near_twins(large, np.arange(0), np.arange(10)).shape == (0,)
    assert (find_near_twins(large, np.arange(10), np.arange(0)) == -1).all()


def test_noise_of_large_pictures_is_averaged_and_shifts_by_two_pixels_are_not_found():
    random = np.random.default_rng(3)
    large = make_pictures(30, size_px=240).astype(np.float32)
    large[20:] = large[10:20] + random.normal(0, 60, large[20:].shape)
    noisy = np.clip(large, 0, 255).astype(np.uint8)
    assert find_near_twins(noisy, np.arange(20, 30), np.arange(20)).tolist() == list(range(10, 20))
    fine = random.integers(0, 256, (10, 24, 24), np.uint8).repeat(2, axis=1).repeat(2, axis=2)
    shifted = np.roll(fine, 2, axis=2)
    assert (find_near_twins(np.concatenate([fine, shifted]), np.arange(10, 20), np.arange(10)) == -1).all()
