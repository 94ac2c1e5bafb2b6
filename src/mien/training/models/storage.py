"""Weights kept in half the bytes: float16 in the file, float32 again as soon as it is opened.

The cast back is a node of the graph that depends on nothing, so run times compute it once, when they open the file: the
network runs as quickly as before, and in float32.
"""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

FEWEST_VALUES = 256
"""Constants with fewer values stay as they are: a cast would take more bytes than it saves."""

LARGEST = float(np.finfo(np.float16).max)


def halve_weights(graph: bytes) -> bytes:
    """Store a graph's weights as float16.

    Args:
        graph: An ONNX file without metadata, its weights in float32.

    Returns:
        The same graph, whose larger constants are float16 with a cast to float32 behind them. A constant that float16
        can't hold stays as it is.
    """
    proto = ModelProto.FromString(graph)
    casts = []
    for constant in proto.graph.initializer:
        if constant.data_type != TensorProto.FLOAT or np.prod(constant.dims) < FEWEST_VALUES:
            continue
        values = numpy_helper.to_array(constant)
        if not np.abs(values).max() <= LARGEST:
            continue
        name, stored = constant.name, f"{constant.name}.float16"
        constant.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    return bytes(proto.SerializeToString(deterministic=True))


def read_constants(proto: ModelProto) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Return the constants that a graph computes with, by name; those that are stored as float16 as float32 again."""
    stored = {constant.name: numpy_helper.to_array(constant) for constant in proto.graph.initializer}
    for node in proto.graph.node:
        if node.op_type == "Cast" and node.input[0] in stored:
            stored[node.output[0]] = stored.pop(node.input[0]).astype(np.float32)
    return stored
