from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import InputError
from mien.core.geometry import Box
from mien.inference.faces.crop import crop_face, crop_faces
from mien.inference.faces.frame import FER2013_FRAME, Frame

TEMPLATE = np.array(FER2013_FRAME.landmarks)


def landmarks_at(center, side, degrees=0.0):
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return ((TEMPLATE - 0.5) * side @ rotation + center).astype(np.float32)


def draw(points, extent=300, radius=4.0):
    """Return a picture with one bright spot a landmark, each of its own brightness."""
    y, x = np.mgrid[:extent, :extent] + 0.5
    image = np.zeros((extent, extent))
    for index, (px, py) in enumerate(points):
        image += (60 + 45 * index) * np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * radius**2))
    return image.round().astype(np.uint8)


@pytest.mark.parametrize("degrees", [0, 15, -20, 90, 180])
@pytest.mark.parametrize("side", [60, 140, 250])
def test_landmarks_come_to_lie_where_the_frame_has_them(degrees, side) -> None:
    points = landmarks_at((151.3, 148.9), side, degrees)
    image = draw(points, radius=side / 40)
    crop = crop_face(image, Box(151.3 - side / 2, 148.9 - side / 2, side, side), points, 96).astype(float)
    y, x = np.mgrid[:96, :96] + 0.5
    for index, (px, py) in enumerate(TEMPLATE * 96):
        near = crop * ((x - px) ** 2 + (y - py) ** 2 < 8**2)
        found = (near * x).sum() / near.sum(), (near * y).sum() / near.sum()
        assert found == pytest.approx((px, py), abs=0.15)
        assert near.max() == pytest.approx(60 + 45 * index, abs=25)  # each at its own place: not mirrored


def test_sides_named_as_the_picture_has_them_do_not_mirror_the_crop() -> None:
    points = landmarks_at((150, 150), 120, 12)
    image, box = draw(points), Box(90, 90, 120, 120)
    upright = crop_face(image, box, points)
    np.testing.assert_array_equal(crop_face(image, box, points[[1, 0, 2, 4, 3]]), upright)
    assert not np.array_equal(upright, upright[:, ::-1])


@pytest.mark.parametrize("points", [None, np.full((5, 2), 5, np.float32), np.full((5, 2), np.nan, np.float32)])
def test_without_landmarks_the_crop_is_the_square_around_the_box(points) -> None:
    image = np.random.default_rng(0).integers(0, 256, (100, 100), np.uint8)
    frame = Frame(FER2013_FRAME.landmarks, (0.0, 0.1), 1.2)
    crop = crop_face(image, Box(30, 20, 30, 50), points, frame=frame)
    np.testing.assert_array_equal(crop, image[25:73, 21:69])


def test_a_face_that_fills_its_picture_as_in_the_frame_passes_untouched() -> None:
    image = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    np.testing.assert_array_equal(crop_face(image, Box(0, 0, 48, 48), landmarks_at((24, 24), 48)), image)


@pytest.mark.parametrize("shape", [(80, 90), (80, 90, 3), (1, 200), (200, 1, 3), (1, 1)])
@pytest.mark.parametrize("size", [1, 48, 112])
def test_the_crop_has_the_channels_of_the_picture_and_the_size_asked_for(shape, size) -> None:
    image = np.full(shape, 77, np.uint8)
    for box in (Box(-20, -20, 60, 50), Box(10, 10, 2, 2), Box(500, 500, 40, 40), Box(-1e6, 0, 5, 5)):
        crop = crop_face(image, box, None, size)
        assert crop.shape == (size, size, *shape[2:])
        assert crop.dtype == np.uint8
        assert (crop == 77).all()


def test_boxes_outside_give_the_pixels_of_the_edge() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    assert (crop_face(image, Box(-500, -500, 40, 40), None) == image[0, 0]).all()
    assert (crop_face(image, Box(900, 900, 40, 40), landmarks_at((920, 920), 40, 10)) == image[-1, -1]).all()


def test_each_of_many_faces_is_cut_as_if_it_were_alone() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (300, 400, 3), np.uint8)
    boxes, points = [], []
    for index in range(30):
        side = float(rng.uniform(5, 290))
        center = rng.uniform(0, 350, 2)
        boxes.append(Box(center[0] - side / 2, center[1] - side / 2, side, side))
        points.append(None if index % 4 == 0 else landmarks_at(center, side, rng.uniform(-40, 40)))
    crops = crop_faces(image, boxes, points, 48)
    assert crops.shape == (30, 48, 48, 3)
    for box, five, crop in zip(boxes, points, crops, strict=True):
        np.testing.assert_array_equal(crop_face(image, box, five), crop)
    np.testing.assert_array_equal(crop_faces(image, boxes)[1], crop_face(image, boxes[1], None))


def test_no_faces_give_no_crops() -> None:
    assert crop_faces(np.zeros((9, 9), np.uint8), []).shape == (0, 48, 48)
    assert crop_faces(np.zeros((9, 9, 3), np.uint8), [], [], 20).shape == (0, 20, 20, 3)


@pytest.mark.parametrize(("width", "height"), [(1.9, 30), (30, 1.9), (0.1, 0.1)])
def test_boxes_too_small_to_show_a_face_are_refused(width, height) -> None:
    with pytest.raises(InputError, match=r"at least 2 pixels on a side, got"):
        crop_face(np.zeros((50, 50), np.uint8), Box(10, 10, width, height), None)


@pytest.mark.parametrize("side", [2e9, 1e308])
def test_boxes_larger_than_any_picture_are_refused(side) -> None:
    with pytest.raises(InputError, match="in pixels of its picture"):
        crop_face(np.zeros((50, 50), np.uint8), Box(0, 0, side, side), None)
    assert crop_face(np.full((50, 50), 7, np.uint8), Box(1e300, -1e300, 1e8, 1e8), None).min() == 7


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((9, 9), np.float32),
        np.zeros((9, 9, 4), np.uint8),
        np.zeros((9, 9, 1), np.uint8),
        np.zeros((0, 9), np.uint8),
        np.zeros((1, 9, 9, 3), np.uint8),
        [[0, 0], [0, 0]],
    ],
)
def test_other_pictures_are_refused(image) -> None:
    with pytest.raises(InputError, match=r"\(H, W, 3\) RGB or \(H, W\) gray, uint8"):
        crop_face(image, Box(0, 0, 5, 5), None)


def test_other_arguments_that_make_no_sense_are_refused() -> None:
    image, box = np.zeros((9, 9), np.uint8), Box(0, 0, 5, 5)
    with pytest.raises(InputError, match="1 boxes and 2 landmarks"):
        crop_faces(image, [box], [None, None])
    with pytest.raises(InputError, match="size_px is a whole number from 1 on, got 0"):
        crop_face(image, box, None, 0)
    with pytest.raises(InputError, match=r"\(5, 2\)"):
        crop_face(image, box, np.zeros((4, 2), np.float32))
