"""What changed pictures cost: checked by hand on models that read a picture's brightness."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mien.core.errors import DataError, InputError
from mien.core.labels import EXPRESSIONS
from mien.training.data.table import ROW, Dataset, number_twins, open_dataset, save_dataset
from mien.training.evaluate.changes import Pictures
from mien.training.evaluate.robustness import Robustness, measure_robustness

N = 280
"""More than a chunk of 256."""

CONFIDENCE = 0.75


class Stand:
    """Reads the label that a crop's mean tells, 30 a label, always equally sure; and keeps what it was shown."""

    def __init__(self, *, is_blind: bool = False, labels: tuple[str, ...] = EXPRESSIONS) -> None:
        self.is_blind = is_blind
        self.card = SimpleNamespace(labels=labels, graph_sha256="0" * 64)
        self.shown: list[np.ndarray] = []

    def classify(self, crops: np.ndarray) -> np.ndarray:
        self.shown.append(crops)
        read = np.asarray(crops).reshape(len(crops), -1).mean(axis=1).astype(int).clip(0, 209) // 30
        answers = np.full((len(crops), 7), (1 - CONFIDENCE) / 6, np.float32)
        answers[np.arange(len(crops)), 0 if self.is_blind else read] = CONFIDENCE
        return answers


def brighten(pictures: Pictures, random: np.random.Generator) -> Pictures:
    """Make each of the first six labels look like the next."""
    return pictures + np.uint8(30)


def scatter(pictures: Pictures, random: np.random.Generator) -> Pictures:
    return random.integers(0, 210, pictures.shape, np.uint8)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """280 validation pictures of one brightness each, 15 + 30 x label, 40 a label; and one for training."""
    table = np.zeros(N + 1, ROW)
    table["row"] = np.arange(N + 1)
    table["label"] = np.arange(N + 1) % 7
    table["split"] = table["part"] = np.where(np.arange(N + 1) < N, 1, 0)
    table["is_face"] = True
    images = np.broadcast_to((15 + 30 * table["label"])[:, None, None], (N + 1, 8, 8)).astype(np.uint8)
    table["twins"] = number_twins(images)
    path = tmp_path_factory.mktemp("plain") / "plain"
    facts = {"name": "plain", "license": "none", "source": "none", "split": "official", "seed": None}
    save_dataset(path, table, images, labels=EXPRESSIONS, has_votes=False, **facts)  # type: ignore[arg-type]
    return open_dataset(path)


def measure(dataset: Dataset, **more: object) -> Robustness:
    changes = {"brighter": brighten, "scattered": scatter}
    settings = {"changes": changes, **more}
    return measure_robustness({"sees": Stand(), "blind": Stand(is_blind=True)}, dataset, "validation", **settings)  # type: ignore[arg-type]


def test_loss_and_over_confidence_are_those_worked_out_by_hand(plain: Dataset) -> None:
    sees = measure(plain).models["sees"].readings
    assert list(sees) == ["untouched", "brighter", "scattered"]
    assert (sees["untouched"].accuracy, sees["untouched"].lost_points) == (1.0, 0.0)
    assert sees["untouched"].too_sure_points == pytest.approx(-25)
    assert sees["brighter"].accuracy == pytest.approx(1 / 7), "the brightest cannot look like the next"
    assert sees["brighter"].lost_points == pytest.approx(600 / 7)
    assert sees["brighter"].confidence == pytest.approx(CONFIDENCE)
    assert sees["brighter"].too_sure_points == pytest.approx(75 - 100 / 7)
    assert sees["brighter"].accuracy_ci95 == pytest.approx((0.1066, 0.1886), abs=1e-3)


def test_the_control_a_blind_model_loses_nothing(plain: Dataset) -> None:
    readings = measure(plain).models["blind"].readings.values()
    assert {reading.accuracy for reading in readings} == {1 / 7}
    assert {reading.lost_points for reading in readings} == {0.0}


