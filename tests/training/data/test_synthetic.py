import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.labels import EXPRESSIONS
from mien.training.data.sources.synthetic import MUSCLES, POSES, draw_face, draw_faces


@pytest.fixture(scope="module")
def faces():
    return draw_faces(420, seed=3)


def test_rows_are_typed_as_every_source(faces):
    assert (faces.images.shape, faces.images.dtype) == ((420, 48, 48), np.uint8)
    assert (faces.labels.shape, faces.labels.dtype) == ((420,), np.int16)
    assert (faces.parts.shape, faces.parts.dtype) == ((420,), np.uint8)
    assert faces.label_names == EXPRESSIONS


def test_parts_have_their_shares_of_every_label(faces):
    counts = np.array([np.bincount(faces.labels[faces.parts == part], minlength=7) for part in range(3)])
    assert counts.tolist() == [[42] * 7, [9] * 7, [9] * 7]


@pytest.mark.parametrize("count", [21, 42, 50, 100, 1001])
def test_every_label_is_in_every_part(count):
    rows = draw_faces(count)
    assert len(rows.images) == count
    assert len(set(zip(rows.parts.tolist(), rows.labels.tolist(), strict=True))) == 21
    assert np.ptp(np.bincount(rows.labels)) <= 1


def test_same_seed_gives_same_pixels_however_many_are_drawn(faces):
    few = draw_faces(42, seed=3)
    assert np.array_equal(few.images, faces.images[:42])
    assert np.array_equal(few.parts, faces.parts[:42])


def test_other_seed_gives_other_pixels(faces):
    assert not (draw_faces(42, seed=4).images == faces.images[:42]).all(axis=(1, 2)).any()


def test_no_two_pictures_are_twins_and_none_is_flat(faces):
    assert len({image.tobytes() for image in faces.images}) == len(faces.images)
    assert faces.images.std(axis=(1, 2)).min() > 5


@pytest.mark.parametrize("count", [-1, 0, 20, 1_000_001])
def test_impossible_count_is_refused_with_the_value(count):
    with pytest.raises(DataError, match=rf"--count {count}:.*21 to 1,000,000"):
        draw_faces(count)


def test_negative_seed_is_refused():
    with pytest.raises(DataError, match="--seed -1"):
        draw_faces(42, seed=-1)


def test_poses_are_those_of_the_seven_labels():
    assert tuple(POSES) == EXPRESSIONS
    assert {len(pose) for pose in POSES.values()} == {len(MUSCLES)}


def test_the_same_head_looks_different_with_each_expression():
    """Only the expression differs here, so what differs between the pictures is what a network has to see."""
    drawn = [draw_face(label, np.random.default_rng(5)).astype(float) for label in EXPRESSIONS]
    repeated = draw_face("happy", np.random.default_rng(5)).astype(float)
    assert np.abs(repeated - drawn[EXPRESSIONS.index("happy")]).max() == 0
    for number, one in enumerate(drawn):
        for other in drawn[number + 1 :]:
            changed = np.abs(one - other) > 25
            assert 25 <= changed.sum() <= 1000  # a few features, not the whole picture


def test_labels_can_be_learned_but_not_from_brightness_alone(faces):
    """Nearest class mean on aligned gradients beats chance by far; on the picture's mean and contrast it does not."""
    images = faces.images.astype(np.float32)
    edges = np.abs(np.diff(images, axis=1))[:, 4:, 4:-4]
    edges = edges[:, :40].reshape(len(edges), 10, 4, 10, 4).mean((2, 4)).reshape(len(edges), -1)
    edges /= edges.mean(1, keepdims=True)
    light = np.stack([images.mean((1, 2)), images.std((1, 2))], 1)
    assert _nearest_mean_accuracy(edges, faces) > 0.5
    assert _nearest_mean_accuracy(light, faces) < 0.3


def _nearest_mean_accuracy(features, faces):
    train, held_out = faces.parts == 0, faces.parts > 0
    means = np.stack([features[train & (faces.labels == label)].mean(0) for label in range(7)])
    nearest = ((features[held_out, None] - means) ** 2).sum(-1).argmin(1)
    return (nearest == faces.labels[held_out]).mean()
