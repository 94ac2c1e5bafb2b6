"""One detection a face: of those that overlap, the surest stays, and those near it share in its landmarks.

Both steps are a few ONNX operators. The exported graph ends with them, and training runs the same ones by themselves;
so a validation figure is of what users get.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor

from mien.inference.runtime.session import open_graph
from mien.training.models.face_pyramid import Answers

OVERLAP = 0.55
"""Two detections with a higher IoU are taken for the same face. Higher keeps more of a crowd, and more doubles."""

MOST_FACES = 750
"""Detections that a picture may have at most; the best ones."""

AVERAGED_FROM = 0.7
"""Cells whose boxes overlap a detection's by a higher IoU share in its landmarks, each by its score. Lower asks more
cells, and worse ones."""

MOST_ASKED = 1000
"""Cells of a picture that share in landmarks at most; the best ones. It bounds the table of overlaps in any picture."""

CELLS: Final = ("all_boxes", "all_scores", "all_landmarks")
"""What the operators take: (1, N, 4) left, top, right, bottom, (1, 1, N) and (N, 5, 2)."""

FACES: Final = ("corners", "scores", "landmarks")
"""What they give: (D, 4), (D,) and (D, 5, 2), the surest first."""

SCORE_LIMIT: Final = "score_limit"
"""A further input, (1,) float32: detections have a higher score."""


class _Step(NamedTuple):
    """An operator, the names of what it takes and gives, and the axis it works along."""

    kind: str
    inputs: str
    outputs: str
    axis: int | None = None

    def to_node(self) -> NodeProto:
        ends = self.inputs.split(), self.outputs.split()
        return (
            helper.make_node(self.kind, *ends)
            if self.axis is None
            else helper.make_node(self.kind, *ends, axis=self.axis)
        )


_KEEPING: Final = (
    # It takes y before x, and works as well with both exchanged in all boxes. It gives (D, 3): picture, class, cell.
    _Step("NonMaxSuppression", "all_boxes all_scores most_faces overlap score_limit", "chosen"),
    _Step("Gather", "chosen last", "cells", 1),
    _Step("Squeeze", "all_boxes first", "cell_boxes"),
    _Step("Gather", "cell_boxes cells", "corners", 0),
    _Step("Reshape", "all_scores flat", "cell_scores"),
    _Step("Gather", "cell_scores cells", "scores", 0),
    _Step("Gather", "all_landmarks cells", "own_landmarks", 0),
)

_ASKING: Final = (
    _Step("Shape", "cell_scores", "cell_count"),
    _Step("Min", "cell_count most_asked", "asked_count"),
    _Step("TopK", "cell_scores asked_count", "asked_scores asked"),
    _Step("Gather", "cell_boxes asked", "asked_boxes", 0),
    _Step("Transpose", "asked_boxes", "asked_sides"),  # (4, K)
    _Step("Gather", "all_landmarks asked", "asked_landmarks", 0),
    _Step("Split", "corners singly", "face_left face_top face_right face_bottom", 1),  # (D, 1) each
    _Step("Split", "asked_sides singly", "asked_left asked_top asked_right asked_bottom", 0),  # (1, K) each
)

_COMPARING: Final = (
    _Step("Max", "face_left asked_left", "common_left"),
    _Step("Max", "face_top asked_top", "common_top"),
    _Step("Min", "face_right asked_right", "common_right"),
    _Step("Min", "face_bottom asked_bottom", "common_bottom"),
    *(
        step
        for part in ("face", "asked", "common")
        for step in (
            _Step("Sub", f"{part}_right {part}_left", f"{part}_reach"),
            _Step("Sub", f"{part}_bottom {part}_top", f"{part}_fall"),
            _Step("Relu", f"{part}_reach", f"{part}_width"),
            _Step("Relu", f"{part}_fall", f"{part}_height"),
            _Step("Mul", f"{part}_width {part}_height", f"{part}_area"),
        )
    ),
    _Step("Add", "face_area asked_area", "both_areas"),
    _Step("Sub", "both_areas common_area", "joint_area"),
    _Step("Mul", "joint_area averaged_from", "least_common"),
    _Step("Greater", "common_area least_common", "is_near"),  # (D, K)
)

_AVERAGING: Final = (
    _Step("Where", "is_near asked_scores nothing", "shares"),  # (D, K)
    _Step("ReduceSum", "shares last_axis", "share_sums"),  # (D, 1)
    _Step("Flatten", "asked_landmarks", "asked_points"),  # (K, 10)
    _Step("MatMul", "shares asked_points", "point_sums"),
    _Step("Div", "point_sums share_sums", "mean_points"),
    _Step("Flatten", "own_landmarks", "own_points"),
    # A face that is not among the best cells keeps its own landmarks.
    _Step("Greater", "share_sums nothing", "is_asked"),
    _Step("Where", "is_asked mean_points own_points", "points"),  # (D, 10)
    _Step("Reshape", "points pairs", "landmarks"),
)


def suppression_nodes() -> list[NodeProto]:
    """Return the operators from `CELLS` and `SCORE_LIMIT` to `FACES`; they need what `suppression_constants` gives."""
    return [step.to_node() for step in (*_KEEPING, *_ASKING, *_COMPARING, *_AVERAGING)]


def suppression_constants() -> dict[str, NDArray[Any]]:
    """Return what the operators need beside the cells' answers, by name."""
    return {
        "most_faces": np.array([MOST_FACES], np.int64),
        "overlap": np.array([OVERLAP], np.float32),
        "most_asked": np.array([MOST_ASKED], np.int64),
        "averaged_from": np.array([AVERAGED_FROM], np.float32),
        "nothing": np.array([0], np.float32),
        "last": np.array(2, np.int64),
        "first": np.array([0], np.int64),
        "flat": np.array([-1], np.int64),
        "singly": np.array([1, 1, 1, 1], np.int64),
        "last_axis": np.array([1], np.int64),
        "pairs": np.array([-1, 5, 2], np.int64),
    }


