"""One detection a face: of those that overlap, the one with the highest score stays."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from onnx import TensorProto, helper
from torch import Tensor

from mien.inference.runtime.engine import load_engine
from mien.training.models.face_pyramid import Answers

OVERLAP = 0.55
"""Two detections with a higher IoU are taken for the same face. Higher keeps more of a crowd, and more doubles."""

MOST_FACES = 750
"""Detections that a picture may have at most; the best ones."""


def suppress(answers: Answers, picture: int, min_score: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return what a network found in one picture, the surest first; what the exported graph does, for training.

    Args:
        answers: As `decode` gives them.
        picture: Which of the batch.
        min_score: From 0 to 1; lower finds more faces, and more that are none.

    Returns:
        (D, 4) boxes as left, top, right, bottom, (D,) scores from 0 to 1, and (D, 5, 2) landmarks, in pixels.
    """
    scores = answers.logits[picture].float().sigmoid()
    boxes = answers.boxes[picture].float()
    if not len(boxes):
        return boxes, scores, answers.landmarks[picture].float()
    given = {
        "boxes": boxes[None].cpu().numpy(),
        "scores": scores[None, None].cpu().numpy(),
        "most": np.array([MOST_FACES], np.int64),
        "overlap": np.array([OVERLAP], np.float32),
        "least": np.array([min_score], np.float32),
    }
    (chosen,) = _open_operator().run(None, given)
    best = torch.from_numpy(chosen[:, 2]).to(scores.device)
    return boxes[best], scores[best], answers.landmarks[picture][best].float()


@cache
def _open_operator() -> Any:
    """Open ONNX Runtime's own suppression, the operator of the exported graph.

    One of ours in torch took longer than the network did: all pairs are many, and one box after the other is slow.
    """
    kinds = dict.fromkeys(("boxes", "scores", "most", "overlap", "least"), TensorProto.FLOAT)
    kinds["most"] = TensorProto.INT64
    inputs = [helper.make_tensor_value_info(name, kind, None) for name, kind in kinds.items()]
    node = helper.make_node("NonMaxSuppression", [value.name for value in inputs], ["chosen"])
    output = helper.make_tensor_value_info("chosen", TensorProto.INT64, None)
    graph = helper.make_graph([node], "suppression", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    engine = load_engine()
    options = engine.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return engine.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def find_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Return (M, N) intersection over union of (M, 4) and (N, 4) boxes given as left, top, right, bottom."""
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = (high - low).clamp(min=0).prod(dim=2)
    areas = [(group[:, 2:] - group[:, :2]).clamp(min=0).prod(dim=1) for group in (boxes, others)]
    return common / (areas[0][:, None] + areas[1][None] - common).clamp(min=1e-9)
