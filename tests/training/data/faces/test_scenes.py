import numpy as np
import pytest

from mien.training.data.faces.scenes import cut_faces, draw_scene
from mien.training.data.faces.sections import Scenes

STILL = {"mosaic": 0.0, "flip": 0.0, "rotated": 0.0, "aspect": 0.0, "anywhere": 0.0, "beyond": 0.0}
TURNED = {**STILL, "flip": 0.5, "rotated": 1.0, "rotation_deg": 180.0, "aspect": 0.3, "beyond": 0.5}
MOSAIC = {**TURNED, "mosaic": 1.0, "size_px": 320}
WILD = {**MOSAIC, "mosaic": 0.4, "size_px": 96, "anywhere": 0.3, "beyond": 0.5, "target_face_px": 4.0}

SWAPPED = [1, 0, 2, 4, 3]
"""In a mirrored picture the dot of the left eye stands where the right eye is now; so for the mouth."""

INSIDE = (0, 1, 2, 3, 4, 5, 7, 10, 11)
"""Drawn photos whose faces with landmarks lie wholly inside them."""


def draw(photos, seed, row=0, **how):
    return draw_scene(photos, row, np.arange(len(photos.photos)), np.random.default_rng(seed), Scenes(**how))


def signal(pixels, color):
    """Return how much of a dot of a pure color each pixel shows, 0-255; gray, white and black show none."""
    has = np.asarray(color) > 0
    return np.clip(pixels[..., has].min(axis=-1).astype(int) - pixels[..., ~has].max(axis=-1), 0, None)


def find_dot(picture, point, radius, color):
    """Return where a dot really is: the middle of what has its color near a point; NaN if nothing has."""
    low, high = np.floor(point - radius).astype(int), np.ceil(point + radius).astype(int)
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]] + 0.5
    near = np.hypot(x - point[0], y - point[1]) < radius
    weight = signal(picture[low[1] : high[1], low[0] : high[0]], color) * near
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum() if weight.sum() > 255 else [np.nan] * 2


def measure_dots(photos, dot_colors, rows, seeds, **how):
    """Return how far each landmark of large faces lies from its dot, in pixels of the scene; NaN: no dot there."""
    errors = []
    for row in rows:
        for seed in seeds:
            scene = draw(photos, seed, row, **how)
            for (left, top, right, bottom), landmarks in zip(scene.boxes, scene.landmarks, strict=True):
                radius = min(right - left, bottom - top) * 0.11
                for point, color in zip(landmarks, dot_colors, strict=True):
                    if radius >= 3 and (point > radius).all() and (point < len(scene.picture) - radius).all():
                        errors.append(find_dot(scene.picture, point, radius, color) - point)
    return np.array(errors)


HOWS = {
    "plain": STILL,
    "turned": {**STILL, "rotated": 1.0, "rotation_deg": 180.0},
    "stretched": {**STILL, "aspect": 0.5},
    "beyond": {**STILL, "beyond": 1.0},
    "enlarged": {**STILL, "target_face_px": 90.0, "size_px": 256, "most_enlarged": 8.0},
    "anywhere": {**STILL, "anywhere": 1.0},
}


@pytest.mark.parametrize("flip", [0.0, 1.0], ids=["", "mirrored"])
@pytest.mark.parametrize("how", HOWS.values(), ids=HOWS)
def test_landmarks_stand_on_their_dots(photo_set, dot_colors, how, flip):
    colors = dot_colors[SWAPPED] if flip else dot_colors
    errors = measure_dots(photo_set, colors, INSIDE, range(3), **{"size_px": 192, **how, "flip": flip})
    assert len(errors) > 40
    assert not np.isnan(errors).any()  # each dot has the color of its landmark
    assert np.abs(errors.mean(axis=0)).max() < 0.1  # half a pixel would show
    assert np.abs(errors).max() < 0.5


