from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from mien.inference.faces import sampling
from mien.inference.faces.frame import Square
from mien.inference.faces.sampling import cut_squares

SCALES = (0.2, 0.77, 1.0, 1.3, 2.0, 2.9, 4.0, 4.3, 7.9, 13.0, 33.3)


def turned_square(center, side, degrees=0.0):
    edge = side * np.exp(1j * np.radians(degrees))
    return Square(complex(*center) - edge * (0.5 + 0.5j), complex(edge))


def cut(image, square, size=24):
    return cut_squares(image, [square], size)[0]


def centers(square, size):
    """Return where the middles of the crop's pixels lie in the picture."""
    steps = (np.arange(size) + 0.5) / size
    return square.corner + square.edge * (steps[None, :] + 1j * steps[:, None])


def exact(image, square, size, times=24):
    """Return the mean of what each pixel of the crop covers, by brute force."""
    where = centers(square, size * times)
    height, width = image.shape[:2]
    rows = np.floor(where.imag).astype(int).clip(0, height - 1)
    columns = np.floor(where.real).astype(int).clip(0, width - 1)
    values = image[rows, columns].astype(float)
    return values.reshape(size, times, size, times, *image.shape[2:]).mean(axis=(1, 3))


def plain_bilinear(image, square, size):
    step = square.edge / size
    affine = (step.real, -step.imag, square.corner.real, step.imag, step.real, square.corner.imag)
    picture = Image.fromarray(image.astype(np.float32))
    return np.asarray(picture.transform((size, size), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("degrees", [0, 17, -90, 200])
@pytest.mark.parametrize("offset", [(0, 0), (0.25, -0.5), (7.3, 11.9)])
def test_a_linear_gradient_comes_out_linear_and_where_it_should(scale, degrees, offset) -> None:
    """Whatever the scale: half a pixel to the side at any stage would show."""
    side, margin = 24 * scale, 0.75 * 24 * scale + 8
    extent = round(2 * margin + 24)
    slopes = np.array([100, 80]) / extent
    pixels = np.arange(extent) + 0.5
    # Dithered, so that the rounding of the picture itself averages out.
    noise = np.random.default_rng(0).uniform(0, 1, (extent, extent))
    image = np.floor(20 + slopes[0] * pixels[None, :] + slopes[1] * pixels[:, None] + noise).astype(np.uint8)
    square = turned_square((extent / 2 + offset[0], extent / 2 + offset[1]), side, degrees)
    where = centers(square, 24)
    expected = 20 + slopes[0] * where.real + slopes[1] * where.imag
    error = cut(image, square) - expected
    assert abs(error.mean()) < 0.2  # Pillow rounds half gray levels up
    assert np.abs(error).max() < 1.6
    if scale >= 1:  # The control: half a pixel of the crop to the side is seen.
        aside = square.edge / 48 * np.exp(-1j * np.angle(square.edge))
        assert slopes[0] * aside.real > 0.4
        assert abs((cut(image, Square(square.corner + aside, square.edge)) - expected).mean()) > 0.2


@pytest.mark.parametrize("shape", [(60, 70), (60, 70, 3)])
def test_at_scale_one_the_pixels_pass_untouched(shape) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.testing.assert_array_equal(cut(image, Square(11 + 7j, 24)), image[7:31, 11:35])
    # A quarter turn is exact too.
    np.testing.assert_array_equal(cut(image, Square(35 + 7j, 24j)), np.rot90(image[7:31, 11:35]))


def test_at_whole_scales_the_means_are_exact() -> None:
    image = np.random.default_rng(0).integers(0, 256, (400, 400), np.uint8)
    for scale in (2, 3, 4):
        means = image[8 : 8 + 24 * scale, 8 : 8 + 24 * scale].reshape(24, scale, 24, scale).mean(axis=(1, 3))
        error = cut(image, Square(8 + 8j, 24 * scale)) - means
        assert np.abs(error).max() <= 0.5
    means = image[8:392, 8:392].reshape(24, 16, 24, 16).mean(axis=(1, 3))
    assert np.abs(cut(image, Square(8 + 8j, 384)) - means).max() <= 1  # rounded twice


@pytest.mark.parametrize("scale", [1.7, 2.6, 3.9, 4.4, 6.5, 9.1, 29.3])
@pytest.mark.parametrize("degrees", [0, 25])
def test_a_checkerboard_that_shrinks_turns_gray(scale, degrees) -> None:
    extent = round(24 * scale * 1.5) + 10
    image = (255 * (np.indices((extent, extent)).sum(axis=0) % 2)).astype(np.uint8)
    square = turned_square((extent / 2 + 0.3, extent / 2 - 0.2), 24 * scale, degrees)
    deviation = np.abs(cut(image, square).astype(float) - 127.5).max()
    assert deviation < {1.7: 50, 2.6: 25}.get(scale, 12)
    # The control: plain bilinear sampling leaves most of the pattern.
    assert np.abs(plain_bilinear(image, square, 24) - 127.5).max() > 60


@pytest.mark.parametrize("scale", [2.3, 2.9, 4.1, 6.3, 8.0])
@pytest.mark.parametrize("degrees", [0, 30])
def test_a_zone_plate_is_averaged_as_its_areas_are(scale, degrees) -> None:
    """All frequencies and directions at once; what is too fine for the crop has to vanish."""
    size = 48
    extent = round(size * scale * 1.5)
    away = np.arange(extent) - extent / 2
    image = (127.5 + 127 * np.cos(np.pi * (away[None] ** 2 + away[:, None] ** 2) / extent)).astype(np.uint8)
    square = turned_square((extent / 2, extent / 2), size * scale, degrees)
    expected = exact(image, square, size)
    error = np.sqrt(((cut(image, square, size) - expected) ** 2).mean())
    control = np.sqrt(((plain_bilinear(image, square, size) - expected) ** 2).mean())
    assert error < 13
    assert control > 3 * error


@pytest.mark.parametrize("degrees", [0, 40])
def test_enlarging_is_smooth(degrees) -> None:
    image = np.zeros((12, 12), np.uint8)
    image[:, 6:] = 240
    crop = cut(image, turned_square((6, 6), 6, degrees), 96).astype(int)
    steepest = max(np.abs(np.diff(crop, axis=0)).max(), np.abs(np.diff(crop, axis=1)).max())
    assert steepest <= np.ceil(240 * 6 / 96)  # nearest neighbors would step by 240
    assert crop.min() == 0
    assert crop.max() == 240


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (37, 53), (64, 64), (130, 61)])
@pytest.mark.parametrize("scale", [0.1, 1.0, 2.5, 4.5, 9.0, 40.0, 5000.0])
def test_beyond_the_picture_its_edge_repeats(shape, scale) -> None:
    """Compared with brute force on smooth pictures, at every border, and with a last cell that is cut short."""
    height, width = shape
    x, y = np.linspace(0, 1, width)[None, :], np.linspace(0, 1, height)[:, None]
    image = (30 + 100 * x + 90 * y + 20 * np.sin(5 * x + 3 * y)).astype(np.uint8)
    for center in ((0, 0), (width, 0), (width / 2, height), (width, height), (-9 * scale, height / 3)):
        for degrees in (0, 33):
            square = turned_square(center, 24 * scale, degrees)
            error = np.abs(cut(image, square) - exact(image, square, 24, times=16))
            assert error.max() <= 10  # within one pixel of the crop, where it holds the whole picture
            assert error.mean() <= 1


