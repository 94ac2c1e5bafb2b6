"""Every change does what its name says, on gray and colored pictures, and is made again by the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mien.inference.faces.frame import FER2013_FRAME
from mien.training.data.table import Dataset
from mien.training.evaluate.changes import (
    CHANGES,
    DARK_NOISE,
    GRAY,
    add_noise,
    blur,
    coarsen,
    compress,
    darken,
    hide_part,
    turn,
)

DRAWS = ("noise", "light", "hidden 1", "hidden 2")
"""Beginnings of the names of changes that draw something."""


def seeded(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(params=["gray", "RGB"])
def pictures(request: pytest.FixtureRequest, synthetic: Dataset) -> np.ndarray:
    """Eight drawn faces of 48 pixels; those in color have another one in each channel."""
    gray = synthetic.images[:8]
    return gray.copy() if request.param == "gray" else np.stack([gray, gray[::-1], 255 - gray], axis=-1)


@pytest.mark.parametrize("name", CHANGES)
def test_every_picture_is_changed_and_keeps_its_form(name: str, pictures: np.ndarray) -> None:
    before = pictures.copy()
    changed = CHANGES[name](pictures, seeded())
    assert (changed.shape, changed.dtype) == (before.shape, np.uint8)
    assert np.array_equal(pictures, before), "what was passed in stays"
    assert all((one != other).any() for one, other in zip(changed, before, strict=True))


@pytest.mark.parametrize("name", CHANGES)
def test_the_seed_alone_decides(name: str, pictures: np.ndarray) -> None:
    changed = CHANGES[name](pictures, seeded())
    assert np.array_equal(CHANGES[name](pictures, seeded()), changed)
    assert np.array_equal(CHANGES[name](pictures, seeded(1)), changed) is not name.startswith(DRAWS)


@pytest.mark.parametrize("name", CHANGES)
def test_chunks_are_changed_as_the_whole_would_be(name: str, pictures: np.ndarray) -> None:
    random = seeded()
    parts = [CHANGES[name](part, random) for part in (pictures[:3], pictures[3:])]
    assert np.array_equal(np.concatenate(parts), CHANGES[name](pictures, seeded()))


@pytest.mark.parametrize(
    "names",
    [
        ("blur 0.5 px", "blur 1 px", "blur 1.5 px"),
        ("noise 8", "noise 16", "noise 32"),
        ("JPEG 50", "JPEG 20", "JPEG 10"),
        ("light x 0.5", "light x 0.25"),
        ("resolution 36 px", "resolution 24 px"),
        ("hidden 10 %", "hidden 25 %"),
        ("turned +15 deg", "turned +30 deg"),
        ("turned -15 deg", "turned -30 deg"),
    ],
)
def test_stronger_changes_change_more(names: tuple[str, ...], pictures: np.ndarray) -> None:
    before = pictures.astype(float)
    distances = [float(np.abs(CHANGES[name](pictures, seeded()) - before).mean()) for name in names]
    assert distances == sorted(distances)
    assert len(set(distances)) == len(names)


def test_the_control_at_strength_nothing_all_stays(pictures: np.ndarray) -> None:
    for picture in pictures:
        assert np.array_equal(blur(picture, 0), picture)
        assert np.array_equal(coarsen(picture, 48), picture)
        assert np.array_equal(coarsen(picture, 64), picture), "a picture that is smaller has nothing to lose"
        assert np.array_equal(turn(picture, 0), picture)
    assert np.array_equal(add_noise(pictures, seeded(), 0), pictures)


def test_noise_is_as_strong_as_it_is_called() -> None:
    plain = np.full((50, 48, 48), 128, np.uint8)
    for sd in (8, 16, 32):
        noise = CHANGES[f"noise {sd}"](plain, seeded()) - plain.astype(float)
        assert noise.std() == pytest.approx(sd, rel=0.02)
        assert noise.mean() == pytest.approx(0, abs=0.02 * sd)
    extremes = add_noise(np.array([[[0, 255]]], np.uint8).repeat(999, 0), seeded(), 8)
    assert extremes[..., 0].max() < 64 < 192 < extremes[..., 1].min(), "nothing wraps around"


def test_low_light_dims_white_by_its_share_and_shadows_more() -> None:
    tones = np.array([64, 255], np.uint8).repeat(5000)[None, None]
    dark = darken(tones, seeded(), 0.5).astype(float)
    shadows, lights = dark[0, 0, :5000], dark[0, 0, 5000:]
    assert lights.mean() == pytest.approx(127.5, abs=0.2)
    assert shadows.mean() == pytest.approx(127.5 * (64 / 255) ** 1.5, abs=0.2)
    assert shadows.mean() < 32, "the control: without gamma it were 32"
    assert lights.std() == pytest.approx(DARK_NOISE, rel=0.05)


def test_fewer_pixels_are_averages_and_nothing_aliases() -> None:
    checks = (np.indices((48, 48)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert np.isin(coarsen(checks, 24), (127, 128)).all()
    assert (checks[::2, ::2] == 0).all(), "the control: every second pixel alone were black"


def test_jpeg_spoils_a_face_more_than_its_best_quality_does(synthetic: Dataset) -> None:
    for picture in synthetic.images[:8]:
        spoiled, kept = (np.abs(compress(picture, quality) - picture.astype(float)).mean() for quality in (10, 95))
        assert spoiled > 2 * kept


@pytest.mark.parametrize(("angle", "row", "column"), [(30, 34, 43), (-30, 14, 43), (90, 44, 24), (0, 24, 44)])
def test_positive_turns_are_clockwise(angle: float, row: int, column: int) -> None:
    picture = np.zeros((49, 49), np.uint8)
    picture[23:26, 43:46] = 255  # to the right of the middle, (24, 24), by 20 pixels
    turned = turn(picture, angle).astype(float)
    expected = 24 + 20 * np.sin(np.deg2rad(angle)), 24 + 20 * np.cos(np.deg2rad(angle))
    found = [(turned * axis).sum() / turned.sum() for axis in np.indices(turned.shape)]
    np.testing.assert_allclose(found, expected, atol=0.1)
    assert np.hypot(row - found[0], column - found[1]) < 3, "as written out beside the angle"


@pytest.mark.parametrize("shape", [(48, 48), (48, 48, 3), (30, 60)])
def test_a_turn_repeats_the_edge_where_nothing_was_seen(shape: tuple[int, ...]) -> None:
    plain = np.full(shape, 200, np.uint8)
    for angle in (15, 30, 45):
        assert (turn(plain, angle) == 200).all()
    assert (np.asarray(Image.fromarray(plain).rotate(30)) == 0).any(), "the control"


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_rectangles_hide_their_share_at_places_all_over(share: float) -> None:
    black = np.zeros((500, 48, 48), np.uint8)
    is_hidden = hide_part(black, seeded(), share) == GRAY
    shares = is_hidden.mean(axis=(1, 2))
    np.testing.assert_allclose(shares, share, atol=0.01)
    heights, widths = is_hidden.any(axis=2).sum(axis=1), is_hidden.any(axis=1).sum(axis=1)
    assert np.array_equal(heights * widths, is_hidden.sum(axis=(1, 2))), "each is one whole rectangle"
    assert 0.45 < (heights / widths).min() < 0.6 < 1.7 < (heights / widths).max() < 2.2
    assert is_hidden.any(axis=(0, 1)).all(), "up to the left and the right border"
    assert is_hidden.any(axis=(0, 2)).all(), "and up to the upper and lower one"
    assert is_hidden.mean(axis=0).max() < 1, "the control: none is hidden always"


def test_bands_hide_the_eyes_or_the_mouth_and_nothing_else() -> None:
    black = np.zeros((2, 48, 48), np.uint8)
    places = [(int(48 * y), int(48 * x)) for x, y in FER2013_FRAME.landmarks]  # eyes, nose, corners of the mouth
    for name, expected in (("eyes", [1, 1, 0, 0, 0]), ("mouth", [0, 0, 0, 1, 1])):
        for picture in CHANGES[f"hidden {name}"](black, seeded()):
            assert [picture[place] for place in places] == [GRAY * is_hidden for is_hidden in expected]
            assert (picture == GRAY).mean() == pytest.approx(0.2, abs=0.02)
