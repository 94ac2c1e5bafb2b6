"""The bundled model is the one that our documents speak of."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

import mien
from mien.core.labels import EXPRESSIONS
from mien.training.data.importing import import_data
from mien.training.data.table import open_dataset

RUNS = Path(__file__).parents[2] / "docs" / "runs"
RUN = RUNS / "expression-last"
BEFORE = RUNS / "expression-sam"
"""The leg before, which has not learned from validation, and lies beside its figures."""

WEIGHTS = Path(mien.__file__).parent / "inference" / "runtime" / "weights" / "expression.onnx"
NANO_RUN, NANO_WEIGHTS = RUNS / "expression-nano-second", WEIGHTS.with_name("expression-nano.onnx")


@pytest.fixture(scope="module")
def recognizer():
    return mien.Recognizer.load(threads=2)


def test_it_is_small_and_names_fer2013s_labels(recognizer):
    assert WEIGHTS.stat().st_size <= 3 * 2**20
    assert recognizer.labels == EXPRESSIONS


def test_the_nano_model_is_tiny_and_is_the_documented_one():
    nano = mien.Recognizer.load("nano", threads=2)
    assert NANO_WEIGHTS.stat().st_size <= 640 * 2**10
    assert nano.labels == EXPRESSIONS
    for split in ("validation", "test"):
        documented = json.loads((NANO_RUN / f"metrics-{split}.json").read_text())
        assert nano.card.metrics[split].accuracy == documented["accuracy"]
        assert documented["model_sha256"] == hashlib.sha256(NANO_WEIGHTS.read_bytes()).hexdigest()
    assert nano.card.recipe_sha256 == hashlib.sha256((NANO_RUN / "recipe.toml").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def fer2013_last(fer2013, tmp_path_factory):
    """Import FER2013 as the bundled model learned it: a tenth of validation is kept out."""
    source = Path(os.environ["MIEN_DATA_DIR"])
    out = tmp_path_factory.mktemp("last") / "data"
    votes = source / "fer2013new.csv"
    import_data(source / "fer2013.csv.xz", out, votes=votes, split="90/10", from_validation=True)
    return open_dataset(out)


@pytest.mark.parametrize(("split", "count"), [("validation", 349), ("test", 3589)])
def test_the_card_holds_the_documented_figures(recognizer, split, count):
    documented = json.loads((RUN / f"metrics-{split}.json").read_text())
    stamped = recognizer.card.metrics[split]
    assert stamped.accuracy == documented["accuracy"]
    assert stamped.n == documented["n"] == count
    assert documented["model_sha256"] == hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()


def test_the_card_names_the_documented_recipe_and_temperature(recognizer):
    card = recognizer.card
    assert card.recipe_sha256 == hashlib.sha256((RUN / "recipe.toml").read_bytes()).hexdigest()
    assert card.temperature == json.loads((RUN / "temperature.json").read_text())["temperature"]
    assert card.commit == json.loads((RUN / "environment.json").read_text())["commit"]


def test_the_leg_before_reaches_its_figures_on_all_of_validation(fer2013):
    _check_validation(BEFORE / "expression.onnx", fer2013)


def test_it_reaches_its_figures_on_what_was_kept_of_validation(fer2013_last):
    _check_validation(WEIGHTS, fer2013_last)


def _check_validation(file, dataset):
    """Compute independently: ONNX Runtime alone, without our classifier and metrics."""
    recognizer = mien.Recognizer.load(file, threads=2)
    assert recognizer.card.data.sha256 == dataset.manifest.sha256
    rows = dataset.rows_of("validation")
    images, labels = np.array(dataset.images[rows]), dataset.table["label"][rows]
    session = ort.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    read = np.concatenate([session.run(None, {"images": part})[0] for part in np.array_split(images, 20)])
    accuracy = float((read.argmax(1) == labels).mean())
    assert accuracy == pytest.approx(recognizer.card.metrics["validation"].accuracy, abs=0.001)
    assert np.abs(recognizer.classify(images) - read).max() < 1e-5
