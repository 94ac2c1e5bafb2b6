"""The mean of several runs' weights is a finished run: right to the last bit, exported, begun with, never resumed."""

import json
import shutil

import pytest

torch = pytest.importorskip("torch", reason="training needs the train extra")

from mien.core.errors import InputError, RunError  # noqa: E402
from mien.training.export.artefact import export_run  # noqa: E402
from mien.training.export.detector import export_detector  # noqa: E402
from mien.training.fit.ingredients import gather_ingredients  # noqa: E402
from mien.training.fit.recipes import make_recipe  # noqa: E402
from mien.training.fit.restore import restore_network  # noqa: E402
from mien.training.fit.run import Run  # noqa: E402
from mien.training.fit.soup import average_runs, average_weights  # noqa: E402
from mien.training.fit.trainer import train  # noqa: E402


def test_floating_tensors_are_averaged_in_float64_and_integers_are_the_firsts():
    big = 2.0**24
    states = [
        {"w": torch.tensor([big, 1.0]), "half": torch.tensor([1.0], dtype=torch.float16), "n": torch.tensor(5)},
        {"w": torch.tensor([big + 2, 3.0]), "half": torch.tensor([2.0], dtype=torch.float16), "n": torch.tensor(9)},
    ]
    mean = average_weights(states, [0.25, 0.75])
    assert mean["w"].tolist() == [big + 2, 2.5]  # 2^24 + 1.5; float32 has 2^24 + 2 next to it
    assert mean["half"].tolist() == [1.75]
    assert [value.dtype for value in mean.values()] == [torch.float32, torch.float16, torch.int64]
    assert mean["n"] == 5
    assert states[0]["w"].tolist() == [big, 1.0], "the sources stay as they are"


def test_a_mean_is_a_finished_run_with_the_mean_of_the_weights(trained, alter, faces, tmp_path):
    other = alter(trained, "other")
    run = average_runs(gather_ingredients([trained, other], [0.3, 0.7]), faces, tmp_path / "mean")
    mean, one, two = (restore_network(each).state_dict() for each in (run, trained, other))
    for name, value in mean.items():
        if value.is_floating_point():
            expected = (0.3 * one[name].double() + 0.7 * two[name].double()).float()
            assert torch.equal(value, expected), name
        else:
            assert torch.equal(value, one[name]), name
            assert not torch.equal(value, two[name]), "the control"
    assert (run.is_finished, run.is_mean, run.history()) == (True, True, [])
    assert run.recipe().name == "mean of tiny"
    assert run.trained_on() == trained.trained_on()
    calibration = run.calibration()
    assert calibration.best_epoch is None
    assert calibration.validation_loss_after <= calibration.validation_loss_before
    assert calibration.validation_loss_before != trained.calibration().validation_loss_before
    assert [source["share"] for source in json.loads(run.averaged_path.read_text())["sources"]] == [0.3, 0.7]
    with pytest.raises(RunError, match="has no epochs"):
        _ = run.best_epoch


def test_a_mean_is_exported_begun_with_and_not_resumed(trained, alter, faces, tmp_path):
    other = alter(trained, "other", name="others", sha256="b" * 64, license="Ask them.")
    run = average_runs(gather_ingredients([other, trained]), faces, tmp_path / "mean")
    card = export_run(run, tmp_path / "mean.onnx")
    assert (card.name, card.data.sha256) == ("mean of tiny", trained.trained_on().sha256)
    assert "Averaged with weights that learned from others: Ask them. Mean of the weights of" in card.data.license
    fields = {**run.recipe().model_dump(), "epochs": 1, "transfer": {"init": str(run.path)}}
    for resume in (False, True):
        with pytest.raises(RunError, match=f"is the mean of several runs' weights.*--init {run.path}"):
            train(run.recipe(), faces, run.path, resume=resume)
    begun = train(make_recipe(fields), faces, tmp_path / "begun")
    note = json.loads(begun.init_path.read_text())
    assert (note["fresh"], note["has_new_head"]) == ([], False)
    assert "Ask them." in note["trained_on"][1]


def test_both_temperatures_of_a_network_with_votes_are_found_anew(two_headed, alter, voted_faces, tmp_path):
    run = average_runs(gather_ingredients([two_headed, alter(two_headed, "b")]), voted_faces, tmp_path / "mean")
    found, before = run.calibration(), two_headed.calibration()
    assert found.votes_temperature is not None
    assert found.temperature != before.temperature
    assert found.votes_temperature != before.votes_temperature
    assert export_run(run, tmp_path / "mean.onnx").has_votes


def test_detectors_are_averaged_and_their_threshold_found_anew(photo_set, alter, tmp_path):
    fields = {"task": "faces", "name": "tiny", "network": "face-pyramid", "options": {"width": 8, "depth": 1}}
    recipe = make_recipe({**fields, "epochs": 1, "batch_size": 3, "ema": 0.0, "scenes": {"size_px": 64}})
    first = train(recipe, photo_set.path, tmp_path / "first")
    second = alter(first, "second", name="others", sha256="b" * 64, license="Ask them.")
    run = average_runs(gather_ingredients([first, second], [0.3, 0.7]), photo_set.path, tmp_path / "mean")
    assert run.threshold().best_epoch is None
    assert not run.temperature_path.exists()
    card = export_detector(run, tmp_path / "mean.onnx")
    assert card.min_score == pytest.approx(run.threshold().min_score, abs=1e-4)
    assert "Ask them." in card.data.license
    assert f"trained on others (sha256 {'b' * 64})" in card.data.license


def test_a_mean_that_fails_leaves_nothing_and_one_that_is_there_stays(trained, alter, faces, tmp_path, monkeypatch):
    from mien.training.fit.expression.task import ExpressionTask

    out = tmp_path / "mean"
    ingredients = gather_ingredients([trained, alter(trained, "other")])

    def fail(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(ExpressionTask, "finish", fail)
        with pytest.raises(KeyboardInterrupt):
            average_runs(ingredients, faces, out)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
    average_runs(ingredients, faces, out)
    written = (out / "best.ckpt").read_bytes()
    with pytest.raises(InputError, match="exists already"):
        average_runs(ingredients, faces, out)
    assert (out / "best.ckpt").read_bytes() == written


def test_a_mean_needs_nothing_of_its_runs_once_it_is_written(trained, alter, faces, tmp_path):
    one, two = alter(trained, "one", seed=1), alter(trained, "two", seed=2)
    run = average_runs(gather_ingredients([one, two]), faces, tmp_path / "mean")
    before = export_run(run, tmp_path / "before.onnx")
    for gone in (one, two):
        shutil.rmtree(gone.path)
    assert export_run(Run(run.path), tmp_path / "after.onnx") == before
