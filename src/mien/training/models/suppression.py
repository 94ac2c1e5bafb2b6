"""One detection a face: of those that overlap, the one with the highest score stays."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.training.models.face_pyramid import Answers

OVERLAP = 0.45
"""Two detections with a higher IoU are taken for the same face. Higher keeps more of a crowd, and more doubles."""

MOST_FACES = 750
"""Detections that a picture may have at most; the best ones."""

CANDIDATES = 3000
"""Cells with the highest scores that are looked at."""


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
    kept = (scores > min_score).nonzero().squeeze(1)
    order = kept[scores[kept].argsort(descending=True, stable=True)][:CANDIDATES]
    best = order[_choose(answers.boxes[picture][order].float().cpu().numpy())]
    return answers.boxes[picture][best].float(), scores[best], answers.landmarks[picture][best].float()


def _choose(boxes: NDArray[np.float32]) -> list[int]:
    """Return the places of the boxes that stay, of (N, 4) boxes in the order of their scores.

    Each chosen box is compared with those that are left, which soon are few. All pairs at once took a third of the time
    that a training of a detector has on a CPU.
    """
    low, high = boxes[:, :2].T, boxes[:, 2:].T
    areas = np.maximum(high - low, 0).prod(axis=0)
    chosen: list[int] = []
    left = np.arange(len(boxes))
    while len(left) and len(chosen) < MOST_FACES:
        first, left = left[0], left[1:]
        chosen.append(int(first))
        sides = np.minimum(high[:, left], high[:, first, None]) - np.maximum(low[:, left], low[:, first, None])
        common = np.maximum(sides, 0).prod(axis=0)
        left = left[common <= OVERLAP * np.maximum(areas[left] + areas[first] - common, 1e-9)]
    return chosen


def find_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Return (M, N) intersection over union of (M, 4) and (N, 4) boxes given as left, top, right, bottom."""
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = (high - low).clamp(min=0).prod(dim=2)
    areas = [(group[:, 2:] - group[:, :2]).clamp(min=0).prod(dim=1) for group in (boxes, others)]
    return common / (areas[0][:, None] + areas[1][None] - common).clamp(min=1e-9)
