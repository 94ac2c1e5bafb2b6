"""`mien average`: what it refuses before torch is loaded, what it says, and that everything goes on from its run."""

import json
import shutil
import sys

import pytest

from mien.apps.cli.main import run


@pytest.fixture
def folders(trained, tmp_path):
    """Return two runs' folders; the second one has other weights, and says it was trained on other data."""
    from mien.training.fit.checkpoint import SafeCheckpoints, load_checkpoint

    second = shutil.copytree(trained.path, tmp_path / "second")
    checkpoint = load_checkpoint(second / "best.ckpt")
    for value in checkpoint["state_dict"].values():
        if value.is_floating_point():
            value *= 1.01
    SafeCheckpoints().save_checkpoint(checkpoint, second / "best.ckpt")
    data = json.loads((second / "data.json").read_text())
    (second / "data.json").write_text(json.dumps({**data, "name": "others", "sha256": "b" * 64}))
    return [str(trained.path), str(second)]


def test_a_mean_is_written_exported_and_scored(folders, faces, tmp_path, capsys):
    out, model = tmp_path / "mean", tmp_path / "mean.onnx"
    words = ["average", *folders, "--shares", "0.3", "0.7", "--data", str(faces), "--out", str(out)]
    assert run(words) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"note: {folders[1]} was trained on another import (others, sha256 bbbbbbbbbbbb...)" in printed
    assert f"{out}: the mean of {folders[0]} (0.3), {folders[1]} (0.7), temperature " in printed
    assert f"Next: mien export {out}" in printed
    assert run(words) == 1
    assert "exists already" in capsys.readouterr().err
    assert run(["export", str(out), "--out", str(model)]) == 0
    report = ["--out", str(tmp_path / "report"), "--run", str(out)]
    assert run(["evaluate", str(model), "--data", str(faces), *report]) == 0
    assert "trained on others" in " ".join(capsys.readouterr().out.split())
    assert run(["train", "vgg-bn", "--data", str(faces), "--out", str(out), "--resume"]) == 1
    assert "is the mean of several runs' weights" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "two runs or more, got 0"),
        (["RUN"], "two runs or more, got 1"),
        (["RUN", "RUN"], "hold the same weights"),
        (["RUN", "OTHER", "--shares", "0.5", "0.6"], "add up to 1.1"),
        (["RUN", "nowhere"], "nowhere does not exist"),
        (["RUN", "OTHER", "--data", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_averaged_is_refused_before_torch_is_loaded(
    words, message, folders, faces, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "mien.training.fit.soup", None)  # importing it fails
    places = {"RUN": folders[0], "OTHER": folders[1]}
    data = [] if "--data" in words else ["--data", str(faces)]
    assert run(["average", *(places.get(word, word) for word in words), *data, "--out", str(tmp_path / "mean")]) == 1
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "mean").exists()
