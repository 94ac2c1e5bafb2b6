from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import InputError
from mien.inference.faces.landmarks import MIRRORED, arrange, down_the_face

FACE = np.array([[31, 37], [69, 37], [50, 58], [35, 77], [65, 77]], np.float32)


def turn(points, degrees):
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return ((points - 50) @ rotation + 50).astype(np.float32)


@pytest.mark.parametrize("degrees", [0, 30, 90, 180, 270])
def test_sides_named_as_the_picture_has_them_are_put_right_at_any_turn(degrees) -> None:
    face = turn(FACE, degrees)
    expected = face[:, 0].astype(float) + 1j * face[:, 1].astype(float)
    np.testing.assert_array_equal(arrange(face), expected)
    np.testing.assert_array_equal(arrange(face[list(MIRRORED)]), expected)


def test_the_line_down_the_face_ends_in_the_middle_of_the_mouth() -> None:
    assert down_the_face(arrange(FACE)) == pytest.approx(40j)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_landmarks_that_are_not_finite_say_nothing(bad) -> None:
    face = FACE.copy()
    face[3, 1] = bad
    assert arrange(face) is None


def test_landmarks_that_are_nearly_one_point_say_nothing() -> None:
    assert arrange(np.full((5, 2), 7, np.float32)) is None
    assert arrange(FACE / 100) is None
    assert arrange(FACE / 20) is not None


@pytest.mark.parametrize("shape", [(10,), (5, 3), (4, 2), (1, 5, 2)])
def test_another_shape_is_refused(shape) -> None:
    with pytest.raises(InputError, match=r"\(5, 2\)"):
        arrange(np.zeros(shape, np.float32))
