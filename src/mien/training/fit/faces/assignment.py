"""Which cells shall answer for which face: as many as fit it well, chosen anew at each step by what they answer.

Source: Ge et al., "OTA: Optimal Transport Assignment for Object Detection", CVPR 2021, in the simplified form of
Ge et al., "YOLOX: Exceeding YOLO Series in 2021".
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mien.training.models.suppression import find_iou

NEAR_STRIDES = 1.5
"""A cell may answer for a face if its middle is at most this many strides from the face's middle on each axis."""

BEST = 10
"""A face is answered by as many cells as the IoUs of its so many best ones add up to, and by at least one."""

SMALL_PX = 16.0
"""A face with a shorter side under this may have no cell's middle inside it: one that is near will do."""

IOU_COST = 3.0
"""What a poor box costs beside a poor score."""

FAR_COST = 1e5
"""Makes a cell that is not both near and inside the last choice."""

NOBODY = -1


class Assignment(NamedTuple):
    """The cells of one picture that answer.

    Attributes:
        cells: (P,) positions of cells.
        faces: (P,) the face that each answers for.
        ious: (P,) IoU of the cell's box with it.
    """

    cells: Tensor
    faces: Tensor
    ious: Tensor


@torch.no_grad()
def assign(logits: Tensor, boxes: Tensor, middles: Tensor, strides: Tensor, faces: Tensor) -> Assignment:
    """Choose the cells of one picture.

    Args:
        logits: (N,) scores before the sigmoid.
        boxes: (N, 4) answered boxes in pixels: left, top, right, bottom.
        middles: (N, 2) the cells' middles in pixels.
        strides: (N,) pixels between two cells.
        faces: (M, 4) true boxes, likewise.

    Returns:
        No cell stands in it twice. Each face has a cell as long as one near it is free: where others outbid it for
        all that it chose, as happens to small faces side by side, it gets the best of those that are left.
    """
    nothing = torch.zeros(0, dtype=torch.long, device=logits.device)
    if not len(faces):
        return Assignment(nothing, nothing, logits.new_zeros(0))
    face_middles = (faces[:, :2] + faces[:, 2:]) / 2
    away = (middles[None] - face_middles[:, None]).abs()  # (M, N, 2)
    is_near = (away <= NEAR_STRIDES * strides[None, :, None]).all(dim=2)
    is_inside = ((middles[None] > faces[:, None, :2]) & (middles[None] < faces[:, None, 2:])).all(dim=2)
    candidates = (is_near | is_inside).any(dim=0).nonzero().squeeze(1)
    if not len(candidates):
        return Assignment(nothing, nothing, logits.new_zeros(0))
    iou = find_iou(faces, boxes[candidates])  # (M, C)
    may_answer = (is_near | is_inside)[:, candidates]
    score_cost = F.binary_cross_entropy_with_logits(
        logits[candidates].expand_as(iou), iou.clamp(0, 1), reduction="none"
    )
    is_small = (faces[:, 2:] - faces[:, :2]).amin(dim=1, keepdim=True) < SMALL_PX  # maybe no cell lies inside it
    is_central = is_near[:, candidates] & (is_inside[:, candidates] | is_small)
    cost = score_cost - IOU_COST * torch.log(iou + 1e-7) + FAR_COST * ~is_central
    cost = cost.masked_fill(~may_answer, float("inf"))
    counts = iou.topk(min(BEST, iou.shape[1]), dim=1).values.sum(dim=1).round().long().clamp(min=1)
    order = cost.argsort(dim=1)
    rank = torch.empty_like(order).scatter_(1, order, torch.arange(iou.shape[1], device=iou.device).expand_as(order))
    cheapest, owner = cost.masked_fill(rank >= counts[:, None], float("inf")).min(dim=0)
    owner = owner.masked_fill(~cheapest.isfinite(), NOBODY)
    cells_of = torch.bincount(owner[owner != NOBODY], minlength=len(faces))
    for face in (cells_of == 0).nonzero().squeeze(1).tolist():
        left = cost[face].masked_fill(owner != NOBODY, float("inf"))
        best = left.argmin()
        if left[best].isfinite():
            owner[best] = face
    taken = (owner != NOBODY).nonzero().squeeze(1)
    return Assignment(candidates[taken], owner[taken], iou[owner[taken], taken])
