import threading
import time

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="batches are tensors")

from mien.training.data.faces import batches as module  # noqa: E402
from mien.training.data.faces.batches import BATCHES_AHEAD, SceneBatches, WholePhotos  # noqa: E402
from mien.training.data.faces.scenes import Scene  # noqa: E402
from mien.training.data.faces.sections import Scenes, Weather  # noqa: E402

SMALL = Scenes(size_px=64, target_face_px=12.0)


def make_batches(photos, size=2, *, seed=0, threads=1, **options):
    return SceneBatches(photos, size, seed=seed, scenes=SMALL, weather=Weather(), threads=threads, **options)


def flatten(batches):
    """Return all that an epoch shows."""
    parts = [part for batch in batches for group in batch for part in (group if isinstance(group, list) else [group])]
    return [part.numpy() for part in parts]


def is_same(one, other):
    return len(one) == len(other) and all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


def number_scene(photos, row, others, random, how):
    """Stand in for a scene: its pixels tell the photo's row."""
    nothing = np.zeros((0, 4), np.float32)
    return Scene(np.full((64, 64, 3), row, np.uint8), nothing, np.zeros((0, 5, 2), np.float32), nothing)


@pytest.fixture
def numbered(monkeypatch):
    monkeypatch.setattr(module, "draw_scene", number_scene)
    monkeypatch.setattr(module, "spoil", lambda scene, random, how: scene)


@pytest.fixture(scope="module")
def many(make_photos):
    return make_photos(*[(np.full((16, 16, 3), 99, np.uint8), [(2, 2, 12, 12)])] * 64)


def rows_of(batches):
    return [int(picture[0, 0, 0]) for batch in batches for picture in batch.images]


def test_a_batch_holds_what_its_docstring_says(photo_set):
    batches = make_batches(photo_set, 4)
    assert len(batches) == 2
    seen = list(batches)
    assert len(seen) == 2
    for batch in seen:
        assert (batch.images.shape, batch.images.dtype) == ((4, 64, 64, 3), torch.uint8)
        assert len(batch.boxes) == len(batch.landmarks) == len(batch.ignored) == 4
        for boxes, landmarks, ignored in zip(batch.boxes, batch.landmarks, batch.ignored, strict=True):
            assert boxes.shape[1:] == ignored.shape[1:] == (4,)
            assert landmarks.shape == (len(boxes), 5, 2)
            assert boxes.dtype == landmarks.dtype == ignored.dtype == torch.float32
    assert sum(len(boxes) for batch in seen for boxes in batch.boxes) > 4


def test_an_epoch_shows_each_training_photo_once_and_no_other(photo_set, numbered):
    rows = photo_set.rows_of("train")
    assert len(rows) == 9
    for size in (1, 3):
        assert sorted(rows_of(make_batches(photo_set, size))) == rows.tolist()


def test_a_smaller_last_batch_is_left_out_but_not_always_of_the_same_photos(photo_set, numbered):
    batches = make_batches(photo_set, 4)
    shown = []
    for epoch in range(6):
        batches.set_epoch(epoch)
        shown.append(rows_of(batches))
        assert len(set(shown[-1])) == len(shown[-1]) == 8
    assert len({tuple(sorted(rows)) for rows in shown}) > 1


def test_a_batch_that_is_larger_than_the_set_is_the_whole_set(photo_set, numbered):
    batches = make_batches(photo_set, 100)
    assert (len(batches), len(rows_of(batches))) == (1, 9)


def test_epochs_differ_and_a_repeated_one_is_the_same(photo_set):
    batches = make_batches(photo_set)
    first = flatten(batches)
    assert is_same(flatten(batches), first)
    batches.set_epoch(1)
    second = flatten(batches)
    assert not is_same(second, first)
    batches.set_epoch(0)
    assert is_same(flatten(batches), first)
    assert not is_same(flatten(make_batches(photo_set, seed=1)), first)


def test_epochs_differ_in_their_order_and_in_each_scene(many, numbered):
    batches = make_batches(many, 8)
    orders = []
    for epoch in range(3):
        batches.set_epoch(epoch)
        orders.append(rows_of(batches))
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(64))
    assert orders[0] != orders[1] != orders[2] != sorted(orders[0])


def test_one_photo_looks_different_in_every_epoch(make_photos, draw_photo):
    batches = make_batches(make_photos(draw_photo((160, 160), [(80, 80, 60, 80)])), 1)
    pictures = set()
    for epoch in range(5):
        batches.set_epoch(epoch)
        pictures.add(next(iter(batches)).images.numpy().tobytes())
    assert len(pictures) == 5


def test_the_scenes_do_not_depend_on_the_number_of_threads(photo_set):
    one, four = (flatten(make_batches(photo_set, threads=threads)) for threads in (1, 4))
    assert is_same(one, four)