@pytest.mark.parametrize("scale", [0.1, 1.0, 4.5, 40.0])
def test_wholly_outside_there_is_the_nearest_pixel_of_the_edge(scale) -> None:
    image = np.random.default_rng(0).integers(0, 256, (45, 77, 3), np.uint8)
    far = 24 * scale + 300
    for center, expected in (
        ((-far, -far), image[0, 0]),
        ((77 + far, -far), image[0, -1]),
        ((-far, 45 + far), image[-1, 0]),
        ((77 + far, 45 + far), image[-1, -1]),
        ((1e15, 1e300), image[-1, -1]),
    ):
        crop = cut(image, turned_square(center, 24 * scale, 20))
        assert (crop == expected).all()


def test_a_square_far_larger_than_the_picture_is_answered() -> None:
    image = np.full((20, 30), 90, np.uint8)
    for side in (1e4, 1e7, 1e12):
        assert (cut(image, turned_square((15, 10), side, 10)) == 90).all()


@pytest.mark.parametrize("scale", [0.5, 3.0, 6.0, 20.0])
def test_a_crop_does_not_depend_on_its_neighbors(scale) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (301, 403, 3), np.uint8)
    squares = [turned_square(rng.uniform(-20, 420, 2), 24 * scale * rng.uniform(0.8, 1.2), 10) for _ in range(12)]
    together = cut_squares(image, squares, 24)
    for square, crop in zip(squares, together, strict=True):
        np.testing.assert_array_equal(cut(image, square), crop)


