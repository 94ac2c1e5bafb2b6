"""Refuse models that point to other files: one file is the whole model, and opening it opens nothing else.

ONNX allows a tensor's values to stand in another file that the model names. Such a model would break when moved, its
hash would not cover its weights, and a foreign one could make us open any path on this machine.

Source: https://github.com/onnx/onnx/blob/main/docs/ExternalData.md; field numbers from onnx.proto
"""

from __future__ import annotations

from typing import Final

from mien.core.errors import ModelError
from mien.inference.runtime.wire import LENGTH_DELIMITED, VARINT, read_varint, walk_fields

_CHILDREN: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""By kind of message: the fields that can lead to a tensor."""

_EXTERNAL_DATA, _DATA_LOCATION, _EXTERNAL = 13, 14, 1


def check_self_contained(data: bytes) -> None:
    """Make sure that no tensor of the model lies in another file.

    Args:
        data: A whole .onnx file.

    Raises:
        ModelError: If a tensor does, or the bytes are no ONNX file.
    """
    # A list instead of recursion: nesting in a hostile file must not exhaust the stack.
    waiting = [("model", memoryview(data))]
    while waiting:
        kind, message = waiting.pop()
        for field in walk_fields(message):
            child = _CHILDREN[kind].get(field.number)
            if child is not None and field.wire_type == LENGTH_DELIMITED:
                waiting.append((child, field.value))
            elif kind == "tensor" and _points_outside(field.number, field.wire_type, field.value):
                raise ModelError(
                    "the model keeps weights in another file, which mien refuses: one file must be the whole model. "
                    "Export it again with its weights inside."
                )


def _points_outside(number: int, wire_type: int, value: memoryview) -> bool:
    if number == _DATA_LOCATION and wire_type == VARINT:
        return read_varint(value, 0)[0] == _EXTERNAL
    return number == _EXTERNAL_DATA