@pytest.mark.parametrize("flip", [0.0, 1.0], ids=["", "mirrored"])
def test_landmarks_stand_on_their_dots_in_a_mosaic(photo_set, dot_colors, flip):
    colors = dot_colors[SWAPPED] if flip else dot_colors
    errors = measure_dots(photo_set, colors, (0, 5), range(10), **{**MOSAIC, "flip": flip})
    lost = np.isnan(errors).any(axis=1)  # on the drawn face that is half outside of its photo, or cut by a seam
    assert len(errors) > 100
    assert lost.mean() < 0.1
    assert np.abs(np.median(errors[~lost], axis=0)).max() < 0.1


def test_dots_are_missed_if_they_are_off_or_of_another_color(photo_set, dot_colors):
    """Control of the two tests above."""
    errors = measure_dots(photo_set, dot_colors[SWAPPED], INSIDE, range(3), size_px=192, **STILL)
    assert np.isnan(errors).any(axis=1).mean() == pytest.approx(0.8, abs=0.05)  # all but the noses
    scene = draw(photo_set, 0, 5, size_px=192, **STILL)
    found = find_dot(scene.picture, scene.landmarks[0, 2] + 0.5, 8, dot_colors[2])
    assert np.abs(found - scene.landmarks[0, 2]).max() < 0.25


def test_after_mirroring_the_right_eye_is_still_on_the_left_of_an_upright_face(photo_set):
    for flip in (0.0, 1.0):
        landmarks = np.concatenate([draw(photo_set, 0, row, **{**STILL, "flip": flip}).landmarks for row in INSIDE])
        known = landmarks[~np.isnan(landmarks).any(axis=(1, 2))]
        assert len(known) > 5
        assert (known[:, 0, 0] < known[:, 1, 0]).all()
        assert (known[:, 3, 0] < known[:, 4, 0]).all()


@pytest.mark.parametrize("how", [STILL, TURNED, {**STILL, "aspect": 0.5}], ids=["plain", "turned", "stretched"])
@pytest.mark.parametrize("sides", [(60, 80), (90, 40), (50, 50)])
def test_boxes_frame_their_ellipses(make_photos, draw_photo, how, sides):
    photos = make_photos(draw_photo((300, 300), [(150, 150, *sides)]))
    seen = 0
    for seed in range(12):
        scene = draw(photos, seed, **{**how, "size_px": 160, "target_face_px": 30.0})
        (box,) = scene.boxes
        if (box <= 4).any() or (box >= 156).any():
            continue
        left, top, right, bottom = np.round(box).astype(int)
        near = np.zeros((160, 160), bool)
        near[top - 4 : bottom + 4, left - 4 : right + 4] = True  # farther off may be the color around the photo
        rows, columns = np.nonzero(near & (scene.picture.max(axis=2) > 120))
        framed = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        assert np.abs(framed - box).max() < 1.5
        seen += 1
    assert seen >= 4


FIVE = np.tile(np.array([[20.0, 20.0]], np.float32), (5, 1))


def cut(*boxes, landmarks=FIVE, smallest=8.0):
    array = np.array(boxes, np.float32).reshape(-1, 4)
    return cut_faces(array, np.repeat(landmarks[None], len(array), axis=0), 100, 80, smallest)


@pytest.mark.parametrize(
    ("box", "is_kept", "is_ignored"),
    [
        ((10, 10, 50, 50), True, False),
        ((-19, 10, 21, 50), True, False),  # 52 % of it
        ((-21, 10, 19, 50), False, True),  # 48 % of it
        ((79, 10, 119, 50), True, False),
        ((81, 10, 121, 50), False, True),
        ((10, -19, 50, 21), True, False),
        ((10, 61, 50, 101), False, True),
        ((-10, -10, 30, 30), True, False),  # 56 %
        ((-12, -12, 28, 28), False, True),  # 49 %
        ((-37.5, 10, 2.5, 50), False, True),  # 6 %
        ((-38.5, 10, 1.5, 50), False, False),  # 4 %
        ((-50, 10, -10, 50), False, False),
        ((10, 90, 50, 130), False, False),
        ((10, 10, 18.1, 50), True, False),
        ((10, 10, 17.9, 50), False, True),  # too small
        ((93, 10, 102, 50), False, True),  # most of it, but what is left is too small
    ],
)
def test_what_is_kept_and_what_is_ignored(box, is_kept, is_ignored):
    kept, landmarks, ignored = cut(box)
    assert (len(kept), len(landmarks), len(ignored)) == (is_kept, is_kept, is_ignored)
    for row in (*kept, *ignored):
        assert np.allclose(row, np.clip(box, 0, [100, 80, 100, 80]))