def test_an_iteration_that_has_begun_stays_in_its_epoch(photo_set):
    batches = make_batches(photo_set)
    first = flatten(batches)
    begun = iter(batches)
    parts = flatten([next(begun)])
    batches.set_epoch(1)
    assert is_same(parts + flatten(begun), first)
    assert not is_same(flatten(batches), first)


def test_an_iteration_that_was_asked_for_and_has_not_begun_is_of_the_epoch_set_then(photo_set):
    batches = make_batches(photo_set)
    asked = iter(batches)
    batches.set_epoch(1)
    late = flatten(asked)
    assert is_same(late, flatten(batches))


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_share_each_batch(photo_set, processes):
    whole = list(make_batches(photo_set, 6))
    for rank in range(processes):
        part = list(make_batches(photo_set, 6, rank=rank, processes=processes, threads=2))
        assert len(part) == len(whole) == 1
        for own, all_of_it in zip(part, whole, strict=True):
            assert torch.equal(own.images, all_of_it.images[rank::processes])
            expected = all_of_it._replace(**{name: getattr(all_of_it, name)[rank::processes] for name in own._fields})
            assert is_same(flatten([own]), flatten([expected]))


def test_each_field_is_that_of_the_scenes(photo_set, monkeypatch):
    def draw(photos, row, others, random, how):
        boxes = np.full((2, 4), row, np.float32)
        return Scene(np.zeros((64, 64, 3), np.uint8), boxes, np.full((2, 5, 2), row + 100, np.float32), boxes[:1] + 200)

    monkeypatch.setattr(module, "draw_scene", draw)
    rows = []
    for batch in make_batches(photo_set, 3):
        for boxes, landmarks, ignored in zip(batch.boxes, batch.landmarks, batch.ignored, strict=True):
            rows.append(boxes[0, 0].item())
            assert (landmarks == rows[-1] + 100).all()
            assert (ignored == rows[-1] + 200).all()
    assert sorted(rows) == photo_set.rows_of("train").tolist()


def test_an_abandoned_iteration_draws_no_more(many, monkeypatch):
    drawn = []

    def draw(*args):
        drawn.append(args[1])
        time.sleep(wait_s)
        return number_scene(*args)

    monkeypatch.setattr(module, "draw_scene", draw)
    before = threading.active_count()
    batches, wait_s = make_batches(many, 2, device="meta"), 0.1  # ahead is drawn for other devices alone
    iteration = iter(batches)
    next(iteration)
    assert threading.active_count() > before
    iteration.close()
    assert threading.active_count() == before
    count = len(drawn)
    assert 2 <= count < 2 * BATCHES_AHEAD  # those that nobody had begun were never drawn
    time.sleep(0.15)
    assert len(drawn) == count
    wait_s = 0.0
    assert sum(1 for _ in batches) == 32  # the next one is whole


@pytest.mark.parametrize(("device", "ahead"), [("cpu", 1), ("meta", BATCHES_AHEAD)])
def test_no_more_is_drawn_ahead_than_agreed(many, monkeypatch, device, ahead):
    """On a CPU nothing is; a device that computes for itself is kept busy ("meta" stands for a GPU)."""
    drawn = []
    monkeypatch.setattr(module, "draw_scene", lambda *args: drawn.append(args[1]) or number_scene(*args))
    iteration = iter(make_batches(many, 2, device=device))
    for number in range(5):
        next(iteration)
        time.sleep(0.05)
        assert len(drawn) == 2 * (ahead + number)
    iteration.close()


def test_what_goes_wrong_in_a_thread_is_told_and_ends_them(many, monkeypatch):
    def fail(photos, row, others, random, how):
        raise ZeroDivisionError("photo 7")

    monkeypatch.setattr(module, "draw_scene", fail)
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError, match="photo 7"):
        list(make_batches(many, threads=3))
    assert threading.active_count() == before


def test_weather_comes_over_the_scenes(photo_set, monkeypatch):
    calm = flatten(make_batches(photo_set))
    monkeypatch.setattr(module, "spoil", lambda scene, random, how: scene)
    clear = flatten(make_batches(photo_set))
    assert not is_same(calm, clear)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(calm, clear, strict=True) if a.ndim < 4)


def test_whole_photos_come_in_their_order_and_as_they_are(photo_set):
    rows = photo_set.rows_of("test")[::-1]
    whole = WholePhotos(photo_set, rows)
    assert len(whole) == len(rows) == 2
    seen = list(whole)
    assert [row for _, row in seen] == rows.tolist()
    for picture, row in seen:
        assert picture.dtype == torch.uint8
        assert np.array_equal(picture.numpy(), photo_set.picture(row))
        assert not np.shares_memory(picture.numpy(), photo_set.pixels)  # which are read-only