def suppress(answers: Answers, picture: int, min_score: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return what a network found in one picture, the surest first; what the exported graph does, for training.

    Args:
        answers: As `decode` gives them.
        picture: Which of the batch.
        min_score: From 0 to 1; lower finds more faces, and more that are none. Those that are found anyway
            keep their boxes and landmarks.

    Returns:
        (D, 4) boxes as left, top, right, bottom, (D,) scores from 0 to 1, and (D, 5, 2) landmarks, in pixels.
    """
    scores = answers.logits[picture].float().sigmoid()
    boxes = answers.boxes[picture].float()
    landmarks = answers.landmarks[picture].float()
    if not len(boxes):
        return boxes, scores, landmarks
    cells = (boxes[None], scores[None, None], landmarks)
    given = {name: values.detach().cpu().numpy() for name, values in zip(CELLS, cells, strict=True)}
    limit = {SCORE_LIMIT: np.array([min_score], np.float32)}
    found = _open_operators().run(list(FACES), {**given, **limit, **suppression_constants()})
    corners, sure, points = (torch.from_numpy(part).to(scores.device) for part in found)
    return corners, sure, points


@cache
def _open_operators() -> Any:
    """Open the operators of the exported graph in ONNX Runtime.

    A suppression of ours in torch took longer than the network did: all pairs are many, and one box after the other is
    slow.
    """
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in (*CELLS, SCORE_LIMIT)]
    inputs += [
        helper.make_tensor_value_info(name, numpy_helper.from_array(value).data_type, value.shape)
        for name, value in suppression_constants().items()
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in FACES]
    graph = helper.make_graph(suppression_nodes(), "suppression", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    return open_graph(model.SerializeToString(), threads=1)


def find_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Return (M, N) intersection over union of (M, 4) and (N, 4) boxes given as left, top, right, bottom."""
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = (high - low).clamp(min=0).prod(dim=2)
    areas = [(group[:, 2:] - group[:, :2]).clamp(min=0).prod(dim=1) for group in (boxes, others)]
    return common / (areas[0][:, None] + areas[1][None] - common).clamp(min=1e-9)
