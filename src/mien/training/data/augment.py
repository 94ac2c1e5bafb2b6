"""Random changes of whole batches of pictures on tensors, each picture its own."""

from __future__ import annotations

import math
from typing import Final

import kornia.augmentation as kornia
import torch
from torch import Tensor, nn

from mien.training.data.sections import Augment

BLUR_PX: Final = (0.1, 1.5)
"""Spread of the Gaussian that blurs, in pixels of a 48 px crop, about what one of 24 px loses."""


def build_augmentation(strengths: Augment) -> nn.Module:
    """Build the changes whose strength is above 0.

    Rotation, zoom and shift are one warp, so that a picture is resampled once; beyond its edge the edge is repeated.

    Returns:
        A module from (B, C, H, W) float32 in 0-1 to the same; draws from torch's global random state.
    """
    changes: list[nn.Module] = []
    if strengths.flip:
        changes.append(kornia.RandomHorizontalFlip(p=strengths.flip))
    if strengths.rotation_deg or strengths.zoom or strengths.shift:
        changes.append(
            kornia.RandomAffine(
                degrees=strengths.rotation_deg,
                translate=(strengths.shift, strengths.shift) if strengths.shift else None,
                scale=(1 - strengths.zoom, 1 + strengths.zoom) if strengths.zoom else None,
                padding_mode="border",
                p=1.0,
            )
        )
    if strengths.brightness:
        changes.append(kornia.RandomBrightness((1 - strengths.brightness, 1 + strengths.brightness), p=1.0))
    if strengths.contrast:
        changes.append(_Contrast(strengths.contrast))
    if strengths.gamma:
        changes.append(_Gamma(strengths.gamma))
    if strengths.blur:
        changes.append(kornia.RandomGaussianBlur((7, 7), BLUR_PX, p=strengths.blur))
    if strengths.noise:
        changes.append(_Noise(strengths.noise))
    if strengths.erasing:
        changes.append(kornia.RandomErasing(scale=(0.02, 0.2), ratio=(0.3, 3.3), value=0.5, p=strengths.erasing))
    return _Sequence(*changes)


class _Contrast(nn.Module):
    """Each picture's distance from its own mean gray, scaled; kornia's scales the values, so that black stays black."""

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength

    def forward(self, images: Tensor) -> Tensor:
        draws = torch.rand(len(images), 1, 1, 1, device=images.device)
        factors = 1 + self.strength * (2 * draws - 1)
        return torch.lerp(images.mean(dim=(1, 2, 3), keepdim=True), images, factors).clamp(0, 1)


class _Gamma(nn.Module):
    """Each picture's values raised to a power of its own: above 1 darker, below brighter, black and white stay."""

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.largest = math.log1p(strength)

    def forward(self, images: Tensor) -> Tensor:
        draws = torch.rand(len(images), 1, 1, 1, device=images.device)
        return images.clamp(0, 1).pow(torch.exp(self.largest * (2 * draws - 1)))


class _Noise(nn.Module):
    """Gaussian noise, as a sensor has in low light, gray in pictures of any color; each with a spread of its own."""

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength

    def forward(self, images: Tensor) -> Tensor:
        spread = self.strength * torch.rand(len(images), 1, 1, 1, device=images.device)
        return (images + spread * torch.randn_like(images[:, :1])).clamp(0, 1)


class _Sequence(nn.Sequential):
    """The changes one after the other; none at all passes the pictures on."""

    def forward(self, images: Tensor) -> Tensor:
        for change in self:
            images = change(images)
        return images
