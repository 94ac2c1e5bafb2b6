import numpy as np
import pytest

from mien.core.errors import InputError
from mien.core.geometry import Box
from mien.training.data.canvases import draw_canvas, lay_out, paste


def dotted(x: int, y: int) -> np.ndarray:
    """Return a dark crop with one bright dot, 3 pixels wide."""
    crop = np.full((48, 48), 40, np.uint8)
    crop[y - 1 : y + 2, x - 1 : x + 2] = 255
    return crop


def brightest(picture: np.ndarray) -> np.ndarray:
    """Return the middle of the brightest pixels, x and y, counted from the corner of the picture."""
    bright = picture[:, :, 0] > 0.8 * picture.max()
    return np.argwhere(bright).mean(axis=0)[::-1] + 0.5


@pytest.mark.parametrize("turn_deg", [0, 20, -35, 90])
def test_a_point_of_the_picture_is_told_where_it_is_in_the_crop(turn_deg) -> None:
    canvas = lay_out(dotted(12, 33), 96, size_px=(220, 180), center=(120, 80), turn_deg=turn_deg)
    assert canvas.picture.shape == (180, 220, 3)
    expected = np.array([12.5, 33.5]) / 48
    np.testing.assert_allclose(canvas.locate(brightest(canvas.picture)), expected, atol=0.01)
    assert np.abs(canvas.locate(brightest(canvas.picture)) - expected[::-1]).max() > 0.3, "the control: x and y differ"


def test_clockwise_is_as_one_sees_it() -> None:
    x, y = brightest(lay_out(dotted(24, 8), 96, turn_deg=30).picture) - 96
    assert (x > 10, y < -10) == (True, True), "a dot at the top goes to the right"


def test_the_crop_fades_into_its_own_blurred_colors() -> None:
    canvas = lay_out(np.full((48, 48, 3), (200, 120, 40), np.uint8), 80)
    assert canvas.picture.shape == (160, 160, 3)
    assert np.abs(canvas.picture.astype(int) - (200, 120, 40)).max() <= 2
    striped = np.zeros((48, 48), np.uint8)
    striped[:, ::2] = 255
    picture = lay_out(striped, 96).picture[:, :, 0].astype(int)
    assert np.ptp(picture[96, 50:142]) > 150, "within the crop its detail is kept"
    assert np.abs(np.diff(picture[96, :40])).max() <= 3, "and outside there is none"
    assert np.abs(np.diff(picture[96, 50:142])).max() > 100, "the control"


def test_drawn_canvases_hold_the_whole_crop_within_the_ranges() -> None:
    random = np.random.default_rng(0)
    canvases = [draw_canvas(dotted(20, 20), random) for _ in range(60)]
    assert {canvas.picture.shape for canvas in canvases} == {(240, 320, 3)}
    sides, turns = np.array([(canvas.side_px, canvas.turn_deg) for canvas in canvases]).T
    assert 64 <= sides.min() < 75
    assert 140 < sides.max() <= 160
    assert -20 <= turns.min() < -15
    assert 15 < turns.max() <= 20
    corners = np.array([[0, 0], [320, 0], [0, 240], [320, 240]])
    for canvas in canvases:
        x, y = canvas.locate(corners).T
        assert (np.maximum(np.abs(x - 0.5), np.abs(y - 0.5)) >= 0.5).all(), "no corner of the picture lies in the crop"


def test_the_same_seed_draws_the_same() -> None:
    one, same = (draw_canvas(dotted(9, 9), np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one.picture, same.picture)
    assert not np.array_equal(one.picture, draw_canvas(dotted(9, 9), np.random.default_rng(8)).picture)


@pytest.mark.parametrize(("box", "shows"), [((70, 50, 60, 60), True), ((95, 50, 60, 60), False), ((0, 0, 9, 9), False)])
def test_a_box_is_of_the_crop_if_their_middles_are_close(box, shows) -> None:
    canvas = lay_out(dotted(24, 24), 80, size_px=(200, 160))
    assert canvas.shows(Box(*box)) is shows


def test_what_has_no_room_is_refused() -> None:
    with pytest.raises(InputError, match="no room in a picture of 100 x 90"):
        draw_canvas(dotted(9, 9), np.random.default_rng(0), size_px=(100, 90), side_px=(95, 96))
    with pytest.raises(InputError, match="got 1 in 2 x 2"):
        lay_out(dotted(9, 9), 1)


def noise(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 200, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("turn_deg", [0, 20, -35, 90])
def test_a_point_of_the_crop_is_told_where_it_is_in_the_picture(turn_deg) -> None:
    canvas = paste(dotted(12, 33), np.zeros((180, 220, 3), np.uint8), 96, (120, 80), turn_deg)
    inside = np.array([12.5, 33.5]) / 48
    np.testing.assert_allclose(canvas.place(inside), brightest(canvas.picture), atol=1)
    assert np.abs(canvas.place(inside[::-1]) - brightest(canvas.picture)).max() > 20, "the control: x and y differ"


def test_place_is_the_inverse_of_locate() -> None:
    canvas = paste(dotted(12, 33), noise(220, 180), 90, (120.5, 80.25), 25)
    points = np.random.default_rng(0).uniform(-1, 2, (4, 5, 2))
    np.testing.assert_allclose(canvas.locate(canvas.place(points)), points, atol=1e-12)
    np.testing.assert_allclose(canvas.place(canvas.locate(points)), points, atol=1e-9)
    np.testing.assert_allclose(canvas.place(np.array([0.5, 0.5])), [120.5, 80.25])


@pytest.mark.parametrize("turn_deg", [0, 30])
def test_around_a_pasted_crop_the_picture_is_as_it_was(turn_deg) -> None:
    ground, crop = noise(220, 180), np.full((48, 48), 230, np.uint8)
    ground_before, crop_before = ground.copy(), crop.copy()
    canvas = paste(crop, ground, 80, (120, 80), turn_deg)
    y, x = np.mgrid[:180, :220] + 0.5
    away = np.abs(canvas.locate(np.stack([x, y], axis=-1)) - 0.5).max(axis=-1)
    is_outside, is_inside = away > 0.5, away < 0.5 - 0.15
    np.testing.assert_array_equal(canvas.picture[is_outside], ground[is_outside])
    np.testing.assert_allclose(canvas.picture[is_inside], 230, atol=1)
    assert is_inside.sum() > 2500
    np.testing.assert_array_equal(ground, ground_before)
    np.testing.assert_array_equal(crop, crop_before)
    canvas.picture[:] = 0
    np.testing.assert_array_equal(ground, ground_before, "the picture is a copy")


def test_a_crop_may_reach_over_the_border() -> None:
    canvas = paste(np.full((48, 48), 255, np.uint8), np.zeros((60, 80, 3), np.uint8), 40, (0, 60), 0)
    assert canvas.picture.shape == (60, 80, 3)
    assert canvas.picture[59, 0].tolist() == [255] * 3
    assert not canvas.picture[:39].any()


@pytest.mark.parametrize(("side_px", "size"), [(1, (40, 40)), (8, (1, 40))])
def test_what_is_too_small_to_paste_is_refused(side_px, size) -> None:
    with pytest.raises(InputError, match=f"got {side_px} in {size[0]} x {size[1]}"):
        paste(dotted(9, 9), np.zeros((size[1], size[0], 3), np.uint8), side_px, (5, 5), 0)
