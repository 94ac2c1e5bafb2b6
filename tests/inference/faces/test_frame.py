from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import InputError
from mien.core.geometry import Box
from mien.inference.faces.frame import FER2013_FRAME, Frame, fit_frame
from mien.inference.faces.landmarks import MIRRORED

TEMPLATE = np.array(FER2013_FRAME.landmarks)


def place(center, side, degrees=0.0):
    """Return the landmarks that the frame wants in a square of that place, side and clockwise turn."""
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return ((TEMPLATE - 0.5) * side @ rotation + center).astype(np.float32)


def box_around(center, side):
    return Box(center[0] - side / 2, center[1] - side / 2, side, side)


@pytest.mark.parametrize("degrees", [0, 10, -35, 90, 179, -120])
@pytest.mark.parametrize("side", [6, 48, 3000])
def test_landmarks_as_in_the_frame_give_their_very_square(degrees, side) -> None:
    center = (103.25, 57.5)
    square = FER2013_FRAME.locate(box_around(center, side), place(center, side, degrees))
    assert square.center == pytest.approx(complex(*center), abs=side * 1e-5)
    assert square.side == pytest.approx(side, rel=1e-5)
    assert np.degrees(np.angle(square.edge)) == pytest.approx(degrees, abs=1e-3)
    assert square.corner + square.edge * (0.5 + 0.5j) == pytest.approx(square.center)


def test_the_fit_has_the_least_squared_distance() -> None:
    rng = np.random.default_rng(0)
    points = place((60, 60), 50, 12) + rng.normal(0, 2, (5, 2)).astype(np.float32)
    square = FER2013_FRAME.locate(box_around((60, 60), 50), points)

    def error(corner, edge):
        inside = ((points[:, 0] + 1j * points[:, 1]) - corner) / edge
        return float((np.abs(inside - TEMPLATE @ (1, 1j)) ** 2).sum())

    best = error(*square)
    for _ in range(200):
        scale, angle, x, y = rng.normal(0, 0.01, 4)
        edge = square.edge * (1 + scale) * np.exp(1j * angle)
        assert error(square.center + 50 * (x + 1j * y) - edge * (0.5 + 0.5j), edge) > best


def test_a_mirrored_order_gives_the_same_square_and_no_mirror_image() -> None:
    points = place((50, 50), 40, 20)
    box = box_around((50, 50), 40)
    mirrored = FER2013_FRAME.locate(box, points[list(MIRRORED)])
    assert mirrored.edge == pytest.approx(FER2013_FRAME.locate(box, points).edge)


def test_a_head_in_profile_keeps_the_scale_of_its_height() -> None:
    points = place((50, 50), 40)
    points[:, 0] = 50 + (points[:, 0] - 50) * 0.1
    square = FER2013_FRAME.locate(box_around((50, 50), 40), points)
    assert square.side == pytest.approx(40, rel=0.1)
    assert abs(np.degrees(np.angle(square.edge))) < 1


@pytest.mark.parametrize(
    "points",
    [
        None,
        np.full((5, 2), 50, np.float32),
        np.full((5, 2), np.nan, np.float32),
        place((50, 50), 300),
        place((50, 50), 5),
        place((150, 50), 40),
        np.array([[31, 50], [69, 50], [50, 50], [35, 50], [65, 50]], np.float32) * [1e20, 0] + [0, 50],
    ],
    ids=["none", "one point", "nan", "too large", "too small", "elsewhere", "a line without end"],
)
def test_without_believable_landmarks_the_box_decides(points) -> None:
    square = FER2013_FRAME.locate(Box(30, 25, 40, 50), points)
    assert square == FER2013_FRAME.locate(Box(30, 25, 40, 50), None)


def test_the_rule_for_boxes_shifts_and_scales_by_the_mean_side() -> None:
    frame = Frame(FER2013_FRAME.landmarks, shift=(0.1, -0.2), side=1.5)
    square = frame.locate(Box(10, 20, 30, 50), None)
    assert square.edge == 60
    assert square.center == pytest.approx(complex(25 + 4, 45 - 8))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side": 0.0}, "side above 0"),
        ({"side": float("nan")}, "side above 0"),
        ({"shift": (float("inf"), 0.0)}, "finite shift"),
        ({"landmarks": tuple(map(tuple, TEMPLATE[list(MIRRORED)]))}, "upright face"),
        ({"landmarks": tuple(map(tuple, 1 - TEMPLATE))}, "upright face"),
        ({"landmarks": ((0.5, 0.5),) * 5}, "upright face"),
        ({"landmarks": ((float("nan"), 0.5),) * 5}, "upright face"),
        ({"landmarks": FER2013_FRAME.landmarks[:4]}, "upright face"),
    ],
)
def test_an_impossible_frame_is_refused(change, message) -> None:
    values = {"landmarks": FER2013_FRAME.landmarks, "shift": (0.0, 0.0), "side": 1.0, **change}
    with pytest.raises(InputError, match=message):
        Frame(**values)


