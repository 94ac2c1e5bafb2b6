"""Random changes of whole batches of pictures on tensors, each picture its own."""

from __future__ import annotations

from typing import Protocol

import kornia.augmentation as kornia
from torch import Tensor, nn


class Strengths(Protocol):
    """How strong each change is; the `[augment]` section of a recipe, where each is explained."""

    @property
    def flip(self) -> float: ...  # noqa: D102
    @property
    def rotation_deg(self) -> float: ...  # noqa: D102
    @property
    def zoom(self) -> float: ...  # noqa: D102
    @property
    def shift(self) -> float: ...  # noqa: D102
    @property
    def brightness(self) -> float: ...  # noqa: D102
    @property
    def contrast(self) -> float: ...  # noqa: D102
    @property
    def erasing(self) -> float: ...  # noqa: D102


def build_augmentation(strengths: Strengths) -> nn.Module:
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
        changes.append(kornia.RandomContrast((1 - strengths.contrast, 1 + strengths.contrast), p=1.0))
    if strengths.erasing:
        changes.append(kornia.RandomErasing(scale=(0.02, 0.2), ratio=(0.3, 3.3), value=0.5, p=strengths.erasing))
    return _Sequence(*changes)


class _Sequence(nn.Sequential):
    """The changes one after the other; none at all passes the pictures on."""

    def forward(self, images: Tensor) -> Tensor:
        for change in self:
            images = change(images)
        return images
