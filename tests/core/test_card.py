import json

import pytest
from pydantic import ValidationError

from mien.core.card import SCHEMA_VERSION, ExpressionCard, Metrics, ModelInput, TrainingData
from mien.core.errors import CardError

FIGURES = {"n": 100, "accuracy": 0.7, "accuracy_ci95": (0.6, 0.78), "macro_f1": 0.65, "ece": 0.02}


@pytest.fixture
def card():
    return ExpressionCard(
        name="tiny",
        labels=("happy", "sad"),
        input=ModelInput(layout="NHW", size_px=48, color="gray"),
        crop="the whole face",
        temperature=1.5,
        data=TrainingData(name="none", license="none", sha256="0" * 64),
        recipe="none",
        recipe_sha256="1" * 64,
        commit="unknown",
        metrics={"validation": Metrics(**FIGURES)},
        parameters=1,
        limits=("its answers mean nothing",),
        license="MIT",
        graph_sha256="2" * 64,
    )


def changed(card, **changes):
    """The card's JSON with other values; None leaves the field out."""
    fields = json.loads(card.to_json()) | changes
    return json.dumps({name: value for name, value in fields.items() if value is not None})


def test_a_card_comes_back_from_its_json_as_it_was(card):
    assert ExpressionCard.from_json(card.to_json()) == card


def test_a_card_is_frozen(card):
    with pytest.raises(ValidationError, match="frozen"):
        card.name = "other"


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1])
def test_another_version_is_named_even_if_its_fields_are_others(card, version):
    with pytest.raises(CardError, match=f"version {version}, this mien reads {SCHEMA_VERSION}.*Export the model again"):
        ExpressionCard.from_json(changed(card, schema_version=version, labels=None, new_field=1))


def test_a_card_without_a_version_is_refused(card):
    with pytest.raises(CardError, match="schema_version"):
        ExpressionCard.from_json(changed(card, schema_version=None))


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"surprise": 1}, "surprise"),
        ({"labels": None}, "labels"),
        ({"labels": ["happy"]}, "labels"),
        ({"labels": ["happy", ""]}, "labels.1"),
        ({"labels": ["happy", "happy"]}, "must differ"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"parameters": 0}, "parameters"),
        ({"graph_sha256": "0" * 63}, "graph_sha256"),
        ({"graph_sha256": "0" * 64 + "\n"}, "graph_sha256"),
        ({"input": {"layout": "NHWC", "size_px": 48, "color": "gray"}}, "does not go with gray"),
        ({"metrics": {"training": {}}}, "metrics"),
        ({"task": "drowsiness"}, "task"),
    ],
)
def test_a_value_that_cannot_be_right_is_named(card, changes, place):
    with pytest.raises(CardError, match=place):
        ExpressionCard.from_json(changed(card, **changes))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '"card"', "[" * 100_000])
def test_text_that_is_no_card_is_refused(text):
    with pytest.raises(CardError, match="not valid"):
        ExpressionCard.from_json(text)


@pytest.mark.parametrize(("layout", "color"), [("NHW", "rgb"), ("NHWC", "gray")])
def test_layout_and_color_belong_together(layout, color):
    with pytest.raises(ValidationError, match="does not go with"):
        ModelInput(layout=layout, size_px=48, color=color)


@pytest.mark.parametrize(
    "changes", [{"accuracy": 1.1}, {"n": 0}, {"accuracy_ci95": (0.8, 0.6)}, {"n_without_twins": -1}]
)
def test_impossible_figures_are_refused(changes):
    with pytest.raises(ValidationError):
        Metrics(**(FIGURES | changes))


@pytest.mark.parametrize("field", ["name", "crop", "recipe", "license", "commit"])
def test_a_text_that_could_move_the_cursor_is_refused(card, field):
    for evil in ("\x1b[31mred", "two\nlines"):
        with pytest.raises(CardError, match="control characters"):
            ExpressionCard.from_json(changed(card, **{field: evil}))


def test_the_hash_of_a_test_part_is_written_where_there_is_one(card):
    assert "test_sha256" not in card.to_json()
    known = card.model_copy(update={"data": card.data.model_copy(update={"test_sha256": "a" * 64})})
    for each in (card, known):
        assert ExpressionCard.from_json(each.to_json()) == each
