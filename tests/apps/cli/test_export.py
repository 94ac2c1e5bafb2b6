"""`mien export`: what it refuses before torch is loaded, and what it says."""

import json
import sys

import pytest

from mien.apps.cli.main import run


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
