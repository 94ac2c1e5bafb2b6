import pytest

from mien.core.labels import (
    EXPRESSIONS,
    FER_PLUS_COLUMNS,
    FER_PLUS_NAMES,
    OTHER_NAMES,
    fer_plus_order,
    find_expression,
    order_labels,
)


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


@pytest.mark.parametrize(
    ("name", "expression"),
    [
        ("angry", "angry"), ("Anger", "angry"), ("DISGUST", "disgust"), ("afraid", "fear"), ("Happiness", "happy"),
        (" sadness ", "sad"), ("surprised", "surprise"), ("Neutral", "neutral"), ("contempt", None), ("", None),
        ("happy2", None), ("0", None),
    ],
)  # fmt: skip
def test_names_of_other_data_sets_mean_one_of_the_seven_or_none(name, expression):
    assert find_expression(name) == expression


def test_every_word_means_one_expression_and_fer_plus_has_no_others():
    words = [word for ours, others in OTHER_NAMES.items() for word in (ours, *others)]
    assert len(words) == len(set(words))
    assert tuple(OTHER_NAMES) == EXPRESSIONS
    assert all(find_expression(theirs) == ours for theirs, ours in FER_PLUS_NAMES.items())


def labels_of(*groups):
    return list(dict.fromkeys(order_labels(*groups).values()))


def test_names_that_all_mean_the_seven_stand_in_the_order_of_fer2013_not_of_the_alphabet():
    names = ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
    assert labels_of(names) == list(EXPRESSIONS)
    assert order_labels(names)["neutral"] == "neutral"
    assert order_labels(names)["sadness"] == "sad"


def test_absent_expressions_are_left_out():
    assert labels_of({"Neutral", "Happy", "Angry"}) == ["angry", "happy", "neutral"]


@pytest.mark.parametrize(
    "names", [{"sad", "happy", "contempt"}, {"happy", "happiness", "sad"}, {"tired", "awake"}, {"Happy", "happy"}]
)
def test_one_name_beyond_the_seven_or_two_for_one_of_them_leave_all_names_as_they_are(names):
    assert order_labels(names) == {name: name for name in sorted(names)}
    assert labels_of(names) == sorted(names)


def test_names_of_different_groups_that_mean_the_same_are_one_label():
    assert labels_of({"happy", "sad"}, {"Happiness", "SAD"}) == ["happy", "sad"]
    assert labels_of({"happy", "bored"}, {"happiness", "bored"}) == ["bored", "happiness", "happy"]


def test_no_names_give_no_labels():
    assert order_labels() == order_labels(set()) == {}
