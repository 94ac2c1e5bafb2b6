"""What a card tells of the weights that a run began with, followed back through runs and model files."""

import hashlib
import json
import shutil

import pytest

from mien.core.errors import RunError
from mien.inference.runtime.bundled import find_model
from mien.inference.runtime.envelope import read_card
from mien.training.export.ancestry import Ancestor, describe_ancestry, describe_terms, list_ancestors
from mien.training.fit.run import Run

FACES, OTHERS = "a" * 64, "b" * 64


def hash_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def begin(tmp_path):
    """Return a function that makes a run's folder as far as it is read here, begun with the weights in a file."""

    def make(name, source=None, file=None, trained_on=("faces", "Free."), data_sha256=FACES, **changes):
        run = Run(tmp_path / name)
        run.path.mkdir()
        run.best_path.write_bytes(name.encode())
        data = {"name": "faces", "license": "Free.", "sha256": data_sha256, "labels": ["a", "b"], "channels": 1}
        run.data_path.write_text(json.dumps({**data, "size_px": 48}))
        if source is not None:
            note = {"source": str(source), "sha256": hash_of(file), "trained_on": trained_on, "taken": ["more"]}
            run.init_path.write_text(json.dumps({**note, **changes}))
        return run

    return make


def test_a_run_with_weights_drawn_from_its_seed_says_nothing(begin):
    assert describe_ancestry(begin("first")) == ""
    assert list_ancestors("Free. Nobody began with anything.") == ()


def test_the_import_is_named_where_the_first_weights_still_lie(begin):
    first = begin("first")
    for name, source in (("of a folder", first.path), ("of a file", first.best_path)):
        text = describe_ancestry(begin(name, source, first.best_path))
        assert (
            text == f"Began with weights of sha256 {hash_of(first.best_path)}, trained on faces (sha256 {FACES}): Free."
        )
        assert list_ancestors(f"Ours. {text}") == (Ancestor("began with", hash_of(first.best_path), "faces", FACES),)


def test_the_import_is_unknown_where_the_weights_are_others_now_or_gone(begin):
    first = begin("first")
    second = begin("second", first.path, first.best_path)
    expected = (Ancestor("began with", hash_of(first.best_path), "faces", None),)
    first.best_path.write_bytes(b"trained again")
    assert list_ancestors(describe_ancestry(second)) == expected
    shutil.rmtree(first.path)
    assert list_ancestors(describe_ancestry(second)) == expected


def test_weights_of_anybody_were_trained_on_data_unknown(begin, tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"weights")
    run = begin("run", tmp_path / "a.safetensors", tmp_path / "a.safetensors", trained_on=None)
    assert list_ancestors(describe_ancestry(run)) == (
        Ancestor("began with", hash_of(tmp_path / "a.safetensors"), None, None),
    )


def test_runs_are_followed_back_to_the_first(begin):
    first = begin("first", data_sha256=OTHERS)
    second = begin("second", first.path, first.best_path)
    third = begin("third", second.path, second.best_path)
    found = list_ancestors(describe_ancestry(third))
    assert [weights.sha256 for weights in found] == [hash_of(second.best_path), hash_of(first.best_path)]
    assert [weights.data_sha256 for weights in found] == [FACES, OTHERS]


def test_notes_in_a_circle_end(begin):
    first = begin("first")
    second = begin("second", first.path, first.best_path)
    note = {"source": str(second.path), "sha256": hash_of(second.best_path), "trained_on": ["faces", "Free."]}
    first.init_path.write_text(json.dumps(note))
    assert len(list_ancestors(describe_ancestry(first))) == 2


