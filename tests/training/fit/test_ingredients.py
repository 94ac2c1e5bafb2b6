"""Which runs can be averaged, with which shares, and what is noted of them."""

import json

import pytest

from mien.core.errors import DataError, InputError, RunError
from mien.training.fit.ingredients import (
    choose_base,
    find_common_test,
    gather_ingredients,
    join_terms,
    note_sources,
)
from mien.training.fit.run import Run


def test_shares_are_equal_unless_given(trained, alter):
    runs = [trained, alter(trained, "b", seed=1), alter(trained, "c", seed=2)]
    assert [each.share for each in gather_ingredients(runs)] == pytest.approx([1 / 3] * 3)
    assert [each.share for each in gather_ingredients(runs, [0.5, 0.3, 0.2])] == [0.5, 0.3, 0.2]


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([0.5], "are 1 for 2 runs"),
        ([0.5, 0.4], r"add up to 0\.9"),
        ([1.2, -0.2], "above 0"),
        ([1.0, 0.0], "above 0"),
        ([float("nan"), 0.5], "above 0"),
    ],
)
def test_shares_that_make_no_mean_are_refused(trained, alter, shares, message):
    with pytest.raises(InputError, match=message):
        gather_ingredients([trained, alter(trained, "b")], shares)


def test_one_run_or_one_twice_is_refused(trained, alter):
    for runs in ([], [trained]):
        with pytest.raises(InputError, match=f"two runs or more, got {len(runs)}"):
            gather_ingredients(runs)
    with pytest.raises(InputError, match="hold the same weights"):
        gather_ingredients([trained, alter(trained, "b"), Run(trained.path)])


def test_unfinished_runs_and_other_folders_are_refused(trained, alter, tmp_path):
    unfinished = alter(trained, "b")
    unfinished.temperature_path.unlink()
    with pytest.raises(RunError, match="let it finish with --resume"):
        gather_ingredients([trained, unfinished])
    with pytest.raises(RunError, match="does not exist"):
        gather_ingredients([trained, Run(tmp_path / "nowhere")])


@pytest.mark.parametrize(
    ("recipe", "facts", "message"),
    [
        ([("width = 4", "width = 8")], {}, "options: .*width = 8"),
        ([('"vgg-bn"', '"vgg-slim"')], {}, "network: vgg-slim"),
        ([], {"labels": ["a", "b"]}, "labels: a, b"),
        ([], {"channels": 3}, "input: RGB pictures of 48 px"),
        ([], {"size_px": 64}, "input: gray pictures of 64 px"),
        ([], {"crop": "otherwise"}, "crop: otherwise"),
        ([("[votes]\nweight = 0.0", "[votes]\nweight = 1.0")], {"has_votes": True}, "heads: 2"),
    ],
)
def test_runs_that_differ_in_what_has_to_be_alike_are_refused(trained, alter, recipe, facts, message):
    with pytest.raises(InputError, match=message):
        gather_ingredients([trained, alter(trained, "b", recipe=recipe, **facts)])


def test_an_option_that_is_spelled_out_is_the_same_as_its_default(trained, alter):
    one = alter(trained, "b", seed=1, recipe=[("width = 4", "width = 4\ndropout = 0.2")])
    two = alter(trained, "c", seed=2)
    from mien.training.models.registry import find_network

    assert find_network("vgg-bn").options["dropout"] == 0.2, "the control"
    assert len(gather_ingredients([one, two])) == 2


def test_the_mean_is_calibrated_on_data_that_one_of_the_runs_was_trained_on(trained, alter, faces, photo_set):
    other = alter(trained, "b", name="others", sha256="b" * 64)
    ingredients = gather_ingredients([other, trained])
    assert choose_base(ingredients, faces) is ingredients[1]
    third = alter(trained, "c", seed=3, sha256="c" * 64)
    with pytest.raises(InputError, match=r"the runs were trained on others \(sha256 bbb"):
        choose_base(gather_ingredients([other, third]), faces)
    with pytest.raises(DataError):
        choose_base(ingredients, photo_set.path)


def test_the_terms_of_all_data_are_told_once(trained, alter):
    runs = [
        trained,
        alter(trained, "b", seed=1, sha256="b" * 64, name="others", license="Ask them."),
        alter(trained, "c", seed=2, sha256="c" * 64, name="thirds", license="Ask them."),
    ]
    ingredients = gather_ingredients(runs)
    own = trained.trained_on().license
    expected = f"{own} Averaged with weights that learned from others: Ask them."
    assert join_terms(ingredients, ingredients[0]) == expected
    assert join_terms(ingredients[:1], ingredients[0]) == own


def test_a_mean_has_left_a_test_part_alone_if_all_its_runs_have(trained, alter):
    own = trained.trained_on().test_sha256
    alike, other, old = (
        alter(trained, name, seed=seed, sha256=name * 64, **facts)
        for seed, (name, facts) in enumerate(
            {"b": {}, "c": {"test_sha256": "c" * 64}, "d": {"test_sha256": None}}.items()
        )
    )
    assert own is not None
    assert find_common_test(gather_ingredients([trained, alike])) == own
    for another in (other, old):
        assert find_common_test(gather_ingredients([trained, alike, another])) is None


def test_a_mean_of_means_names_the_runs_that_were_trained(trained, alter):
    a, b, c = (alter(trained, name, seed=seed) for seed, name in enumerate("abc"))
    mean = alter(trained, "mean", seed=9)
    mean.averaged_path.write_text(note_sources(gather_ingredients([a, b], [0.4, 0.6])).model_dump_json())
    noted = note_sources(gather_ingredients([mean, c, b], [0.5, 0.25, 0.25])).sources
    assert [(source.source, source.share) for source in noted] == [
        (str(a.path), pytest.approx(0.2)),
        (str(b.path), pytest.approx(0.55)),
        (str(c.path), 0.25),
    ]
    assert [source.recipe_sha256 for source in noted] == [run.recipe_sha256() for run in (a, b, c)]


def test_what_a_run_began_with_and_who_taught_it_is_noted(trained, alter):
    begun, taught = alter(trained, "b", seed=1), alter(trained, "c", seed=2)
    begun.init_path.write_text(json.dumps({"source": "x", "sha256": "d" * 64, "trained_on": None, "taken": ["w"]}))
    teacher = {"source": "t.onnx", "sha256": "e" * 64, "trained_on": ["faces", "Free."], "data_sha256": "f" * 64}
    taught.teachers_path.write_text(json.dumps({"teachers": [teacher]}))
    first, second, third = note_sources(gather_ingredients([trained, begun, taught])).sources
    assert first.began is None
    assert second.began.sha256 == "d" * 64
    assert [one.sha256 for one in third.teachers] == ["e" * 64]
    begun.init_path.write_text("{")
    with pytest.raises(RunError, match=r"init\.json can't be used"):
        note_sources(gather_ingredients([trained, begun]))
