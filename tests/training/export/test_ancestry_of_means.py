"""What a card tells of the weights that a mean averages, and of what these began with or learned from."""

import json
from types import SimpleNamespace

import pytest

from mien.training.export.ancestry import (
    Ancestor,
    describe_ancestry,
    describe_average,
    describe_teachers,
    list_ancestors,
)
from mien.training.fit.run import Run

A, B, ROOT, TEACHER, FACES, OTHERS = (letter * 64 for letter in "abcdef")


def source(sha256, share, data="faces", data_sha256=FACES, **facts):
    return {
        **{"source": "gone", "sha256": sha256, "share": share, "recipe_sha256": "0" * 64, "data_sha256": data_sha256},
        **{"trained_on": [data, "Free."], **facts},
    }


@pytest.fixture
def mean(tmp_path):
    """Return a function that makes a mean's folder as far as it is read here."""

    def make(*sources):
        run = Run(tmp_path)
        data = {"name": "faces", "license": "Free.", "sha256": FACES, "labels": ["a", "b"], "channels": 1}
        run.data_path.write_text(json.dumps({**data, "size_px": 48}))
        run.averaged_path.write_text(json.dumps({"sources": sources}))
        return run

    return make


def test_runs_that_saw_the_same_data_are_named_and_are_no_ancestors(mean):
    text = describe_ancestry(mean(source(A, 0.3), source(B, 0.7)))
    assert text == f"Mean of the weights of sha256 {A} (0.3) and {B} (0.7)."
    assert list_ancestors(text) == ()


def test_runs_that_saw_other_data_are_ancestors(mean):
    text = describe_ancestry(mean(source(A, 0.3), source(B, 0.7, "others", OTHERS)))
    assert f"Averaged with weights of sha256 {B}, trained on others (sha256 {OTHERS}): terms as above." in text
    assert list_ancestors(text) == (Ancestor("is the mean of several, among them", B, "others", OTHERS),)


def test_what_the_runs_began_with_is_told_once_and_not_themselves(mean):
    began = {"source": "gone", "sha256": ROOT, "trained_on": ["roots", "Ask."]}
    both = mean(source(A, 0.5, began=began), source(B, 0.5, began=began))
    assert describe_ancestry(both).count("Began with") == 1
    assert list_ancestors(describe_ancestry(both)) == (
        Ancestor("is the mean of runs, at least one of which began with", ROOT, "roots", None),
    )
    legs = mean(source(A, 0.3, began=began), source(B, 0.7, began={**began, "sha256": A}))
    assert list_ancestors(describe_ancestry(legs)) == (
        Ancestor("is the mean of runs, at least one of which began with", ROOT, "roots", None),
    )
    unknown = mean(source(A, 0.3, began={**began, "trained_on": None}), source(B, 0.7))
    assert list_ancestors(describe_ancestry(unknown)) == (
        Ancestor("is the mean of runs, at least one of which began with", ROOT, None, None),
    )


def test_who_taught_the_runs_is_told_once(mean):
    teacher = {"source": "t.onnx", "sha256": TEACHER, "trained_on": ["others", "Ask."], "data_sha256": OTHERS}
    run = mean(source(A, 0.5, teachers=[teacher]), source(B, 0.5, teachers=[teacher]))
    assert list_ancestors(f"{describe_ancestry(run)} {describe_teachers(run)}") == (
        Ancestor("is the mean of runs, at least one of which learned from the answers of", TEACHER, "others", OTHERS),
    )
    assert describe_teachers(mean(source(A, 0.5), source(B, 0.5))) == ""


def test_a_run_that_began_with_a_mean_is_not_told_to_be_one(mean):
    told = describe_ancestry(mean(source(A, 0.3), source(B, 0.7, "others", OTHERS)))
    begun, averaged = list_ancestors(f"Free. Began with weights of sha256 {ROOT}, trained on faces: Free. {told}")
    assert (begun.tie, begun.sha256) == ("began with", ROOT)
    assert (averaged.tie, averaged.sha256) == ("began with what is the mean of several, among them", B)


def test_an_ensemble_tells_a_mean_once(mean):
    told = f"Free. {describe_ancestry(mean(source(A, 0.3), source(B, 0.7, 'others', OTHERS)))}"
    data = [SimpleNamespace(name="faces", license=told, sha256=FACES)] * 2
    text = describe_average(["1" * 64, "2" * 64], data)
    (averaged,) = list_ancestors(text)
    assert averaged.tie == "averages models, at least one of which is the mean of several, among them"
    assert text.count("Mean of the weights") == text.count("Averaged with weights") == text.count("Free.") == 1
