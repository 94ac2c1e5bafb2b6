"""The one crop: faces of photos cut, turned and scaled as the training pictures are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.core.arguments import check_whole
from mien.core.errors import InputError
from mien.core.geometry import Box, Landmarks
from mien.inference.faces.frame import FER2013_FRAME, Frame
from mien.inference.faces.sampling import cut_squares

MIN_SIDE_PX: Final = 2.0
"""Smaller boxes are refused: there is no face to see in them."""

MAX_SIDE_PX: Final = 1e9
"""Larger boxes are refused: they come from a mistake, and numbers lose their fractions."""


def crop_face(
    image: NDArray[np.uint8],
    box: Box,
    landmarks: Landmarks | None,
    size_px: int = 48,
    *,
    frame: Frame = FER2013_FRAME,
) -> NDArray[np.uint8]:
    """Cut one face the way the training pictures were cut.

    Args:
        image: (H, W, 3) RGB or (H, W) gray, uint8. Only the part around the face is read.
        box: The face in pixels of `image`; may reach over the border.
        landmarks: (5, 2) float32 pixels, or None: then the face is not turned upright. Coordinates count from the
            corner of the top left pixel, whose middle is (0.5, 0.5), as those of the box do.
        size_px: Side of the square crop. Larger keeps detail, costs time quadratically.
        frame: Where the face lies in the crop.

    Returns:
        (size_px, size_px, 3) or (size_px, size_px) uint8, as the image is. Pixels outside the image repeat its edge.
        Where the image is shrunk, areas are averaged; where it is enlarged, it is interpolated linearly.

    Raises:
        InputError: If the box is smaller than 2 pixels on a side or larger than a billion, the image or the landmarks
            have another shape or dtype, or `size_px` is below 1.
    """
    crop: NDArray[np.uint8] = crop_faces(image, [box], [landmarks], size_px, frame=frame)[0]
    return crop


def crop_faces(
    image: NDArray[np.uint8],
    boxes: Sequence[Box],
    landmarks: Sequence[Landmarks | None] | None = None,
    size_px: int = 48,
    *,
    frame: Frame = FER2013_FRAME,
) -> NDArray[np.uint8]:
    """Cut many faces of one picture; each comes out as `crop_face` cuts it, but large pictures are reduced only once.

    Args:
        image: (H, W, 3) RGB or (H, W) gray, uint8.
        boxes: N faces in pixels of `image`.
        landmarks: For each of them (5, 2) pixels or None; None: no face has any.
        size_px: Side of the square crops.
        frame: Where the faces lie in their crops.

    Returns:
        (N, size_px, size_px, 3) or (N, size_px, size_px) uint8, in the order of the boxes.

    Raises:
        InputError: As `crop_face`, or if the numbers of boxes and landmarks differ.
    """
    _check_image(image)
    size_px = check_whole("size_px", size_px, 1)
    points = [None] * len(boxes) if landmarks is None else landmarks
    if len(points) != len(boxes):
        raise InputError(f"each box needs its landmarks, or None, got {len(boxes)} boxes and {len(points)} landmarks")
    for box in boxes:
        if min(box.width, box.height) < MIN_SIDE_PX:
            raise InputError(
                f"a face needs a box of at least {MIN_SIDE_PX:g} pixels on a side, got {box.width:g} x {box.height:g}. "
                "Leave out such boxes, or enlarge the picture."
            )
        if max(box.width, box.height) > MAX_SIDE_PX:
            raise InputError(f"a face needs a box in pixels of its picture, got {box.width:g} x {box.height:g}")
    squares = [frame.locate(box, five) for box, five in zip(boxes, points, strict=True)]
    return cut_squares(image, squares, size_px)


def _check_image(image: NDArray[Any]) -> None:
    wanted = "faces are cut from (H, W, 3) RGB or (H, W) gray, uint8"
    if not isinstance(image, np.ndarray):
        raise InputError(f"{wanted}; got {type(image).__name__}. Read files with mien.inference.media's read_picture.")
    if image.dtype != np.uint8:
        raise InputError(f"{wanted}; got {image.dtype} {image.shape}. Scale it to 0-255 and use .astype(np.uint8).")
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3) or not image.size:
        raise InputError(f"{wanted}; got shape {image.shape}.")
