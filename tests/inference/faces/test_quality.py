from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

import mien.apps.cli
from mien.core.geometry import Box
from mien.inference.faces.quality import NOSE_DEPTH, estimate_pose, measure_quality, measure_sharpness

HEAD = np.array([[-1, -1.0, 0], [1, -1.0, 0], [0, 0.1, 2 * NOSE_DEPTH], [-0.8, 1.1, 0], [0.8, 1.1, 0]])
"""The head of the model: x to the picture's right, y downward, z toward the camera; the eyes are 2 apart."""


def look(turn, tilt=0.0, scale=20.0, shift=(100, 80)):
    """Return the landmarks of the head turned to the picture's right, then tilted clockwise, seen from far away."""
    a, b = np.radians([turn, tilt])
    x = HEAD[:, 0] * np.cos(a) + HEAD[:, 2] * np.sin(a)
    y = HEAD[:, 1]
    return np.stack([x * np.cos(b) - y * np.sin(b), x * np.sin(b) + y * np.cos(b)], 1) * scale + shift


def mean_faces():
    """Return the bundled sheet's seven faces, (7, 48, 48)."""
    sheet = np.asarray(Image.open(Path(mien.apps.cli.__file__).parent / "mean_faces.png").convert("L"))
    return sheet.reshape(48, 7, 48).swapaxes(0, 1)


def textured(seed=0, size=48):
    """Return a pattern with detail of every size, as sharp pictures have."""
    rng = np.random.default_rng(seed)
    pattern = np.zeros((size, size))
    for cells in (3, 6, 12, 24, 48):
        layer = Image.fromarray(rng.normal(0, 1, (cells, cells)).astype(np.float32))
        pattern += np.asarray(layer.resize((size, size), Image.Resampling.NEAREST)) * (3 / cells) ** 0.5
    pattern -= pattern.min()
    return (255 * pattern / pattern.max()).round().astype(np.uint8)


def shrunk_and_enlarged(crop, size):
    small = Image.fromarray(crop).resize((size, size), Image.Resampling.BOX)
    return np.asarray(small.resize((48, 48), Image.Resampling.BILINEAR))


def blurred(crop, radius):
    return np.asarray(Image.fromarray(crop).filter(ImageFilter.GaussianBlur(radius)))


@pytest.mark.parametrize("turn", [0, 10, -25, 45, -70, 85])
@pytest.mark.parametrize("tilt", [0, 20, -40, 100])
@pytest.mark.parametrize("scale", [2, 300])
def test_the_pose_of_the_models_own_head_is_found(turn, tilt, scale) -> None:
    pose = estimate_pose(look(turn, tilt, scale))
    assert pose.turn_deg == pytest.approx(turn, abs=1e-6)
    assert pose.tilt_deg == pytest.approx(tilt, abs=1e-6)


def test_signs_are_as_stated() -> None:
    face = np.array([[30, 40], [70, 40], [60, 60], [35, 80], [65, 80]], np.float32)
    assert estimate_pose(face).turn_deg > 10  # the nose lies to the right
    face[1, 1] = 50
    assert estimate_pose(face).tilt_deg > 10  # the right eye in the picture is the lower one


def test_sides_named_as_the_picture_has_them_change_no_pose() -> None:
    face = look(30, 15)
    assert estimate_pose(face[[1, 0, 2, 4, 3]]) == pytest.approx(estimate_pose(face))


def test_an_open_mouth_and_a_nod_hardly_change_the_turn() -> None:
    face = look(30)
    face[3:, 1] += 15
    assert estimate_pose(face).turn_deg == pytest.approx(30, abs=1)
    face[2, 1] -= 10
    assert estimate_pose(face).turn_deg == pytest.approx(30, abs=1)


@pytest.mark.parametrize(
    "points",
    [
        np.full((5, 2), 3.0),
        np.full((5, 2), np.nan),
        np.array([[5, 5], [5, 5], [9, 9], [3, 9], [7, 9.0]]),
        np.array([[3, 5], [7, 5], [5, 9], [4, 5], [6, 5.0]]),
    ],
    ids=["one point", "nan", "one eye", "the mouth between the eyes"],
)
def test_landmarks_that_are_no_face_have_no_pose(points) -> None:
    assert estimate_pose(points) is None


def test_blur_lowers_the_sharpness_step_by_step() -> None:
    for crop in (textured(), *mean_faces()):
        values = [measure_sharpness(blurred(crop, radius)) for radius in (0, 0.7, 1.2, 2, 4)]
        assert values == sorted(values, reverse=True)
        assert values[-1] < 0.5 * values[0]


@pytest.mark.parametrize("seed", range(5))
def test_a_tiny_face_that_was_enlarged_scores_low(seed) -> None:
    sharp = textured(seed)
    values = [measure_sharpness(crop) for crop in (sharp, *(shrunk_and_enlarged(sharp, s) for s in (32, 24, 16, 10)))]
    assert values[0] > 0.55
    assert max(values[1:]) < 0.42
    assert max(values[2:]) < 0.27


def test_faces_averaged_over_many_people_are_not_sharp() -> None:
    assert max(measure_sharpness(face) for face in mean_faces()) < 0.2 < measure_sharpness(textured())


@pytest.mark.parametrize("contrast", [0.5, 0.25, 0.1])
def test_contrast_and_brightness_cancel_out(contrast) -> None:
    for crop in (textured(), shrunk_and_enlarged(textured(), 20)):
        pale = (90 + contrast * crop.astype(float)).round().astype(np.uint8)
        assert measure_sharpness(pale) == pytest.approx(measure_sharpness(crop), abs=0.05)


def test_sharpness_lies_between_the_flat_and_the_finest() -> None:
    assert measure_sharpness(np.full((48, 48), 130, np.uint8)) == 0
    ramp = np.tile(np.arange(48, dtype=np.uint8) * 5, (48, 1))
    assert measure_sharpness(ramp) == pytest.approx(0, abs=0.01)
    board = (255 * (np.indices((48, 48)).sum(axis=0) % 2)).astype(np.uint8)
    assert 0.99 < measure_sharpness(board) <= 1


def test_sharpness_means_the_same_for_crops_of_other_sizes_and_colors() -> None:
    large = textured(size=96)
    means = large.reshape(48, 2, 48, 2).mean(axis=(1, 3)).round().astype(np.uint8)
    assert measure_sharpness(large) == pytest.approx(measure_sharpness(means), abs=0.01)
    crop = textured()
    assert measure_sharpness(np.repeat(crop[:, :, None], 3, axis=2)) == measure_sharpness(crop)
    assert measure_sharpness(crop[::2, ::2]) < 0.5 * measure_sharpness(crop)


def test_quality_gathers_size_sharpness_and_pose() -> None:
    crop = textured()
    quality = measure_quality(Box(1, 2, 30, 40), look(20, -10).astype(np.float32), crop)
    assert quality.size_px == 30
    assert quality.sharpness == measure_sharpness(crop)
    assert quality.turn_deg == pytest.approx(20, abs=0.01)
    assert quality.tilt_deg == pytest.approx(-10, abs=0.01)
    assert measure_quality(Box(1, 2, 30, 40), None, crop).turn_deg is None
    lost = measure_quality(Box(1, 2, 30, 40), np.zeros((5, 2), np.float32), crop)
    assert (lost.turn_deg, lost.tilt_deg) == (None, None)
