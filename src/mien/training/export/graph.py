"""The network as users run it: uint8 pictures in, calibrated probabilities out, as one ONNX graph."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from onnx import ModelProto
from torch import Tensor, nn

from mien.inference.expression.model import INPUT_NAME, OUTPUT_NAMES
from mien.training.models.preprocess import standardize_pixels

OPSET = 20


class CalibratedNetwork(nn.Module):
    """A network between its preprocessing and its calibration."""

    def __init__(self, network: nn.Module, *temperatures: float) -> None:
        """Wrap a network.

        Args:
            network: From (B, C, H, W) standardized float32 to (B, K) logits, or (B, 2 K) of two heads.
            temperatures: One a head; divides its logits.
        """
        super().__init__()
        self.network = network
        self.temperatures = temperatures

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return (B, K) float32 probabilities a head of (B, H, W) gray or (B, H, W, 3) RGB uint8 pictures."""
        logits = self.network(standardize_pixels(images)).chunk(len(self.temperatures), dim=1)
        return tuple(
            torch.softmax(head / temperature, dim=1)
            for head, temperature in zip(logits, self.temperatures, strict=True)
        )


def example_images(channels: int, size_px: int, batch: int = 2) -> Tensor:
    """Return a batch of blank pictures of the shape that a network takes."""
    shape = (batch, size_px, size_px) if channels == 1 else (batch, size_px, size_px, channels)
    return torch.zeros(shape, dtype=torch.uint8)


def build_graph(network: CalibratedNetwork, channels: int, size_px: int) -> bytes:
    """Turn a network into the bytes of an ONNX file without metadata.

    Args:
        network: In evaluation mode, on the CPU.
        channels: 1 for gray, 3 for RGB.
        size_px: Side of the pictures.

    Returns:
        A model with the input `images` of any batch size and the output `probabilities`, and `votes` of a second head.
    """
    outputs = list(OUTPUT_NAMES.values())[: len(network.temperatures)]
    images = example_images(channels, size_px)
    proto = trace(network.eval(), (images,), [INPUT_NAME], outputs, ({0: torch.export.Dim("batch")},))
    return bytes(proto.SerializeToString(deterministic=True))


def trace(
    network: nn.Module,
    examples: tuple[Tensor, ...],
    inputs: list[str],
    outputs: list[str],
    dynamic_shapes: tuple[Any, ...],
) -> ModelProto:
    """Turn a network into an ONNX model without metadata, and without traces of the machine that made it.

    Args:
        network: In evaluation mode, on the CPU.
        examples: Inputs that it can be run with.
        inputs: Their names.
        outputs: Names of what it gives.
        dynamic_shapes: As `torch.onnx.export` takes them: by input, the sides that may differ.
    """
    with _quiet():
        program = torch.onnx.export(
            network,
            examples,
            input_names=inputs,
            output_names=outputs,
            dynamic_shapes=dynamic_shapes,
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    proto: ModelProto = program.model_proto
    for node in proto.graph.node:  # the exporter notes source lines and paths of this machine there
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*proto.graph.input, *proto.graph.output, *proto.graph.value_info, *proto.graph.initializer):
        del value.metadata_props[:]
    del proto.metadata_props[:], proto.graph.metadata_props[:], proto.graph.value_info[:]
    proto.doc_string = proto.graph.doc_string = ""
    return proto


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's notes about its own parts out of the terminal."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
