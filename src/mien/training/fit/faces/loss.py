"""What a detector's mistakes cost: scores that shall tell how well a box fits, boxes, and landmarks.

Source: Li et al., "Generalized Focal Loss", NeurIPS 2020, for the scores; Rezatofighi et al., "Generalized Intersection
over Union", CVPR 2019, for the boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mien.training.fit.faces.assignment import assign
from mien.training.models.face_pyramid import Answers

LANDMARK_SCALE = 0.02
"""Landmark errors under this share of the face's size count quadratically, those above linearly.

That is about the error of the landmarks that are given. At 0.05 the errors stayed at 0.04: they cost next to nothing.
"""


class Truth(NamedTuple):
    """What one picture shows, in pixels.

    Attributes:
        boxes: (M, 4) left, top, right, bottom.
        landmarks: (M, 5, 2), NaN where unknown.
        ignored: (K, 4) regions about which nothing is said.
    """

    boxes: Tensor
    landmarks: Tensor
    ignored: Tensor


class Parts(NamedTuple):
    """The parts of the loss, each per assigned cell, before they are weighed."""

    score: Tensor
    box: Tensor
    landmarks: Tensor


def measure_parts(answers: Answers, truths: Sequence[Truth], middles: Tensor, strides: Tensor) -> Parts:
    """Measure a batch.

    Args:
        answers: Of all its pictures.
        truths: One a picture.
        middles: (N, 2) the cells' middles.
        strides: (N,) pixels between two cells.
    """
    targets = torch.zeros_like(answers.logits)
    weights = torch.ones_like(answers.logits)
    found_boxes, true_boxes, found_points, true_points = [], [], [], []
    for number, truth in enumerate(truths):
        weights[number] = ~_lies_in(middles, strides, truth.ignored)
        chosen = assign(answers.logits[number].detach(), answers.boxes[number].detach(), middles, strides, truth.boxes)
        targets[number, chosen.cells] = chosen.ious
        weights[number, chosen.cells] = 1.0
        found_boxes.append(answers.boxes[number, chosen.cells])
        true_boxes.append(truth.boxes[chosen.faces])
        found_points.append(answers.landmarks[number, chosen.cells])
        true_points.append(truth.landmarks[chosen.faces])
    boxes, true = torch.cat(found_boxes), torch.cat(true_boxes)
    count = max(1, len(boxes))
    scores = answers.logits.sigmoid()
    score = (
        F.binary_cross_entropy_with_logits(answers.logits, targets, reduction="none") * (targets - scores).abs() ** 2
    )
    box = 1 - generalized_iou(boxes, true)
    points, true_landmarks = torch.cat(found_points), torch.cat(true_points)
    sizes = (true[:, 2:] - true[:, :2]).clamp(min=1).prod(dim=1).sqrt()
    error = (points - true_landmarks.nan_to_num()) / sizes[:, None, None]
    landmark = F.smooth_l1_loss(error, torch.zeros_like(error), beta=LANDMARK_SCALE, reduction="none")
    landmark = landmark.sum(dim=2) * ~true_landmarks.isnan().any(dim=2)
    return Parts((score * weights).sum() / count, box.sum() / count, landmark.sum() / count)


def generalized_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Return (P,) generalized IoU, from -1 to 1, of (P, 4) pairs of boxes given as left, top, right, bottom."""
    low, high = torch.maximum(boxes[:, :2], others[:, :2]), torch.minimum(boxes[:, 2:], others[:, 2:])
    common = (high - low).clamp(min=0).prod(dim=1)
    together = sum((group[:, 2:] - group[:, :2]).clamp(min=0).prod(dim=1) for group in (boxes, others)) - common
    around = (torch.maximum(boxes[:, 2:], others[:, 2:]) - torch.minimum(boxes[:, :2], others[:, :2])).prod(dim=1)
    return common / together.clamp(min=1e-6) - (around - together) / around.clamp(min=1e-6)


def _lies_in(middles: Tensor, strides: Tensor, regions: Tensor) -> Tensor:
    """Return (N,) whether cells lie in one of (K, 4) regions, or so close that they see what is in it."""
    if not len(regions):
        return torch.zeros(len(middles), dtype=torch.bool, device=middles.device)
    margin = strides[:, None] / 2
    beyond_low = middles[:, None, :] > regions[None, :, :2] - margin[..., None]
    before_high = middles[:, None, :] < regions[None, :, 2:] + margin[..., None]
    return (beyond_low & before_high).all(dim=2).any(dim=1)