def test_all_models_see_the_same_pictures_and_the_seed_decides_which(plain: Dataset) -> None:
    first, second, other = Stand(), Stand(), Stand()
    changes = {"scattered": scatter}
    measure_robustness({"first": first, "second": second}, plain, "validation", changes=changes)  # type: ignore[dict-item]
    measure_robustness({"other": other}, plain, "validation", changes=changes, seed=1)  # type: ignore[dict-item]
    one, two, three = (np.concatenate(stand.shown) for stand in (first, second, other))
    assert one.shape == (2 * N, 8, 8)
    assert np.array_equal(one, two)
    assert np.array_equal(one[:N], three[:N])
    assert not np.array_equal(one[N:], three[N:])
    assert not np.array_equal(first.shown[2][:24], first.shown[3]), "draws go on from chunk to chunk"


def test_figures_do_not_depend_on_the_other_changes(plain: Dataset) -> None:
    alone = measure(plain, changes={"scattered": scatter}).models["sees"].readings["scattered"]
    assert alone == measure(plain).models["sees"].readings["scattered"]


def test_a_limit_shows_some_evenly_spread(plain: Dataset) -> None:
    stand = Stand()
    told: list[tuple[int, int]] = []
    robustness = measure_robustness(
        {"stand": stand},  # type: ignore[dict-item]
        plain,
        "validation",
        limit=7,
        changes={"brighter": brighten},
        on_progress=lambda *progress: told.append(progress),
    )
    assert robustness.n == 7
    assert told == [(7, 14), (14, 14)]
    rows = np.linspace(0, N - 1, 7).astype(int)
    assert np.array_equal(stand.shown[0], plain.images[rows])


def test_the_table_has_a_line_a_change_and_three_columns_a_model(plain: Dataset) -> None:
    header, rule, *lines = measure(plain, changes={"brighter": brighten}).to_markdown().splitlines()
    assert header == "| plain, validation, n = 280 | sees | lost | too sure by | blind | lost | too sure by |"
    assert rule == "|---|---:|---:|---:|---:|---:|---:|"
    assert lines == [
        "| untouched | 100.0 % | +0.0 | -25.0 | 14.3 % | +0.0 | +60.7 |",
        "| brighter | 14.3 % | +85.7 | +60.7 | 14.3 % | +0.0 | +60.7 |",
        "| mean of the changes | 14.3 % | +85.7 | +60.7 | 14.3 % | +0.0 | +60.7 |",
    ]


def test_the_mean_is_over_changes_alone(plain: Dataset) -> None:
    unchanged = {"nothing": lambda pictures, random: pictures, "brighter": brighten}
    *_, last = measure(plain, changes=unchanged).to_markdown().splitlines()
    assert last.startswith("| mean of the changes | 57.1 % | +42.9 | +17.9 |")


def test_figures_survive_their_file(plain: Dataset, tmp_path: Path) -> None:
    robustness = measure(plain)
    file = tmp_path / "robustness.json"
    file.write_text(robustness.model_dump_json())
    assert Robustness.model_validate_json(file.read_text()) == robustness
    assert (robustness.data_sha256, robustness.split) == (plain.manifest.sha256, "validation")


def test_a_model_with_other_labels_is_refused_before_any_is_asked(plain: Dataset) -> None:
    first, second = Stand(), Stand(labels=EXPRESSIONS[::-1])
    with pytest.raises(DataError, match="names and order must be the same"):
        measure_robustness({"first": first, "second": second}, plain, "validation")  # type: ignore[dict-item]
    assert not first.shown


def test_bad_requests_are_refused(plain: Dataset) -> None:
    with pytest.raises(InputError, match="got -1"):
        measure(plain, limit=-1)
    with pytest.raises(InputError, match="Name at least one"):
        measure_robustness({}, plain, "validation")
    with pytest.raises(DataError, match="no test rows"):
        measure_robustness({"stand": Stand()}, plain, "test")  # type: ignore[dict-item]
