import numpy as np
import pytest
from PIL import ImageFont

from mien.core.errors import InputError
from mien.core.geometry import Box
from mien.core.labels import EXPRESSIONS
from mien.core.results import Face, Quality
from mien.inference.media.captions import MIN_TEXT_PX
from mien.inference.media.drawing import COLORS, MIN_SIDE_PX, annotate, color_of


def make_face(box: tuple[float, float, float, float], expression: str = "happy", confidence: float = 0.9) -> Face:
    rest = dict.fromkeys(EXPRESSIONS, (1 - confidence) / 6)
    return Face(Box(*box), None, None, {**rest, expression: confidence}, Quality(size_px=100))


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
    assert color_of("of my own") == (0xF0, 0xE4, 0x42)


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


@pytest.mark.parametrize("shape", [(700, 1), (1, 700), (1, 1), (2, 320)])
def test_a_strip_gets_paper_for_its_label_and_stays_at_the_upper_left(shape) -> None:
    strip = np.full((*shape, 3), 255, np.uint8)
    found = annotate(strip, [make_face((0, 0, shape[1] / 4, shape[0] / 4), "surprise", 0.4)])
    assert found.shape[0] >= max(shape[0], 56)
    assert found.shape[1] >= max(shape[1], 128)
    assert (found[max(0, shape[0] - 2) : shape[0], shape[1] - 1 : shape[1]] == 255).any()
    assert (found > 250).all(axis=2).sum() > (strip.size // 3) // 2 + 60, "white letters beside the white strip"


def test_a_tiny_face_in_a_large_photo_stays_visible_and_its_label_fits_a_screen(sizes) -> None:
    photo = np.full((3000, 4000, 3), 128, np.uint8)
    found = annotate(photo, [make_face((2000, 1500, 12, 12))])
    assert (found[1503:1509, 2003:2009] == 128).all(), "the middle of the face itself"
    frame = found[1480:1530, 1980:2030].astype(int)
    assert (np.abs(frame - COLORS["happy"]).max(axis=2) < 12).sum() > 100
    assert all(size * 1300 / 4000 >= MIN_TEXT_PX for size in sizes)


@pytest.fixture
def sizes(monkeypatch) -> list[float]:
    """Return the sizes of all letters, as they are asked for."""
    asked: list[float] = []
    load = ImageFont.load_default

    def record(size: float) -> object:
        asked.append(size)
        return load(size)

    monkeypatch.setattr(ImageFont, "load_default", record)
    return asked


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (90, 60), (640, 480), (1600, 1000), (4000, 300)])
@pytest.mark.parametrize("side", [2, 12, 200, 5000])
def test_letters_are_never_too_small_nor_larger_than_suits_the_picture(sizes, size, side) -> None:
    annotate(np.zeros((size[1], size[0], 3), np.uint8), [make_face((0, 0, side, side))])
    assert sizes
    canvas = max(1, 320 / max(size)) ** 2 * size[0] * size[1]
    assert all(MIN_TEXT_PX <= letters <= max(13, 0.025 * canvas**0.5) for letters in sizes)


def test_two_hundred_faces_stay_free_of_each_others_labels() -> None:
    paper = np.full((1000, 1600, 3), 128, np.uint8)
    boxes = [(20 + 78 * (n % 20), 30 + 96 * (n // 20), 40, 48) for n in range(200)]
    found = annotate(paper, [make_face(box) for box in boxes])
    inner = [found[y + 10 : y + 38, x + 10 : x + 30] for x, y, _, _ in boxes]
    assert all((face == 128).all() for face in inner)
    labels = (found.astype(int).max(axis=2) < 60).sum()
    assert labels > 40_000, "the control: there are labels"


def test_a_label_goes_where_no_neighbor_is() -> None:
    paper = np.full((400, 600, 3), 128, np.uint8)
    found = annotate(paper, [make_face((200, 200, 100, 100)), make_face((200, 95, 100, 100), "sad")])
    assert (found[110:185, 215:285] == 128).all()
    assert (found[215:285, 215:285] == 128).all()
    assert (found[305:340, 200:300] != 128).any(), "below it"


def test_a_name_too_long_for_the_picture_is_cut(paper) -> None:
    face = Face(Box(100, 200, 150, 150), None, None, {"x" * 300: 0.9, "y": 0.1}, Quality(size_px=100))
    found = annotate(paper, [face])
    assert found.shape == paper.shape
    assert (found[:195].astype(int).min(axis=2) > 180).any(), "letters above it"


def test_a_picture_that_is_none_is_refused() -> None:
    with pytest.raises(InputError):
        annotate(np.zeros((4, 4)), [])


@pytest.mark.parametrize(
    "box", [(600, 0, 50, 50), (0, 400, 50, 50), (-50, 0, 50, 50), (0, -50, 50, 50), (1e4, 1e4, 9, 9)]
)
def test_a_face_wholly_outside_is_not_drawn_at_the_border(paper, box) -> None:
    np.testing.assert_array_equal(annotate(paper, [make_face(box)]), paper)
    x, y, width, height = box
    if max(box) < 1e4:
        reaching = make_face((min(max(x, -40), 590), min(max(y, -40), 390), width, height))
        assert (annotate(paper, [reaching]) != paper).any(), "the control: ten pixels of it lie on the picture"


def test_a_face_outside_takes_no_room_from_the_others(paper) -> None:
    inside, outside = make_face((100, 200, 150, 150)), make_face((-900, -900, 800, 800), "sad")
    np.testing.assert_array_equal(annotate(paper, [outside, inside]), annotate(paper, [inside]))
    small = np.full((40, 48, 3), 128, np.uint8)
    assert (annotate(small, [make_face((100, 10, 20, 20))]) == 128).all(), "though it lies on the enlarged picture"