def test_channels_are_cut_as_gray_pictures_are() -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 210, 3), np.uint8)
    square = turned_square((100, 99), 150, 14)
    crop = cut(image, square)
    for channel in range(3):
        np.testing.assert_array_equal(crop[:, :, channel], cut(np.ascontiguousarray(image[:, :, channel]), square))


def test_views_of_other_arrays_are_taken_as_they_are() -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 210, 3), np.uint8)
    square = turned_square((100, 99), 150, 14)
    for view in (image[::-1], image[:, ::-1], image[..., ::-1], image[:, :, 0], image.transpose(1, 0, 2)):
        np.testing.assert_array_equal(cut(view, square), cut(view.copy(), square))


def test_many_faces_share_one_reduced_picture(monkeypatch) -> None:
    pixels = []
    shrink = sampling._shrink

    def counting(part, cell_px):
        pixels.append(part.shape[0] * part.shape[1])
        return shrink(part, cell_px)

    monkeypatch.setattr(sampling, "_shrink", counting)
    image = np.zeros((1000, 1000), np.uint8)
    cut_squares(image, [turned_square((500 + i, 500), 600) for i in range(50)], 48)
    assert sum(pixels) < 1.2 * image.size
    pixels.clear()
    cut_squares(image, [turned_square((150, 150), 200), turned_square((850, 850), 200)], 48)
    assert sum(pixels) < 0.15 * image.size  # two faces far apart: what lies between is left alone


def test_a_hundred_megapixels_are_not_copied(monkeypatch) -> None:
    copied = []
    from_array = Image.fromarray

    def counting(array):
        copied.append(array.shape[0] * array.shape[1])
        return from_array(array)

    monkeypatch.setattr(sampling.Image, "fromarray", counting)
    gray = np.zeros((10_000, 10_000), np.uint8)  # pages that are never written take no memory
    color = np.zeros((5_000, 7_000, 3), np.uint8)
    tracemalloc.start()
    try:
        for picture, side in ((gray, 9_000), (gray, 60), (gray[:, :1], 9_000), (color, 4_900)):
            tracemalloc.reset_peak()
            square = turned_square((picture.shape[1] / 2, picture.shape[0] / 2), side, 5)
            cut_squares(picture, [square], 48)
            assert tracemalloc.get_traced_memory()[1] < 12e6
            assert max(copied) < 2e6
        # The control: without bands Pillow, whose own memory is not traced, would have had a copy of it all.
        monkeypatch.setattr(sampling, "_BAND_PIXELS", 10**9)
        cut_squares(color, [square], 48)
        assert max(copied) > 2e7
    finally:
        tracemalloc.stop()