def test_the_smallest_face_is_a_choice():
    assert [len(part) for part in cut((10, 10, 17.9, 50), smallest=4.0)] == [1, 1, 0]
    assert [len(part) for part in cut((10, 10, 50, 50), smallest=41.0)] == [0, 0, 1]


def test_landmarks_outside_are_unknown_and_the_others_stay():
    points = np.array([[-0.5, 20], [20, 80.5], [100.5, 5], [99.5, 79.5], [np.nan, np.nan]], np.float32)
    _, landmarks, _ = cut((-10, -10, 80, 70), landmarks=points)
    assert np.isnan(landmarks[0]).all(axis=1).tolist() == [True, True, True, False, True]
    assert np.isnan(landmarks[0]).any(axis=1).tolist() == [True, True, True, False, True]
    assert np.array_equal(landmarks[0, 3], points[3])


def test_kept_faces_keep_their_own_landmarks():
    boxes = np.array([[200, 0, 240, 40], [10, 10, 50, 50], [0, 0, 4, 4], [30, 30, 70, 70]], np.float32)
    landmarks = boxes[:, None, :2] + np.arange(10, dtype=np.float32).reshape(5, 2)
    kept, shown, ignored = cut_faces(boxes, landmarks, 100, 80, 8.0)
    assert np.array_equal(kept, boxes[[1, 3]])
    assert np.array_equal(shown, landmarks[[1, 3]])
    assert np.array_equal(ignored, boxes[[2]])


def test_nothing_lies_outside_the_picture(photo_set):
    rows = len(photo_set.photos)
    counts = np.zeros(3, int)
    for seed in range(120):
        scene = draw(photo_set, seed, seed % rows, **WILD)
        assert (scene.picture.shape, scene.picture.dtype) == ((96, 96, 3), np.uint8)
        for boxes in (scene.boxes, scene.ignored):
            assert (boxes.shape[1:], boxes.dtype) == ((4,), np.float32)
            assert ((boxes >= 0) & (boxes <= 96)).all()
            assert (boxes[:, :2] < boxes[:, 2:]).all()
        assert (scene.landmarks.shape, scene.landmarks.dtype) == ((len(scene.boxes), 5, 2), np.float32)
        known = scene.landmarks[~np.isnan(scene.landmarks)]
        assert ((known >= 0) & (known <= 96)).all()
        assert (scene.boxes[:, 2:] - scene.boxes[:, :2]).min(initial=96) >= 8
        counts += [len(scene.boxes), len(known), len(scene.ignored)]
    assert (counts > 40).all()


def test_one_seed_gives_one_scene_and_another_one_another(photo_set):
    for row in range(4):
        first, again, other = (draw(photo_set, seed, row, **WILD) for seed in (3, 3, 4))
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, again, strict=True))
        assert not np.array_equal(first.picture, other.picture)


def plain(width, height, color=(10, 200, 90)):
    return np.full((height, width, 3), color, np.uint8)


@pytest.mark.parametrize("size", [(256, 256), (400, 200), (200, 320)])
def test_a_view_lies_inside_the_photo_where_it_can(make_photos, size):
    """The annotated face is at the border, and at its least size the photo is still larger than the view."""
    photos = make_photos((plain(*size), [(0, 0, 40, 40), (size[0] - 40, size[1] - 40, 40, 40)]))
    how = {**STILL, "size_px": 96, "target_face_px": 20.0, "flip": 0.5}
    shown = [(draw(photos, seed, **how).picture == plain(96, 96)).all() for seed in range(40)]
    assert all(shown)
    beyond = [(draw(photos, seed, **{**how, "beyond": 1.0}).picture == plain(96, 96)).all() for seed in range(40)]
    assert sum(beyond) < 20  # control


