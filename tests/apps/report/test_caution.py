"""What a model, or weights it was made from, may have seen of the pictures that are scored."""

from __future__ import annotations

import html
from dataclasses import replace

import pytest

pytest.importorskip("matplotlib", reason="reports need the report extra")

from mien.apps.report.caution import list_cautions
from mien.apps.report.page import render_page
from mien.training.evaluate.score import Scoring

WEIGHTS = "d" * 64


def _trained(scoring: Scoring, **changes: str) -> Scoring:
    data = scoring.card.data.model_copy(update=changes)
    return replace(scoring, card=scoring.card.model_copy(update={"data": data}))


def _begun(scoring: Scoring, trained_on: str) -> Scoring:
    return _trained(scoring, license=f"MIT. Began with weights of sha256 {WEIGHTS}, trained on {trained_on}")


def _list(scoring: Scoring) -> list[str]:
    return list_cautions(scoring.card.data, scoring.dataset.manifest, scoring.test_sha256)


def test_a_model_of_this_import_alone_needs_no_caution(scoring: Scoring) -> None:
    assert _list(scoring) == []


def test_a_model_of_another_import_may_have_seen_the_pictures(scoring: Scoring) -> None:
    (caution,) = _list(_trained(scoring, sha256="e" * 64))
    assert "trained on another import (faces, sha256 eeeeeeeeeeee...)" in caution


def test_a_model_of_another_import_with_the_same_test_part_has_not_learned_it(scoring: Scoring) -> None:
    """Weights that were trained on either of the two imports have not seen it either; others may have."""
    chain = " ".join(
        f"Began with weights of sha256 {digit * 64}, trained on faces (sha256 {data * 64}): MIT."
        for digit, data in (("b", "e"), ("c", "a"), ("f", "9"))
    )
    other = _trained(scoring, sha256="e" * 64, test_sha256=scoring.test_sha256 or "", license=f"MIT. {chain}")
    own, strange = _list(other)
    assert own.endswith(
        "The test part is the same in both, so none of these pictures was learned; but twins are looked for in this "
        "import's train only."
    )
    assert "ffffffffffff" in strange
    assert own in html.unescape(render_page(other, (), ()))
    for unlike in (
        replace(other, scores=other.scores.model_copy(update={"split": "validation"})),
        _trained(other, test_sha256="9" * 64),
    ):
        assert "it may have seen some of these pictures" in _list(unlike)[0]
        assert len(_list(unlike)) == 4


@pytest.mark.parametrize(
    ("trained_on", "said"),
    [
        (f"FER2013 (sha256 {'e' * 64}): Research.", "trained on FER2013 (sha256 eeeeeeeeeeee...), not on the import"),
        (
            "FER2013: Research.",
            "trained on FER2013 (import unknown), not on the import scored here: they may have seen",
        ),
        ("data unknown.", "trained on data unknown: they may have seen"),
        (f"faces (sha256 {'a' * 64}): MIT.", "trained on this same import: they have seen its train part"),
    ],
)
def test_weights_that_it_began_with_are_judged_too(scoring: Scoring, trained_on: str, said: str) -> None:
    begun = _begun(scoring, trained_on)
    (caution,) = _list(begun)
    assert said in caution
    assert "dddddddddddd" in caution
    assert said in render_page(begun, (), ())


def test_each_of_the_weights_before_it_has_its_sentence(scoring: Scoring) -> None:
    chain = f"faces (sha256 {'a' * 64}): MIT. Began with weights of sha256 {'f' * 64}, trained on data unknown."
    same, unknown = _list(_begun(scoring, chain))
    assert "same import" in same
    assert "unknown" in unknown


def test_weights_that_a_card_names_twice_are_warned_of_once(scoring: Scoring) -> None:
    begun = f"Began with weights of sha256 {WEIGHTS}, trained on FER2013 (sha256 {'e' * 64}): MIT."
    (caution,) = _list(_trained(scoring, license=f"MIT. {begun} {begun}"))
    assert caution.startswith("The model began with weights (sha256 dddddddddddd...)")


def test_a_mean_is_not_said_to_have_begun_with_what_it_averages(scoring: Scoring) -> None:
    mean = f"MIT. Mean of the weights of sha256 {'a' * 64} (0.5) and {WEIGHTS} (0.5)."
    averaged = f"Averaged with weights of sha256 {WEIGHTS}, trained on FER2013 (sha256 {'e' * 64}): terms as above."
    begun = f"Began with weights of sha256 {'f' * 64}, trained on data unknown."
    whole, part = _list(_trained(scoring, license=f"{mean} {averaged} {begun}"))
    assert whole.startswith("The model is the mean of several, among them weights (sha256 dddddddddddd...)")
    assert part.startswith("The model is the mean of runs, at least one of which began with weights (sha256 ffff")


def test_weights_whose_answers_were_imitated_are_told_as_such(scoring: Scoring) -> None:
    taught = f"MIT. Taught by the answers of weights of sha256 {WEIGHTS}, trained on FER2013 (sha256 {'e' * 64}): MIT."
    (caution,) = _list(_trained(scoring, license=taught))
    assert caution.startswith("The model learned from the answers of weights (sha256 dddddddddddd...)")


def test_weights_with_the_same_tie_and_data_share_a_sentence(scoring: Scoring) -> None:
    """A leg begins with the leg before it, which began with another: all saw the same."""
    data = f"trained on FER2013 (sha256 {'e' * 64}): MIT."
    legs = " ".join(f"Began with weights of sha256 {digit * 64}, {data}" for digit in "bcb")
    taught = f"Taught by the answers of weights of sha256 {'b' * 64}, {data}"
    begun, learned = _list(_trained(scoring, license=f"MIT. {legs} {taught}"))
    assert begun.startswith(f"The model began with weights (sha256 {'b' * 12}..., {'c' * 12}...) trained on FER2013")
    assert learned.startswith(f"The model learned from the answers of weights (sha256 {'b' * 12}...) trained on")
