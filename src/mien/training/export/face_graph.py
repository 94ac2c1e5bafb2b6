"""The detector as users run it: one uint8 picture of any size in, its faces out, as one ONNX graph.

Padding, standardization, decoding, the suppression of doubles and the averaging of landmarks are all inside, so that
every run time that speaks ONNX finds the same faces.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from mien.training.export.graph import trace
from mien.training.models.face_pyramid import STRIDES, cell_middles, decode
from mien.training.models.preprocess import standardize_pixels
from mien.training.models.suppression import CELLS, SCORE_LIMIT, suppression_constants, suppression_nodes

INPUT, MIN_SCORE = "images", "min_score"
OUTPUTS = ("boxes", "scores", "landmarks")


class DecodingNetwork(nn.Module):
    """A network between its preprocessing and the decoding of its answers."""

    def __init__(self, network: nn.Module) -> None:
        """Wrap a network.

        Args:
            network: From (B, 3, H, W) to (B, N, 15) raw answers.
        """
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what all cells answer, in pixels.

        Args:
            images: (1, H, W, 3) uint8 of any size.

        Returns:
            (1, N, 4) boxes as left, top, right, bottom, (1, 1, N) scores, (N, 5, 2) landmarks.
        """
        planes = standardize_pixels(images)
        coarsest = STRIDES[-1]
        height = (planes.shape[2] + coarsest - 1) // coarsest * coarsest
        width = (planes.shape[3] + coarsest - 1) // coarsest * coarsest
        planes = F.pad(planes, (0, width - planes.shape[3], 0, height - planes.shape[2]))
        answers = decode(self.network(planes), *cell_middles(height, width))
        return answers.boxes, answers.logits.sigmoid()[:, None], answers.landmarks[0]


def build_face_graph(network: nn.Module) -> bytes:
    """Turn a detector into the bytes of an ONNX file without metadata.

    Args:
        network: In evaluation mode, on the CPU.

    Returns:
        A model with the inputs `images`, (1, H, W, 3) uint8, and `min_score`, a float32 scalar, and the outputs
        `boxes` (D, 4) as x, y, width, height in pixels, `scores` (D,) and `landmarks` (D, 5, 2), the surest face first.
    """
    sides = {1: torch.export.Dim("height"), 2: torch.export.Dim("width")}
    images = torch.zeros(1, 72, 104, 3, dtype=torch.uint8)
    proto = trace(DecodingNetwork(network).eval(), (images,), [INPUT], list(CELLS), (sides,))
    graph = proto.graph
    constants: dict[str, NDArray[Any]] = {
        **suppression_constants(),
        "half": np.array([2, 2], np.int64),
        "one": np.array([1], np.int64),
    }
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    graph.node.extend(
        [
            helper.make_node("Reshape", [MIN_SCORE, "one"], [SCORE_LIMIT]),
            *suppression_nodes(),
            helper.make_node("Split", ["corners", "half"], ["low", "high"], axis=1),
            helper.make_node("Sub", ["high", "low"], ["sides"]),
            helper.make_node("Concat", ["low", "sides"], ["boxes"], axis=1),
        ]
    )
    graph.input.append(helper.make_tensor_value_info(MIN_SCORE, TensorProto.FLOAT, []))
    del graph.output[:]
    shapes: list[list[str | int]] = [["faces", 4], ["faces"], ["faces", 5, 2]]
    graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip(OUTPUTS, shapes, strict=True)
    )
    return bytes(proto.SerializeToString(deterministic=True))
