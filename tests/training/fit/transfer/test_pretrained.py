"""Weights are read from runs, checkpoints, model files and safetensors, and from nothing that can hold code."""

import pytest
import torch
from safetensors.torch import save_file

from mien.core.errors import ModelError, RunError
from mien.training.export.artefact import export_run
from mien.training.fit.restore import restore_network
from mien.training.fit.transfer.pretrained import read_pretrained


def test_a_run_and_its_checkpoint_give_the_kept_weights(trained):
    kept = restore_network(trained).state_dict()
    for source in (trained.path, trained.best_path):
        found = read_pretrained(str(source))
        assert found.labels == trained.trained_on().labels
        assert found.weights.keys() == kept.keys()
        assert all(torch.equal(found.weights[name], kept[name]) for name in kept)


def test_a_model_file_gives_its_weights_and_labels(trained, tmp_path):
    card = export_run(trained, tmp_path / "model.onnx")
    found = read_pretrained(str(tmp_path / "model.onnx"))
    assert found.labels == card.labels
    kept = restore_network(trained).state_dict()
    head = [name for name in kept if name.endswith("weight")][-1]
    assert torch.equal(found.weights[head], kept[head])


def test_a_bundled_model_is_found_by_its_name_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sum(value.numel() for value in read_pretrained("expression").weights.values()) > 1_000_000


def test_a_wrappers_prefix_is_taken_off(tmp_path):
    weights = {"0.weight": torch.rand(2, 3), "0.bias": torch.rand(2)}
    for number, prefix in enumerate(["", "module.", "model.", "module.network.", "model._orig_mod.module."]):
        file = tmp_path / f"{number}.safetensors"
        save_file({f"{prefix}{name}": value for name, value in weights.items()}, file)
        found = read_pretrained(str(file))
        assert found.weights.keys() == weights.keys()
        assert found.labels is None


def test_what_is_no_file_of_weights_is_refused(tmp_path, model_file):
    with pytest.raises(ModelError, match="there are no weights at"):
        read_pretrained(str(tmp_path / "absent"))
    (tmp_path / "weights.pt").write_bytes(b"\x80\x02.")
    with pytest.raises(ModelError, match="can hold code"):
        read_pretrained(str(tmp_path / "weights.pt"))
    (tmp_path / "broken.safetensors").write_bytes(b"\x10" * 40)
    with pytest.raises(ModelError, match=r"broken\.safetensors is no safetensors"):
        read_pretrained(str(tmp_path / "broken.safetensors"))
    (tmp_path / "short.onnx").write_bytes(model_file.read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"short\.onnx"):
        read_pretrained(str(tmp_path / "short.onnx"))
    with pytest.raises(RunError, match=r"best\.ckpt does not exist"):
        read_pretrained(str(tmp_path))
    (tmp_path / "broken.ckpt").write_bytes(b"\x10" * 40)
    with pytest.raises(RunError, match="no checkpoint of mien"):
        read_pretrained(str(tmp_path / "broken.ckpt"))
