"""One detection a face: of those that overlap, the one with the highest score stays."""

from __future__ import annotations

import torch
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
    boxes = answers.boxes[picture][order].float()
    overlaps = (find_iou(boxes, boxes) > OVERLAP).cpu()  # asked cell by cell: a GPU would be waited for each time
    is_out = torch.zeros(len(order), dtype=torch.bool)
    chosen: list[int] = []
    for place in range(len(order)):
        if is_out[place]:
            continue
        chosen.append(place)
        if len(chosen) == MOST_FACES:
            break
        is_out |= overlaps[place]
    best = order[chosen]
    return answers.boxes[picture][best].float(), scores[best], answers.landmarks[picture][best].float()


def find_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Return (M, N) intersection over union of (M, 4) and (N, 4) boxes given as left, top, right, bottom."""
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = (high - low).clamp(min=0).prod(dim=2)
    areas = [(group[:, 2:] - group[:, :2]).clamp(min=0).prod(dim=1) for group in (boxes, others)]
    return common / (areas[0][:, None] + areas[1][None] - common).clamp(min=1e-9)
