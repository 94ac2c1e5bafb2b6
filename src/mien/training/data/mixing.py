"""Batches in which each picture is mixed with another one of the batch, and its target in the same share.

Source: Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018; Yun et al., "CutMix: Regularization
Strategy to Train Strong Classifiers with Localizable Features", ICCV 2019.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor
from torch.distributions import Beta

from mien.training.data.sections import Mix


def mix_batch(planes: Tensor, targets: Tensor, settings: Mix) -> tuple[Tensor, Tensor]:
    """Mix a batch by mixup or CutMix, by either with equal odds where both are on, or leave it as it is.

    Draws from torch's global random state, on the CPU wherever the pictures lie; nothing where both are off.

    Args:
        planes: (B, C, H, W) float32.
        targets: (B, K) float32, rows sum to 1.
        settings: Which of the two are on, and for which share of the batches.

    Returns:
        Both in their own form; what is given stays as it is.
    """
    ways = [(way, alpha) for way, alpha in ((blend, settings.mixup), (paste, settings.cutmix)) if alpha]
    if not ways or float(torch.rand(())) >= settings.share:
        return planes, targets
    way, alpha = ways[int(torch.randint(len(ways), ()))]
    share = float(Beta(*torch.full((2,), alpha, dtype=torch.float64)).sample())
    partners = torch.randperm(len(planes)).to(planes.device)
    return way(planes, targets, partners, share)


def blend(planes: Tensor, targets: Tensor, partners: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Blend each picture with its partner: mixup.

    Args:
        planes: (B, C, H, W) float32.
        targets: (B, K) float32.
        partners: (B,) int64, positions in the batch.
        share: What each picture keeps of itself, from 0 to 1.
    """
    return torch.lerp(planes[partners], planes, share), torch.lerp(targets[partners], targets, share)


def paste(planes: Tensor, targets: Tensor, partners: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Paste a rectangle of each picture's partner into it: CutMix.

    The rectangle is the same in the whole batch, has the sides' proportion, and its center lies anywhere; what reaches
    over the edge is cut off, and the targets are mixed by the area that is left.

    Args:
        planes: (B, C, H, W) float32.
        targets: (B, K) float32.
        partners: (B,) int64, positions in the batch.
        share: What each picture keeps of itself, from 0 to 1, unless the rectangle reaches over the edge.
    """
    height, width = planes.shape[-2:]
    top, bottom = _draw_stretch(height, sqrt(1 - share))
    left, right = _draw_stretch(width, sqrt(1 - share))
    pasted = planes.clone()
    pasted[:, :, top:bottom, left:right] = planes[partners, :, top:bottom, left:right]
    kept = 1 - (bottom - top) * (right - left) / (height * width)
    return pasted, torch.lerp(targets[partners], targets, kept)


def _draw_stretch(side: int, share: float) -> tuple[int, int]:
    """Return begin and end of a stretch of a share of a side, its center anywhere on it."""
    length, center = int(side * share), int(torch.randint(side, ()))
    begin = center - length // 2
    return max(begin, 0), min(begin + length, side)
