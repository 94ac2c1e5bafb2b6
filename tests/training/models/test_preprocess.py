"""What stands before every network: one step on uint8 gives what the two steps on planes give."""

import torch

from mien.training.models.preprocess import standardize, standardize_pixels, to_planes


def test_one_step_is_the_two_steps_for_every_gray():
    images = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16)
    torch.testing.assert_close(standardize_pixels(images), standardize(to_planes(images)), rtol=0, atol=1e-6)


def test_the_darkest_and_the_brightest_pixel_lie_two_spreads_from_zero():
    ends = standardize_pixels(torch.tensor([[[0, 255]]], dtype=torch.uint8))
    torch.testing.assert_close(ends, torch.tensor([[[[-2.0, 2.0]]]]))


def test_channels_of_a_color_picture_come_first():
    images = torch.zeros(1, 2, 3, 3, dtype=torch.uint8)
    images[0, 1, 2] = torch.tensor([255, 0, 51])
    planes = standardize_pixels(images)
    assert planes.shape == (1, 3, 2, 3)
    torch.testing.assert_close(planes[0, :, 1, 2], torch.tensor([2.0, -2.0, -1.2]))
    assert (planes[0, :, 0] == -2).all()
