import pickle

import pytest
import torch
from safetensors.torch import save_file

from mien.core.errors import RunError
from mien.training.fit.checkpoint import SafeCheckpoints, load_checkpoint

CHECKPOINT = {
    "epoch": 3,
    "optimizer_states": [{"state": {0: {"step": torch.tensor(5.0), "momentum": None}}, "betas": (0.9, 0.999)}],
    "best": float("inf"),
    "is_on": True,
    "name": "größe",
    "empty": {},
}


def test_what_is_saved_comes_back(tmp_path):
    SafeCheckpoints().save_checkpoint(CHECKPOINT, tmp_path / "a.ckpt")
    loaded = load_checkpoint(tmp_path / "a.ckpt")
    assert loaded["optimizer_states"][0]["state"][0]["step"] == 5.0
    assert loaded["optimizer_states"][0]["betas"] == [0.9, 0.999]
    assert {key: loaded[key] for key in ("epoch", "best", "is_on", "name", "empty")} == {
        key: CHECKPOINT[key] for key in ("epoch", "best", "is_on", "name", "empty")
    }


def test_the_memory_layout_comes_back_too(tmp_path):
    weights = torch.randn(8, 4, 3, 3).to(memory_format=torch.channels_last)
    SafeCheckpoints().save_checkpoint({"w": weights, "plain": torch.randn(8, 4, 3, 3)}, tmp_path / "a.ckpt")
    loaded = load_checkpoint(tmp_path / "a.ckpt")
    assert torch.equal(loaded["w"], weights)
    assert loaded["w"].stride() == weights.stride()
    assert loaded["plain"].is_contiguous()


def test_tensors_that_share_memory_are_saved_each(tmp_path):
    shared = torch.arange(4.0)
    SafeCheckpoints().save_checkpoint({"a": shared, "b": shared, "c": shared[1:3]}, tmp_path / "a.ckpt")
    assert load_checkpoint(tmp_path / "a.ckpt")["c"].tolist() == [1.0, 2.0]


def test_what_is_no_plain_value_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(TypeError, match="function"):
        SafeCheckpoints().save_checkpoint({"code": lambda: 0}, tmp_path / "a.ckpt")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"nonsense", pickle.dumps({"state_dict": {}}), b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_foreign_or_broken_file_is_refused(tmp_path, content):
    (tmp_path / "a.ckpt").write_bytes(content)
    with pytest.raises(RunError, match=r"a\.ckpt"):
        load_checkpoint(tmp_path / "a.ckpt")


def test_a_pickled_file_of_torch_is_refused(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "a.ckpt")
    with pytest.raises(RunError, match="no checkpoint of mien"):
        load_checkpoint(tmp_path / "a.ckpt")


def test_a_truncated_file_is_refused(tmp_path):
    SafeCheckpoints().save_checkpoint(CHECKPOINT | {"w": torch.zeros(1000)}, tmp_path / "a.ckpt")
    whole = (tmp_path / "a.ckpt").read_bytes()
    for share in (0.1, 0.5, 0.99):
        (tmp_path / "a.ckpt").write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(RunError):
            load_checkpoint(tmp_path / "a.ckpt")


@pytest.mark.parametrize("tree", ["3", "[1]", '{"dict": 3}', '{"tensor": "9", "channels_last": false}'])
def test_a_well_formed_file_of_another_kind_is_refused(tmp_path, tree):
    save_file({"0": torch.zeros(1)}, tmp_path / "a.ckpt", {"mien.checkpoint": tree})
    with pytest.raises(RunError, match="no checkpoint of mien"):
        load_checkpoint(tmp_path / "a.ckpt")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RunError, match="does not exist"):
        load_checkpoint(tmp_path / "a.ckpt")