def test_a_photo_that_is_smaller_than_the_view_is_shown_whole(make_photos):
    photos = make_photos((plain(200, 100), [(80, 30, 40, 40)]))
    how = {**STILL, "size_px": 96, "target_face_px": 12.0, "largest_face": 0.1, "least_filled": 0.0}
    for seed in range(20):
        scene = draw(photos, seed, **how)
        side = (scene.boxes[0, 2:] - scene.boxes[0, :2]).mean()
        area = 200 * 100 * (side / 40) ** 2
        assert (scene.picture == (10, 200, 90)).all(axis=2).sum() == pytest.approx(area, rel=0.08)


@pytest.mark.parametrize("anywhere", [0.0, 1.0])
def test_a_photo_fills_its_least_share(make_photos, anywhere):
    photos = make_photos((plain(300, 300), [(100, 100, 60, 60)]))
    how = {**STILL, "size_px": 96, "target_face_px": 10.0, "largest_face": 0.1, "anywhere": anywhere}
    shares = {
        least: min(
            (draw(photos, seed, **how, least_filled=least).picture == (10, 200, 90)).all(axis=2).mean()
            for seed in range(30)
        )
        for least in (0.8, 0.1)
    }
    assert shares[0.8] > 0.75**2
    assert shares[0.1] < 0.6**2


def test_every_scale_of_the_drawn_face_is_as_likely_as_any_other(make_photos):
    photos = make_photos((plain(200, 200), [(80, 80, 40, 40)]))
    how = {**STILL, "size_px": 128, "target_face_px": 12.0, "largest_face": 0.75, "least_filled": 0.0}
    boxes = np.concatenate([draw(photos, seed, **how).boxes for seed in range(160)])
    sides = boxes[:, 2] - boxes[:, 0]
    assert len(sides) == 160
    assert sides.min() > 11.9
    assert sides.max() < 96.1
    below = [(np.log(sides / 12) < share * np.log(96 / 12)).mean() for share in (0.25, 0.5, 0.75)]
    assert below == pytest.approx([0.25, 0.5, 0.75], abs=0.08)


def test_a_face_is_not_enlarged_beyond_measure(make_photos):
    photos = make_photos((plain(400, 400), [(80, 80, 10, 10)]))
    how = {**STILL, "size_px": 128, "target_face_px": 12.0, "least_filled": 0.0}
    for factor in (2.0, 8.0):
        boxes = [draw(photos, seed, **how, most_enlarged=factor).boxes for seed in range(60)]
        largest = max((box[:, 2] - box[:, 0]).max() for box in boxes)
        assert 0.85 * factor * 10 < largest <= factor * 10 + 0.01


def test_the_drawn_face_is_always_shown(photo_set):
    for row in (0, 2, 4, 7, 8):
        for beyond in (0.0, 1.0):
            for seed in range(12):
                scene = draw(photo_set, seed, row, **{**TURNED, "rotation_deg": 30.0, "beyond": beyond, "size_px": 96})
                assert len(scene.boxes) >= 1


def test_anywhere_is_without_regard_to_faces(make_photos):
    photos = make_photos((plain(400, 400), [(180, 180, 40, 40)]))
    shown = {
        anywhere: [
            len(draw(photos, seed, **{**STILL, "size_px": 96, "anywhere": anywhere}).boxes) for seed in range(40)
        ]
        for anywhere in (0.0, 0.5, 1.0)
    }
    assert sum(shown[0.0]) == 40
    assert sum(shown[1.0]) < sum(shown[0.5]) < 40


