"""Face crops of any size and color to probabilities of expressions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError
from mien.inference.expression.model import LoadedModel
from mien.inference.expression.resampling import resize, to_gray

Crops: TypeAlias = NDArray[np.uint8] | Sequence[NDArray[np.uint8]]
"""(B, H, W) gray or (B, H, W, 3) RGB uint8, or a list of single crops of different sizes and colors."""

BATCH_SIZE: Final = 64
"""Crops in one call of the network. Larger batches gain no speed on CPUs, but take more memory."""

MIN_SIDE_PX: Final = 2

_WANTED: Final = "crops have to be (B, H, W) gray or (B, H, W, 3) RGB, uint8 from 0 to 255, or a list of such pictures"
_LONGEST_STRIP: Final = 8  # a gray crop 3 pixels wide and higher than this is taken for a forgotten batch axis


class Classifier:
    """Shows face crops to one model; safe to use from several threads at once."""

    def __init__(self, model: LoadedModel) -> None:
        """Take the model that will be shown the crops."""
        self._model = model

    def classify(self, crops: Crops) -> NDArray[np.float32]:
        """Compute the probability of each expression for every crop, `BATCH_SIZE` at a time.

        Args:
            crops: (B, H, W) gray or (B, H, W, 3) RGB uint8 face crops, or a list of crops of different sizes and
                colors. Sides of at least 2 pixels. Gray crops of the model's own size are passed on bit for bit.

        Returns:
            (B, K) float32 in the order of the card's labels; rows sum to 1. No crops give (0, K).

        Raises:
            InputError: If the crops have another dtype or shape.
        """
        if isinstance(crops, np.ndarray):
            _check_batch(crops)
        elif not isinstance(crops, Sequence) or isinstance(crops, str | bytes):
            raise InputError(f"{_WANTED}; got {type(crops).__name__}.")
        results = [self.classify_prepared([])]
        for start in range(0, len(crops), BATCH_SIZE):
            results.append(self.classify_prepared([self.prepare(crop) for crop in crops[start : start + BATCH_SIZE]]))
        return np.concatenate(results)

    def prepare(self, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Bring one crop to the color and size that the model takes.

        Args:
            crop: (H, W) gray or (H, W, 3) RGB uint8.

        Returns:
            Of the model's `input_shape`, uint8.

        Raises:
            InputError: If the crop has another dtype or shape, or a side below 2 pixels.
        """
        _check_crop(crop)
        wants_gray = self._model.card.input.color == "gray"
        if wants_gray and crop.ndim == 3:
            crop = to_gray(crop)
        elif not wants_gray and crop.ndim == 2:
            crop = np.repeat(crop[:, :, None], 3, axis=2)
        return resize(crop, self._model.card.input.size_px)

    def classify_prepared(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Classify what `prepare` returned, in one call of the network.

        Returns:
            (len(crops), K) float32.
        """
        batch = np.stack(crops) if crops else np.zeros((0, *self._model.input_shape), np.uint8)
        return self._model.run(batch)


def looks_like_one(crops: NDArray[Any]) -> bool:
    """Return whether an array is a single picture, (H, W) or (H, W, 3), rather than a batch of them."""
    return crops.ndim < 3 or (crops.ndim == 3 and crops.shape[2] == 3 and crops.shape[1] > _LONGEST_STRIP)


def _check_batch(crops: NDArray[Any]) -> None:
    """Refuse arrays that are no batch, above all a single crop without its batch axis."""
    if looks_like_one(crops):
        raise InputError(
            f"{_WANTED}; got shape {crops.shape}, which looks like one crop. Pass crop[None] for a batch of one."
        )
    if crops.dtype != np.uint8:
        raise InputError(f"{_WANTED}; got {crops.dtype} {crops.shape}.{_advice(crops)}")
    if crops.ndim not in (3, 4):
        raise InputError(f"{_WANTED}; got shape {crops.shape}.")
    # Of an empty batch no crop will be looked at, so its colors are checked here.
    if crops.ndim == 4 and crops.shape[3] != 3:
        raise InputError(f"{_WANTED}; got shape {crops.shape}, so {crops.shape[3]} colors.")


def _check_crop(crop: NDArray[Any]) -> None:
    if not isinstance(crop, np.ndarray):
        raise InputError(
            f"{_WANTED}; got a {type(crop).__name__} among the crops. Read files with mien's predict_crops."
        )
    if crop.dtype != np.uint8:
        raise InputError(f"{_WANTED}; got a crop of {crop.dtype} {crop.shape}.{_advice(crop)}")
    if crop.ndim not in (2, 3) or (crop.ndim == 3 and crop.shape[2] != 3):
        raise InputError(f"{_WANTED}; got a crop of shape {crop.shape}.")
    if min(crop.shape[:2]) < MIN_SIDE_PX:
        raise InputError(f"a crop needs sides of at least {MIN_SIDE_PX} pixels, got {crop.shape[1]} x {crop.shape[0]}.")


def _advice(crops: NDArray[Any]) -> str:
    """Say how to make uint8 of an array, and whether NaN stands in the way."""
    if crops.dtype.kind == "f" and np.isnan(crops).any():
        return " It holds NaN: find out where they come from first."
    return " Bring the values to 0-255 and use .astype(np.uint8)."
