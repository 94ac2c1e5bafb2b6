"""`mien evaluate`, from the command line to the files."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mien.apps.cli.evaluate import compose_command
from mien.apps.cli.main import run
from mien.core.card import TrainingData
from mien.inference.runtime.envelope import read_card, write_card
from mien.training.data.importing import import_data
from mien.training.fit.expression.recipe import ExpressionRecipe
from mien.training.fit.history import EpochRecord, write_history

pytest.importorskip("sklearn", reason="evaluating needs the report extra")
pytest.importorskip("matplotlib", reason="evaluating needs the report extra")

RECIPE = ExpressionRecipe(name="tiny", network="cnn3", best_by="loss")


@pytest.fixture(autouse=True)
def coarse_print(monkeypatch: pytest.MonkeyPatch) -> None:
    """Render small pictures: print quality takes seconds and shows a test nothing more."""
    monkeypatch.setattr("mien.apps.report.look.PRINT_DPI", 40)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of 210 imported synthetic faces."""
    path = tmp_path_factory.mktemp("import") / "synthetic faces"
    import_data("synthetic", path, count=210)
    return path


@pytest.fixture
def model(data: Path, tmp_path: Path, build_graph: Callable[..., bytes], build_card: Callable[..., Any]) -> Path:
    """Return a model file whose card says that it was trained on the data by `RECIPE`."""
    graph = build_graph()
    sha256 = json.loads((data / "dataset.json").read_text())["sha256"]
    trained = TrainingData(name="synthetic", license="MIT", sha256=sha256)
    path = tmp_path / "tiny.onnx"
    path.write_bytes(
        write_card(graph, build_card(graph, data=trained, recipe_sha256=hashlib.sha256(RECIPE.to_toml()).hexdigest()))
    )
    return path


@pytest.fixture
def finished_run(tmp_path: Path) -> Path:
    """Return a run's folder with a recipe and a history."""
    pytest.importorskip("tomli_w", reason="recipes are saved with the train extra")
    path = tmp_path / "run"
    path.mkdir()
    (path / "recipe.toml").write_bytes(RECIPE.to_toml())
    losses = [1.5, 1.2, 1.3, 1.4]
    write_history(
        path / "history.csv",
        [EpochRecord(number, 1.5 - number / 10, 0.5, loss, 0.5, 0.1, 1.0) for number, loss in enumerate(losses)],
    )
    return path


def test_a_report_is_written_and_the_main_figures_are_printed(
    data: Path, model: Path, finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    arguments = ["--data", str(data), "--split", "test", "--run", str(finished_run), "--out", str(out)]
    assert run(["evaluate", str(model), *arguments]) == 0
    printed = capsys.readouterr().out
    metrics = json.loads((out / "metrics.json").read_text())
    assert f"{metrics['accuracy'] * 100:.1f} %" in printed
    assert "test is for the end" in printed
    assert "docs/experiments.md" not in printed, "that is our own log, of FER2013's test part"
    assert "Careful" not in printed
    assert (metrics["split"], metrics["model"]) == ("test", "tiny.onnx")
    assert metrics["command"] == f"mien evaluate {model} --data '{data}' --split test --run {finished_run} --out {out}"
    assert (out / "figures" / "curves.png").exists()
    assert "Epoch 1 of 0 to 3 was kept" in (out / "report.html").read_text()  # best by loss, as the recipe says
    assert not read_card(model.read_bytes()).metrics


def test_validation_is_the_default_and_brings_no_reminder(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["evaluate", str(model), "--data", str(data)]) == 0
    assert json.loads(Path("evaluation-validation/metrics.json").read_text())["split"] == "validation"
    assert "Reminder" not in capsys.readouterr().out


def test_fer2013s_own_test_part_has_its_log(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    renamed = shutil.copytree(data, tmp_path / "renamed")
    manifest = json.loads((renamed / "dataset.json").read_text())
    (renamed / "dataset.json").write_text(json.dumps(manifest | {"name": "FER2013"}))
    out = tmp_path / "report"
    assert run(["evaluate", str(model), "--data", str(renamed), "--split", "test", "--out", str(out)]) == 0
    assert "Log it in docs/experiments.md" in capsys.readouterr().out


def test_weights_that_the_model_began_with_and_that_saw_other_data_are_told_of(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = model.read_bytes()
    card = read_card(content)
    license = f"MIT. Began with weights of sha256 {'d' * 64}, trained on FER2013 (sha256 {'e' * 64}): Research."
    model.write_bytes(
        write_card(content, card.model_copy(update={"data": card.data.model_copy(update={"license": license})}))
    )
    assert run(["evaluate", str(model), "--data", str(data), "--out", str(tmp_path / "report")]) == 0
    assert (
        "Careful: the model began with weights (sha256 dddddddddddd...) trained on FER2013" in capsys.readouterr().out
    )


def test_an_out_that_cannot_be_written_is_refused_before_scoring(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.apps.cli.evaluate.score_model", lambda *_, **__: pytest.fail("it was scored"))
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert run(["evaluate", str(model), "--data", str(data), "--out", str(out)]) == 1
        assert f"can't write {out}: {tmp_path / 'file'} is a file" in capsys.readouterr().err


def test_a_stamp_is_written_into_the_card(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    assert run(["evaluate", str(model), "--data", str(data), "--stamp", "--out", str(out)]) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert read_card(model.read_bytes()).metrics["validation"].accuracy == metrics["accuracy"]
    assert "Stamped" in capsys.readouterr().out


def test_a_stamp_with_another_import_is_refused_before_scoring(
    data: Path, model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    assert run(["evaluate", str(model_file), "--data", str(data), "--stamp", "--out", str(out)]) == 1
    assert "--stamp: the model was trained on none" in capsys.readouterr().err
    assert not out.exists()


def test_a_run_of_another_recipe_is_refused(
    data: Path, model_file: Path, finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(data), "--run", str(finished_run), "--out", str(tmp_path / "report")]
    assert run(["evaluate", str(model_file), *arguments]) == 1
    assert "was trained with recipe tiny" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["model", "data", "run"])
def test_what_is_not_there_is_named_in_one_line(
    data: Path, model: Path, tmp_path: Path, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = tmp_path / "absent"
    paths = {"model": model, "data": data, "run": tmp_path, missing: absent}
    arguments = ["--data", str(paths["data"]), "--run", str(paths["run"]), "--out", str(tmp_path / "report")]
    assert run(["evaluate", str(paths["model"]), *arguments]) == 1
    error = capsys.readouterr().err
    assert "absent" in error
    assert error.count("\n") == 1


def test_without_the_extra_the_pip_line_is_named(
    data: Path, model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert run(["evaluate", str(model), "--data", str(data)]) == 1
    assert "pip install 'mien[report]'" in capsys.readouterr().err


def test_the_command_can_be_pasted_into_a_shell() -> None:
    command = compose_command(
        "my model.onnx", data=Path("a b"), split="validation", run=None, out=Path("out"), stamp=True
    )
    assert command == "mien evaluate 'my model.onnx' --data 'a b' --split validation --out out --stamp"
