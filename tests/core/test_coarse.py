import pytest

from mien.core.coarse import TONE_OF, TONES, VALENCES, estimate_valence, find_tones, sum_tones
from mien.core.labels import EXPRESSIONS

UNIFORM = dict.fromkeys(EXPRESSIONS, 1 / 7)


def test_every_expression_has_a_tone_and_a_valence_of_its_sign():
    assert set(TONE_OF) == set(VALENCES) == set(EXPRESSIONS)
    assert set(TONE_OF.values()) == set(TONES)
    signs = {"positive": 1, "neutral": 0, "negative": -1, "surprise": 0}
    for expression, tone in TONE_OF.items():
        valence = VALENCES[expression]
        assert -1 <= valence <= 1
        assert (valence > 0) - (valence < 0) == signs[tone], expression


def test_probabilities_of_a_tone_are_added_and_stand_in_one_order():
    values = (0.1, 0.05, 0.15, 0.2, 0.3, 0.12, 0.08)
    tones = sum_tones(dict(zip(EXPRESSIONS, values, strict=True)))
    assert tones is not None
    assert list(tones) == list(TONES)
    assert tones == pytest.approx({"positive": 0.2, "neutral": 0.08, "negative": 0.6, "surprise": 0.12})


def test_no_probability_leaves_its_range_by_rounding():
    third = 0.3333334
    tones = sum_tones({"angry": third, "sad": third, "fear": third})
    assert third * 3 > 1, "the control"
    assert tones == {"positive": 0.0, "neutral": 0.0, "negative": 1.0, "surprise": 0.0}


def test_valence_is_the_expected_value():
    for expression, valence in VALENCES.items():
        assert estimate_valence({expression: 1.0}) == valence
    assert estimate_valence({"happy": 0.5, "sad": 0.25, "neutral": 0.25}) == pytest.approx(0.5 * 0.81 - 0.25 * 0.63)
    assert estimate_valence(UNIFORM) == pytest.approx(sum(VALENCES.values()) / 7)


def test_doubt_draws_valence_to_zero():
    sure, unsure = ({label: share * p + (1 - share) / 7 for label, p in {**dict.fromkeys(EXPRESSIONS, 0.0),
                    "happy": 1.0}.items()} for share in (0.9, 0.4))  # fmt: skip
    assert VALENCES["happy"] > estimate_valence(sure) > estimate_valence(unsure) > 0  # type: ignore[operator]


def test_names_of_other_data_sets_have_the_same_tones():
    assert find_tones(("Happiness", "Anger", " afraid ", "Surprised")) == (
        "positive",
        "negative",
        "negative",
        "surprise",
    )
    assert sum_tones({"anger": 0.6, "joy": 0.4}) == sum_tones({"angry": 0.6, "happy": 0.4})
    assert estimate_valence({"anger": 0.6, "joy": 0.4}) == estimate_valence({"angry": 0.6, "happy": 0.4})


@pytest.mark.parametrize("stranger", ["contempt", "drowsy", ""])
def test_one_label_beyond_the_seven_and_nothing_is_guessed(stranger):
    probabilities = {"happy": 0.98, "sad": 0.01, stranger: 0.01}
    assert find_tones(probabilities) is None
    assert sum_tones(probabilities) is None
    assert estimate_valence(probabilities) is None
    assert find_tones(("happy", "sad")) == ("positive", "negative"), "the control"