def detections(count, rng, noise=0.0, size=48):
    """Return boxes and landmarks as a detector might find them in crops that were cut with another frame."""
    frame = Frame(((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.36, 0.75), (0.64, 0.75)), (0.0, -0.05), 1.2)
    points = np.tile(np.array(frame.landmarks) * size, (count, 1, 1))
    points += rng.normal(0, noise, points.shape)
    mean_side = size / 1.2
    width, height = 0.8 * mean_side, 1.2 * mean_side
    boxes = np.tile([24 - width / 2, 24 + 0.05 * mean_side - height / 2, width, height], (count, 1))
    return frame, boxes + rng.normal(0, noise, boxes.shape), points


def test_a_frame_is_found_again_from_the_faces_cut_with_it() -> None:
    frame, boxes, points = detections(3, np.random.default_rng(0))
    found = fit_frame(boxes, points, 48)
    np.testing.assert_allclose(found.landmarks, frame.landmarks, atol=1e-9)
    assert found.side == pytest.approx(frame.side)
    assert found.shift == pytest.approx(frame.shift)
    square = found.locate(Box(*boxes[0]), points[0])
    assert square.corner == pytest.approx(0, abs=1e-9)
    assert square.edge == pytest.approx(48)


def test_with_noisy_detections_the_median_square_is_the_crop() -> None:
    rng = np.random.default_rng(1)
    _, boxes, points = detections(800, rng, noise=3.0)
    found = fit_frame(boxes, points, 48)
    squares = [found.locate(Box(*box), five) for box, five in zip(boxes, points, strict=True)]
    assert np.median([square.side for square in squares]) == pytest.approx(48, rel=0.01)
    assert np.median([square.center.imag for square in squares]) == pytest.approx(24, abs=0.2)
    # The control: with the plain medians as template the squares come out too large.
    plain = Frame(tuple(map(tuple, np.median(points, axis=0) / 48)), found.shift, found.side)
    assert np.median([plain.locate(Box(*b), p).side for b, p in zip(boxes, points, strict=True)]) > 48 * 1.03


def test_a_fitted_frame_is_symmetric_though_the_faces_are_not() -> None:
    _, boxes, points = detections(50, np.random.default_rng(2), noise=1.0)
    landmarks = np.array(fit_frame(boxes, points + np.array([3, 0]), 48).landmarks)
    np.testing.assert_allclose(landmarks[list(MIRRORED)] * (-1, 1) + (1, 0), landmarks, atol=1e-12)


def test_a_quarter_of_nonsense_hardly_moves_the_frame() -> None:
    rng = np.random.default_rng(3)
    frame, boxes, points = detections(200, rng, noise=0.2)
    points[:50] = rng.uniform(-500, 500, (50, 5, 2))
    boxes[:25] = [3, 3, 1, 1]
    points[50:60, 2] = np.nan
    boxes[60:70, 2] = 0
    found = fit_frame(boxes, points, 48)
    np.testing.assert_allclose(found.landmarks, frame.landmarks, atol=0.02)
    assert found.side == pytest.approx(frame.side, rel=0.02)


@pytest.mark.parametrize(
    ("boxes", "points", "message"),
    [
        (np.ones((2, 4)), np.ones((3, 5, 2)), r"boxes \(N, 4\)"),
        (np.ones(4), np.ones((1, 5, 2)), r"boxes \(N, 4\)"),
        (np.ones((2, 4)), np.full((2, 5, 2), np.nan), "none of the 2 faces"),
        (np.zeros((0, 4)), np.zeros((0, 5, 2)), "none of the 0 faces"),
        (np.ones((2, 4)), np.ones((2, 5, 2)), "upright face"),
    ],
)
def test_a_frame_without_faces_is_refused(boxes, points, message) -> None:
    with pytest.raises(InputError, match=message):
        fit_frame(boxes, points, 48)
