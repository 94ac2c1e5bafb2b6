"""More than one look at a picture: mirrored, or ten crops, averaged, as papers often report; users get one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.inference.expression.classifier import Classifier
from mien.inference.expression.resampling import resize

Views: TypeAlias = Literal["one", "mirrored", "ten-crop"]
"""One look at the picture as it is; that and its mirror image; four corners and the middle, and their mirror images."""

CROP_SHARE: Final = 11 / 12
"""Side of a crop as a share of the picture's: 44 of FER2013's 48 pixels, as is usual."""


def classify_views(classifier: Classifier, images: NDArray[np.uint8], views: Views) -> NDArray[np.float32]:
    """Return the mean of what a model answers to some looks at each picture.

    Args:
        classifier: The model.
        images: (B, S, S) or (B, S, S, 3) uint8.
        views: Which looks.

    Returns:
        (B, K) float32; rows sum to 1.
    """
    answers = np.stack([classifier.classify(look) for look in _looks(images, views)])
    mean: NDArray[np.float32] = answers.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


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
