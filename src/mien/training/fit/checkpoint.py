"""Checkpoints without pickled code: tensors as safetensors, everything else as JSON in its header."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import CheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mien.core.atomic import write_bytes
from mien.core.errors import RunError

_KEY = "mien.checkpoint"


class SafeCheckpoints(CheckpointIO):
    """Lets Lightning write and read our checkpoints, each in one step."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint of nested dicts, lists, tensors and plain values."""
        tensors: dict[str, Tensor] = {}
        tree = json.dumps(_pack(checkpoint, tensors))
        write_bytes(Path(path), save(tensors, {_KEY: tree}))

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Read a checkpoint; its tensors lie on the CPU."""
        return load_checkpoint(Path(path))

    def remove_checkpoint(self, path: Any) -> None:
        """Remove a checkpoint."""
        Path(path).unlink(missing_ok=True)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of ours.

    Raises:
        RunError: If it is absent, broken, or not one of ours.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tree = json.loads((file.metadata() or {})[_KEY])
            checkpoint: dict[str, Any] = _unpack(tree, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        if not isinstance(checkpoint, dict):
            raise TypeError(f"it holds a {type(checkpoint).__name__}")
    except FileNotFoundError:
        raise RunError(f"{path} does not exist. Let the run finish its first epoch, or name another folder.") from None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path} is no checkpoint of mien, or is broken: {error}.") from None
    return checkpoint


def is_checkpoint(path: Path) -> bool:
    """Return whether a file is a checkpoint of ours, whatever its name."""
    try:
        with safe_open(path, framework="pt") as file:
            return _KEY in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def _pack(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Turn a value into JSON types; tensors go into `tensors` and leave their number behind."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        is_channels_last = value.dim() == 4 and value.is_contiguous(memory_format=torch.channels_last)
        tensors[name] = value.detach().cpu().contiguous().clone()
        # the layout comes back too: sums run over memory, so another layout could round differently
        return {"tensor": name, "channels_last": is_channels_last and not value.is_contiguous()}
    if isinstance(value, dict):
        return {"dict": [[key, _pack(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_pack(item, tensors) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a checkpoint can't hold {type(value).__name__}")


def _unpack(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Undo `_pack`."""
    if isinstance(value, list):
        return [_unpack(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "dict" in value:
        return {key: _unpack(item, tensors) for key, item in value["dict"]}
    tensor = tensors[value["tensor"]]
    return tensor.to(memory_format=torch.channels_last) if value["channels_last"] else tensor
