"""The bundled model is the one that our documents speak of."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

import mien
from mien.core.labels import EXPRESSIONS

RUN = Path(__file__).parents[2] / "docs" / "runs" / "expression-sam"
WEIGHTS = Path(mien.__file__).parent / "inference" / "runtime" / "weights" / "expression.onnx"


NANO_RUN, NANO_WEIGHTS = RUN.with_name("expression-nano-second"), WEIGHTS.with_name("expression-nano.onnx")


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


@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_card_holds_the_documented_figures(recognizer, split):
    documented = json.loads((RUN / f"metrics-{split}.json").read_text())
    stamped = recognizer.card.metrics[split]
    assert stamped.accuracy == documented["accuracy"]
    assert stamped.n == documented["n"] == 3589
    assert documented["model_sha256"] == hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()


def test_the_card_names_the_documented_recipe_and_temperature(recognizer):
    card = recognizer.card
    assert card.recipe_sha256 == hashlib.sha256((RUN / "recipe.toml").read_bytes()).hexdigest()
    assert card.temperature == json.loads((RUN / "temperature.json").read_text())["temperature"]
    assert card.commit == json.loads((RUN / "environment.json").read_text())["commit"]


def test_it_reaches_its_figures_on_validation(recognizer, fer2013):
    """An independent computation: ONNX Runtime alone, without our classifier and metrics."""
    assert recognizer.card.data.sha256 == fer2013.manifest.sha256
    rows = fer2013.rows_of("validation")
    images, labels = np.array(fer2013.images[rows]), fer2013.table["label"][rows]
    session = ort.InferenceSession(str(WEIGHTS), providers=["CPUExecutionProvider"])
    read = np.concatenate([session.run(None, {"images": part})[0] for part in np.array_split(images, 20)])
    accuracy = float((read.argmax(1) == labels).mean())
    assert accuracy == pytest.approx(recognizer.card.metrics["validation"].accuracy, abs=0.001)
    assert np.abs(recognizer.classify(images) - read).max() < 1e-5