def test_faces_that_are_too_small_are_not_drawn_for(make_photos):
    photos = make_photos((plain(400, 400), [(80, 80, 7, 30), (300, 300, 40, 40)]))
    how = {**STILL, "size_px": 128, "target_face_px": 40.0, "least_filled": 0.0}
    for seed in range(30):
        sides = np.concatenate([box[2:] - box[:2] for box in draw(photos, seed, **how).boxes]).reshape(-1, 2)
        assert np.isclose(sides[:, 0], sides[:, 1], atol=0.01).any()


def test_a_photo_without_faces_makes_a_scene_without_faces(photo_set):
    assert photo_set.photos["count"][6] == 0
    scene = draw(photo_set, 0, 6, size_px=96, mosaic=0.0)
    assert [part.shape for part in scene[1:]] == [(0, 4), (0, 5, 2), (0, 4)]
    assert scene.picture.any()


def test_a_mosaic_holds_its_own_photo_and_others(make_photos):
    colors = [(10, 200, 90), (200, 10, 90), (90, 10, 200), (200, 200, 10)]
    photos = make_photos(*((plain(100, 100, color), [(20, 20, 60, 60)]) for color in colors))
    how = Scenes(**{**STILL, "mosaic": 1.0, "size_px": 96, "target_face_px": 60.0})  # the photos fill their quarters
    others = np.array([0, 1, 3])
    own, kinds, corners = [], [], set()
    for seed in range(24):
        picture = draw_scene(photos, 2, others, np.random.default_rng(seed), how).picture
        shown = [(picture == color).all(axis=2) for color in colors]
        own.append(shown[2].mean())
        kinds.append(sum(one.any() for one in shown))
        corners |= {place for place in ((0, 0), (0, -1), (-1, 0), (-1, -1)) if shown[2][place]}
    assert min(own) > 0.3**2 - 0.01
    assert max(kinds) == 4
    assert len(corners) == 4  # it is not always in the same place


def test_a_mosaic_takes_its_other_parts_from_the_given_rows_alone(make_photos):
    photos = make_photos((plain(99, 99, (9, 9, 99)), []), (plain(99, 99, (9, 99, 9)), []), (plain(99, 99), []))
    how = Scenes(size_px=96, **{**STILL, "mosaic": 1.0})
    pictures = [draw_scene(photos, 0, np.array([0, 1]), np.random.default_rng(seed), how).picture for seed in range(20)]
    assert not any((picture == (10, 200, 90)).all(axis=2).any() for picture in pictures)
    assert any((picture == (9, 99, 9)).all(axis=2).any() for picture in pictures)


def test_nothing_aliases_where_a_photo_shrinks(make_photos):
    board = np.indices((400, 400)).sum(axis=0) % 2 * 255
    photos = make_photos((np.repeat(board[..., None], 3, axis=2).astype(np.uint8), [(100, 100, 200, 200)]))
    how = {**STILL, "size_px": 96, "least_filled": 1.0}
    for seed in range(10):
        picture = draw(photos, seed, **how, target_face_px=12.0, largest_face=0.2).picture
        assert picture[8:-8, 8:-8].std() < 20
    assert draw(photos, 0, **how, target_face_px=800.0).picture[8:-8, 8:-8].std() > 30  # control: enlarged


def test_around_the_photo_lies_one_color(make_photos):
    photos = make_photos((plain(100, 100), [(0, 0, 50, 50)]))
    how = {**STILL, "size_px": 96, "target_face_px": 12.0, "largest_face": 0.2, "least_filled": 0.0, "beyond": 1.0}
    around = set()
    for seed in range(20):
        picture = draw(photos, seed, **how).picture
        colors, counts = np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
        largest = {tuple(colors[number].tolist()) for number in np.argsort(counts)[-2:]}
        assert counts[np.argsort(counts)[-2:]].sum() > 0.98 * 96 * 96 - 300  # but for the soft border
        around |= largest - {(10, 200, 90)}
    assert (0, 0, 0) in around
    assert len(around) > 5
