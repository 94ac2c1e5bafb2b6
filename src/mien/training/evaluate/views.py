"""More than one look at a picture: mirrored, or ten crops, averaged, as papers often report; users get one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.inference.expression.classifier import BATCH_SIZE, Classifier
from mien.inference.expression.model import LoadedModel
from mien.inference.expression.resampling import resize

Views: TypeAlias = Literal["one", "mirrored", "ten-crop"]
"""One look at the picture as it is; that and its mirror image; four corners and the middle, and their mirror images."""

CROP_SHARE: Final = 11 / 12
"""Side of a crop as a share of the picture's: 44 of FER2013's 48 pixels, as is usual."""


def classify_views(model: LoadedModel, images: NDArray[np.uint8], views: Views) -> list[NDArray[np.float32]]:
    """Return the mean of what each head of a model answers to some looks at each picture.

    All heads are asked in one call, so that a second one costs no second run of the trunk.

    Args:
        model: Brings pictures of any size to its own.
        images: (B, S, S) or (B, S, S, 3) uint8, at least one.
        views: Which looks.

    Returns:
        (B, K) float32 a head, in the order of `run_heads`; rows sum to 1.
    """
    answers = [_run_heads(model, look) for look in _looks(images, views)]
    return [np.stack(head).mean(axis=0, dtype=np.float64).astype(np.float32) for head in zip(*answers, strict=True)]


def _run_heads(model: LoadedModel, images: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Return (B, K) float32 a head, asked as `Classifier` asks for the one that users chose."""
    prepare = Classifier(model).prepare
    pieces = [
        model.run_heads(np.stack([prepare(image) for image in images[start : start + BATCH_SIZE]]))
        for start in range(0, len(images), BATCH_SIZE)
    ]
    return [np.concatenate(head) for head in zip(*pieces, strict=True)]


def _looks(images: NDArray[np.uint8], views: Views) -> Iterator[NDArray[np.uint8]]:
    """Yield each look at all pictures."""
    upright = list(_crop(images)) if views == "ten-crop" else [images]
    for look in upright:
        yield look
        if views != "one":
            yield np.ascontiguousarray(look[:, :, ::-1])


def _crop(images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Yield the middle and the four corners, enlarged to the pictures' size."""
    size = images.shape[1]
    side = round(size * CROP_SHARE)
    rest = size - side
    for top, left in ((rest // 2, rest // 2), (0, 0), (0, rest), (rest, 0), (rest, rest)):
        part = images[:, top : top + side, left : left + side]
        yield np.stack([resize(np.ascontiguousarray(image), size) for image in part])
