"""`mien export`: what it refuses before torch is loaded, and what it says."""

import json
import sys

import pytest

from mien.apps.cli.main import run
from mien.inference.runtime.envelope import write_card


@pytest.fixture
def finished(tmp_path):
    """A folder that says of itself to be a finished run."""
    folder = tmp_path / "run"
    folder.mkdir()
    calibration = {"temperature": 1.0, "validation_loss_before": 1.0, "validation_loss_after": 1.0, "best_epoch": 0}
    (folder / "temperature.json").write_text(json.dumps(calibration))
    return folder


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("model.pt", "a model file ends in .onnx"),
        ("folder.onnx", "it is a folder"),
        ("file/model.onnx", "file is a file"),
    ],
)
def test_a_bad_place_is_refused_before_torch_is_loaded(finished, tmp_path, monkeypatch, capsys, out, message):
    monkeypatch.setitem(sys.modules, "mien.training.export.artefact", None)  # importing it fails
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "file").touch()
    assert run(["export", str(finished), "--out", str(tmp_path / out)]) == 1
    assert message in capsys.readouterr().err


def test_the_control_a_good_place_gets_as_far_as_loading(finished, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mien.training.export.artefact", None)
    with pytest.raises(ImportError):
        run(["export", str(finished), "--out", str(tmp_path / "model.onnx")])


def test_a_file_that_is_replaced_is_told_of(finished, tmp_path, monkeypatch, capsys, build_graph, build_card):
    artefact = pytest.importorskip("mien.training.export.artefact", reason="exporting needs the train extra")

    def write(run, out, **_):
        out.write_bytes(b"model")
        return build_card(build_graph())

    monkeypatch.setattr(artefact, "export_run", write)
    out = tmp_path / "model.onnx"
    assert run(["export", str(finished), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{out}: tiny, ")
    assert "It replaced" not in printed
    assert run(["export", str(finished), "--out", str(out)]) == 0
    assert "It replaced the file that was there." in capsys.readouterr().out


@pytest.fixture
def averaged(monkeypatch, build_graph, build_card):
    """Let the ensemble's exporter note what it is asked for, and write any file."""
    ensemble = pytest.importorskip("mien.training.export.ensemble", reason="exporting needs the train extra")
    asked = {}

    def write(members, data, out, **facts):
        asked.update(facts, sources=[member.source for member in members], data=data)
        out.write_bytes(b"model")
        return build_card(build_graph())

    monkeypatch.setattr(ensemble, "export_ensemble", write)
    return asked


@pytest.fixture
def two(tmp_path, build_model):
    """Return two model files as text."""
    paths = [tmp_path / "a.onnx", tmp_path / "b.onnx"]
    for seed, path in enumerate(paths):
        path.write_bytes(build_model(seed=seed))
    return [str(path) for path in paths]


def test_models_are_averaged(two, averaged, tmp_path, capsys):
    out = tmp_path / "large.onnx"
    assert run(["export", "--ensemble", *two, "--data", str(tmp_path), "--out", str(out), "--name", "large"]) == 0
    assert averaged == {"sources": two, "data": tmp_path, "name": "large", "license": None}
    printed = capsys.readouterr().out
    assert printed.startswith(f"{out}: tiny, 2 models, 1 parameters, temperature 1.000, ")
    assert "note:" not in printed


def test_a_head_for_votes_that_is_left_out_is_told_of(two, averaged, tmp_path, capsys, build_graph, build_card):
    graph = build_graph(seed=2)
    (tmp_path / "votes.onnx").write_bytes(write_card(graph, build_card(graph, votes_temperature=1.0)))
    sources = [str(tmp_path / "votes.onnx"), two[1]]
    call = ["export", "--data", str(tmp_path), "--out", str(tmp_path / "large.onnx"), "--ensemble", *sources]
    assert run(call) == 0
    assert f"note: the head for votes is left out, since there is none in {two[1]}." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "there is nothing to export: name the folder of a finished run, or --ensemble"),
        (["RUN", "--data", "DIR", "--ensemble", "a.onnx", "b.onnx"], "got both RUN and --ensemble a.onnx b.onnx"),
        (["RUN", "--data", "DIR"], "--data is for --ensemble"),
        (["--ensemble", "a.onnx", "b.onnx"], "--ensemble needs --data"),
        (["--ensemble", "a.onnx", "b.onnx", "--data", "DIR", "--weights", "float32"], "--weights float32 is for a run"),
        (["--ensemble", "a.onnx", "--data", "DIR"], "two models or more, got 1"),
    ],
)
def test_calls_that_say_too_much_or_too_little_are_refused(words, message, tmp_path, monkeypatch, capsys):
    for module in ("artefact", "ensemble"):
        monkeypatch.setitem(sys.modules, f"mien.training.export.{module}", None)  # before torch is loaded
    assert run(["export", "--out", str(tmp_path / "large.onnx"), *words]) == 1
    assert message in " ".join(capsys.readouterr().err.split())
