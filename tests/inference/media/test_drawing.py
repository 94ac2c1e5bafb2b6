import numpy as np
import pytest

from mien.core.errors import InputError
from mien.core.geometry import Box
from mien.core.labels import EXPRESSIONS
from mien.core.results import Face, Quality
from mien.inference.media.drawing import COLORS, MIN_SIDE_PX, OTHER_COLOR, annotate, color_of


def make_face(box: tuple[float, float, float, float], expression: str = "happy", confidence: float = 0.9) -> Face:
    rest = dict.fromkeys(EXPRESSIONS, (1 - confidence) / 6)
    return Face(Box(*box), None, None, {**rest, expression: confidence}, Quality(size_px=10))


@pytest.fixture
def paper() -> np.ndarray:
    return np.full((400, 600, 3), 128, np.uint8)


def test_without_faces_the_picture_stays_as_it_is(paper) -> None:
    found = annotate(paper, [])
    np.testing.assert_array_equal(found, paper)
    assert found is not paper


def test_the_picture_given_is_not_drawn_upon(paper) -> None:
    before = paper.copy()
    assert (annotate(paper, [make_face((100, 200, 150, 150))]) != before).any()
    np.testing.assert_array_equal(paper, before)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_frame_has_the_color_of_its_expression(paper, expression) -> None:
    found = annotate(paper, [make_face((100, 200, 150, 150), expression)])
    frame = found[200:206, 175]
    assert (np.abs(frame.astype(int) - COLORS[expression]).max(axis=1) < 12).any()
    assert (found[250:300, 130:220] == 128).all(), "the face itself stays free"


def test_every_expression_has_a_color_of_its_own() -> None:
    assert set(COLORS) == set(EXPRESSIONS)
    assert len(set(COLORS.values())) == len(COLORS)
    assert color_of("of my own") == OTHER_COLOR


def test_a_face_that_is_not_certain_looks_different(paper) -> None:
    certain = annotate(paper, [make_face((100, 200, 150, 150), confidence=0.9)])
    uncertain = annotate(paper, [make_face((100, 200, 150, 150), confidence=0.4)])

    def share_framed(image: np.ndarray) -> float:
        return float((image[200:350, 100:106] != 128).any(axis=(1, 2)).mean())

    assert share_framed(certain) > 0.95
    assert 0.3 < share_framed(uncertain) < 0.8


def test_the_bar_grows_with_the_confidence(paper) -> None:
    def bar(confidence: float) -> int:
        found = annotate(paper, [make_face((100, 200, 150, 150), confidence=confidence)])
        above = found[:199].astype(int)
        return int((np.abs(above - COLORS["happy"]).max(axis=2) < 12).sum())

    assert bar(0.55) < bar(0.75) < bar(0.95)


def test_a_small_crop_is_enlarged_so_that_its_label_can_be_read() -> None:
    found = annotate(np.full((48, 48), 99, np.uint8), [make_face((0, 0, 48, 48))])
    assert found.shape == (336, 336, 3)
    assert max(found.shape) >= MIN_SIDE_PX


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (700, 3), (30, 40)])
@pytest.mark.parametrize("box", [(0, 0, 2, 2), (-50, -50, 900, 900), (600, 600, 5, 5), (0.4, 0.4, 0.1, 0.1)])
def test_no_size_of_picture_or_box_fails(shape, box) -> None:
    assert annotate(np.zeros(shape, np.uint8), [make_face(box)]).dtype == np.uint8


def test_a_picture_that_is_none_is_refused() -> None:
    with pytest.raises(InputError):
        annotate(np.zeros((4, 4)), [])
