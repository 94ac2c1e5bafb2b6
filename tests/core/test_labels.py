import pytest

from mien.core.labels import EXPRESSIONS, FER_PLUS_COLUMNS, FER_PLUS_NAMES, fer_plus_order


def test_labels_stand_in_the_order_of_fer2013_not_of_the_alphabet():
    assert EXPRESSIONS == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    assert list(EXPRESSIONS) != sorted(EXPRESSIONS)


def test_votes_are_looked_up_in_the_columns_of_their_own_names():
    assert [FER_PLUS_COLUMNS[column] for column in fer_plus_order()] == [
        "anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral",
    ]  # fmt: skip


def test_the_order_follows_the_labels_asked_for():
    assert fer_plus_order(["neutral", "angry"]) == [0, 4]


def test_every_expression_has_one_name_in_fer_plus():
    assert sorted(FER_PLUS_NAMES.values()) == sorted(EXPRESSIONS)
    assert set(FER_PLUS_COLUMNS) - set(FER_PLUS_NAMES) == {"contempt", "unknown", "NF"}


@pytest.mark.parametrize("label", ["contempt", "anger", "bored"])
def test_a_label_without_votes_is_an_error(label):
    with pytest.raises(KeyError, match=label):
        fer_plus_order(["happy", label])
