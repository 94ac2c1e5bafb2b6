from types import SimpleNamespace

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.geometry import Box
from mien.core.labels import EXPRESSIONS
from mien.core.results import Face, Quality
from mien.training.evaluate.round_trip import take_round_trip

N = 40


class Stand:
    """Reads the label that a crop's brightness tells, and finds every face but the darkest ones."""

    labels = EXPRESSIONS
    card = SimpleNamespace(labels=EXPRESSIONS)

    def __init__(self, *, confuses: int = 0, extra: int = 0) -> None:
        self.confuses, self.extra = confuses, extra

    def classify(self, crops):
        return np.eye(7, dtype=np.float32)[np.asarray(crops).mean(axis=(1, 2)).astype(int) // 30]

    def predict(self, picture):
        assert picture.shape == (240, 320, 3)
        label = int(picture[:, :, 0].mean()) // 30
        elsewhere = [self._face(0, Box(0, 0, 1, 1))] * self.extra
        if label == 0:
            return elsewhere
        read = 1 if label <= self.confuses else label
        return [*elsewhere, self._face(read, Box(0, 0, 1000, 1000))]

    def _face(self, label, box):
        rest = dict.fromkeys(EXPRESSIONS, 0.4 / 6) | {EXPRESSIONS[label]: 0.6}
        return Face(box, 0.9, None, rest, Quality(10.0 if label == 6 else 100.0))


@pytest.fixture
def dataset():
    """Crops of one gray each, whose label is told by it."""
    labels = np.arange(N) % 7
    images = np.repeat((labels * 30 + 15).astype(np.uint8), 48 * 48).reshape(N, 48, 48)
    return SimpleNamespace(path="faces", labels=EXPRESSIONS, images=images, table={"label": labels.astype(np.uint8)})


@pytest.fixture(autouse=True)
def anywhere(monkeypatch):
    """Every box that is large is of the crop; where it lies, is tested with the canvas."""
    monkeypatch.setattr("mien.training.data.canvases.Canvas.shows", lambda canvas, box: box.width > 100)


def test_what_is_found_and_what_is_read_are_counted(dataset) -> None:
    rows = np.arange(1, N)
    labels = dataset.table["label"][rows]
    found = labels > 0
    seen: list[tuple[int, int]] = []
    trip = take_round_trip(Stand(), dataset, rows, on_progress=lambda done, total: seen.append((done, total)))
    assert (trip.n, trip.found, trip.extra) == (N - 1, pytest.approx(found.mean()), 0)
    assert (trip.accuracy_untouched, trip.accuracy) == (1, 1)
    assert trip.certain == pytest.approx((labels[found] != 6).mean())
    assert trip.accuracy_where_certain == 1
    assert seen == [(done, N - 1) for done in range(1, N)]


def test_what_is_lost_is_lost_among_the_found_ones(dataset) -> None:
    labels = dataset.table["label"]
    trip = take_round_trip(Stand(confuses=2, extra=1), dataset, np.arange(N))
    found = labels > 0
    assert trip.accuracy_untouched == 1
    assert trip.accuracy == pytest.approx((labels[found] != 2).mean())
    assert trip.extra == pytest.approx(1.0)
    lost = 100 * (labels[found] == 2).mean()
    assert f"({lost:+.1f} points lost)" in trip.describe()


def test_where_nothing_is_found_there_is_no_accuracy(dataset) -> None:
    trip = take_round_trip(Stand(), dataset, np.flatnonzero(dataset.table["label"] == 0))
    assert (trip.found, trip.accuracy, trip.accuracy_where_certain) == (0, None, None)


def test_labels_in_another_order_are_refused(dataset) -> None:
    dataset.labels = EXPRESSIONS[::-1]
    with pytest.raises(DataError, match="names and order must be the same"):
        take_round_trip(Stand(), dataset, np.arange(N))