def test_a_model_file_tells_its_own_ancestors_by_its_card(begin, tmp_path, build_graph, build_card):
    from mien.core.card import TrainingData
    from mien.inference.runtime.envelope import write_card

    first = begin("first", data_sha256=OTHERS)
    terms = f"Free. {describe_ancestry(begin('second', first.path, first.best_path))}"
    graph, file = build_graph(), tmp_path / "model.onnx"
    data = TrainingData(name="faces", license=terms, sha256=FACES)
    file.write_bytes(write_card(graph, build_card(graph, data=data)))
    found = list_ancestors(describe_ancestry(begin("third", file, file, trained_on=("faces", terms))))
    assert [weights.sha256 for weights in found] == [hash_of(file), hash_of(first.best_path)]
    assert [weights.data_sha256 for weights in found] == [FACES, OTHERS]


def test_the_bundled_model_is_known_by_its_name(begin):
    file = find_model("expression")
    card = read_card(file.read_bytes())
    run = begin("run", "expression", file, trained_on=(card.data.name, card.data.license))
    first, *earlier = list_ancestors(describe_ancestry(run))
    assert first == Ancestor("began with", hash_of(file), "FER2013", card.data.sha256)
    assert tuple(earlier) == list_ancestors(card.data.license), "and with it all that it comes from itself"


def test_a_broken_note_is_refused(begin):
    run = begin("run")
    run.init_path.write_text("{")
    with pytest.raises(RunError, match=r"init\.json can't be used"):
        describe_ancestry(run)


def test_a_card_tells_everything_once_however_many_legs_lie_behind_it(begin, tmp_path):
    """A leg begins with the leg before it and learns from its answers, whose card names the one before that twice."""
    legs, terms = [tmp_path / "first.onnx"], ["Free."]
    for number in range(3):
        legs[-1].write_bytes(b"leg %d" % number)
        sha256 = hash_of(legs[-1])
        run = begin(f"leg-{number}", legs[-1], legs[-1], trained_on=("faces", terms[-1]))
        teacher = {"source": "x", "sha256": sha256, "trained_on": ("faces", terms[-1]), "data_sha256": FACES}
        run.teachers_path.write_text(json.dumps({"teachers": [teacher]}))
        terms.append(describe_terms(run))
        legs.append(tmp_path / f"leg-{number}.onnx")
    first, second, third = map(hash_of, legs[:3])
    ancestors = list_ancestors(terms[-1])
    assert {(each.tie, each.sha256) for each in ancestors} == {
        (tie, sha256) for tie in ("began with", "learned from the answers of") for sha256 in (first, second, third)
    }
    assert len(ancestors) == 6
    assert terms[-1].startswith(
        f"Free. Began with weights of sha256 {third}, trained on faces: terms of faces as above. Began"
    )
    assert terms[-1].count("Free.") == 1


def test_terms_of_other_data_are_told_beside_the_own(begin):
    source = begin("source")
    run = begin("run", source.path, source.best_path, trained_on=("others", "For research."), data_sha256=OTHERS)
    assert describe_terms(source) == "Free."
    assert describe_terms(run).startswith("Free. Began with weights of sha256 ")
    assert describe_terms(run).endswith(": For research.")


def test_terms_are_those_of_the_data_that_are_named_and_full_cards_meet_short_ones(begin):
    source = begin("source")
    old, known = f"Began with weights of sha256 {FACES}, trained on faces: ", f"trained on others (sha256 {OTHERS}): "
    run = begin("run", source.path, source.best_path, trained_on=("others", f"For research. {old}Free."))
    short = f"Free. {old}terms of faces as above."
    teacher = {"source": "x", "sha256": OTHERS, "trained_on": ("faces", short), "data_sha256": OTHERS}
    run.teachers_path.write_text(json.dumps({"teachers": [teacher]}))
    told = describe_terms(run)
    assert "For research. Began" in told
    assert told.count(f"{old}terms of faces as above.") == 1
    assert told.count("Free.") == 1
    assert known not in told
    assert [each.sha256 for each in list_ancestors(told)] == [hash_of(source.best_path), FACES, OTHERS]


def test_cards_of_before_the_import_was_named_are_read():
    text = f"Free. Began with weights of sha256 {FACES}, trained on FER2013: Research use."
    assert list_ancestors(text) == (Ancestor("began with", FACES, "FER2013", None),)
