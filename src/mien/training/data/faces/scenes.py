"""What a detector is shown while it learns: crops of photos at any scale and angle, alone or four in a mosaic.

Few photos have to stand for all others, so each is shown differently every time: a face is drawn, a size that it shall
have (every scale from tiny to nearly the whole picture is as likely as any other), an angle, and a place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.training.data.faces.photos import PhotoSet
from mien.training.data.faces.sections import Scenes

MIRRORED: list[int] = [1, 0, 2, 4, 3]
"""The landmarks' order in a mirrored picture: the right eye becomes the left one."""

KEPT_FROM = 0.5
"""Share of a face that must lie inside a crop for it to count as a face there; less of it is neither face nor not."""

SEEN_FROM = 0.05
"""Up to this share, what is left of a face is no more than an edge: the crop does not show it."""


class Scene(NamedTuple):
    """One training picture.

    Attributes:
        picture: (H, W, 3) uint8 RGB.
        boxes: (M, 4) float32 pixels: left, top, right, bottom.
        landmarks: (M, 5, 2) float32 pixels; NaN where unknown or outside.
        ignored: (K, 4) float32 pixels: regions about which nothing is said.
    """

    picture: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    ignored: NDArray[np.float32]


def draw_scene(photos: PhotoSet, row: int, others: NDArray[np.intp], random: np.random.Generator, how: Scenes) -> Scene:
    """Draw one training picture.

    Args:
        photos: Where the photos lie.
        row: The photo it is made of.
        others: Rows that a mosaic may take its other three parts from.
        random: All draws come from it.
        how: Strengths and probabilities.

    Returns:
        A square scene of `how.size_px`.
    """
    size = how.size_px
    if random.random() >= how.mosaic:
        return _draw_view(photos, row, size, size, random, how)
    column, line = (round(size * random.uniform(0.3, 0.7)) for _ in range(2))
    rows = [row, *random.choice(others, 3)]
    corners = [(0, 0, column, line), (column, 0, size, line), (0, line, column, size), (column, line, size, size)]
    picture = np.empty((size, size, 3), np.uint8)
    parts = []
    for number, (left, top, right, bottom) in zip(random.permutation(rows), corners, strict=True):
        view = _draw_view(photos, int(number), right - left, bottom - top, random, how)
        picture[top:bottom, left:right] = view.picture
        corner = np.array([left, top], np.float32)
        twice = np.tile(corner, 2)
        parts.append((view.boxes + twice, view.landmarks + corner, view.ignored + twice))
    boxes, landmarks, ignored = (np.concatenate(group) for group in zip(*parts, strict=True))
    return Scene(picture, boxes, landmarks, ignored)


def _draw_view(photos: PhotoSet, row: int, width: int, height: int, random: np.random.Generator, how: Scenes) -> Scene:
    """Draw one crop of one photo."""
    photo, faces = photos.picture(row), photos.faces_of(row)
    to_view = _draw_affine(photo, faces, width, height, random, how)
    picture = _warp(photo, to_view, width, height, random)
    return Scene(picture, *cut_faces(*_move(faces, to_view), width, height, how.smallest_face_px))


def cut_faces(
    boxes: NDArray[np.float32], landmarks: NDArray[np.float32], width: int, height: int, smallest_face_px: float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Sort faces into those that a crop shows and those about which nothing is said there.

    Args:
        boxes: (M, 4) pixels of the crop: left, top, right, bottom; may reach over its borders.
        landmarks: (M, 5, 2) likewise.
        width: Of the crop, pixels.
        height: Likewise.
        smallest_face_px: Faces of which less than this is left on the shorter side are not shown.

    Returns:
        The boxes, cut at the borders, and landmarks of the faces that are shown, NaN where outside; then the cut boxes
        of those that are too small or show too little of themselves.
    """
    inside = np.clip(boxes, 0, [width, height, width, height]).astype(np.float32)
    share = _areas(inside) / np.maximum(_areas(boxes), 1e-6)
    sides = np.minimum(inside[:, 2] - inside[:, 0], inside[:, 3] - inside[:, 1])
    is_seen = (share > SEEN_FROM) & (sides > 0)
    is_kept = is_seen & (share >= KEPT_FROM) & (sides >= smallest_face_px)
    is_outside = ((landmarks < 0) | (landmarks > [width, height])).any(axis=2, keepdims=True)
    visible = np.where(is_outside, np.float32(np.nan), landmarks)
    return inside[is_kept], visible[is_kept], inside[is_seen & ~is_kept]


def _draw_affine(
    photo: NDArray[np.uint8],
    faces: NDArray[np.void],
    width: int,
    height: int,
    random: np.random.Generator,
    how: Scenes,
) -> NDArray[np.float64]:
    """Draw the (2, 3) matrix from pixels of the photo to pixels of the view."""
    side, room = min(width, height), np.array([width, height], float)
    sizes = np.sqrt(faces["box"][:, 2] * faces["box"][:, 3])
    least = how.least_filled * side / max(photo.shape[:2])
    choices = np.flatnonzero(faces["box"][:, 2:].min(axis=1) >= how.smallest_face_px)
    if len(choices) and random.random() >= how.anywhere:
        chosen = random.choice(choices)
        largest = max(min(how.largest_face * side, sizes[chosen] * how.most_enlarged), how.target_face_px * 1.01)
        scale = max(np.exp(random.uniform(np.log(how.target_face_px), np.log(largest))) / sizes[chosen], least)
        box = faces["box"][chosen].astype(float)
        middle, margin = box[:2] + box[2:] / 2, np.minimum(scale * sizes[chosen] / 2, room / 2)
    else:
        scale = max(np.exp(random.uniform(np.log(0.4), np.log(1.5))) * side / max(photo.shape[:2]), least)
        middle, margin = random.uniform(0, 1, 2) * photo.shape[1::-1], np.zeros(2)
    place = margin + random.uniform(0, 1, 2) * (room - 2 * margin)
    angle = np.deg2rad(random.uniform(-how.rotation_deg, how.rotation_deg)) if random.random() < how.rotated else 0.0
    aspect = np.exp(random.uniform(-how.aspect, how.aspect) / 2)
    mirror = -1.0 if random.random() < how.flip else 1.0
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([mirror * scale * aspect, scale / aspect])
    shift = place - turn @ middle
    if random.random() >= how.beyond:
        shift += _find_way_back(turn, shift, photo.shape[1::-1], room)
    return np.column_stack([turn, shift])


def _find_way_back(
    turn: NDArray[np.float64], shift: NDArray[np.float64], size: tuple[int, ...], room: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far the photo must move so that as little as can be of the view lies beyond its border."""
    corners = np.array([[0, 0], [size[0], 0], [0, size[1]], size], float) @ turn.T + shift
    low, high = corners.min(axis=0), corners.max(axis=0)
    nearest, farthest = np.minimum(0, room - (high - low)), np.maximum(0, room - (high - low))
    moved: NDArray[np.float64] = np.clip(low, nearest, farthest) - low
    return moved


def _warp(
    photo: NDArray[np.uint8], to_view: NDArray[np.float64], width: int, height: int, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Return the view's pixels; where the photo shrinks, areas are averaged first, so that nothing aliases."""
    linear = np.linalg.inv(to_view[:, :2])
    shift = -linear @ to_view[:, 2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float) @ linear.T + shift
    low = np.clip(np.floor(corners.min(axis=0)) - 2, 0, None).astype(int)
    high = np.minimum(np.ceil(corners.max(axis=0)) + 2, photo.shape[1::-1]).astype(int)
    around = tuple(int(value) for value in random.integers(0, 256, 3)) if random.random() < 0.5 else (0, 0, 0)
    if (high - low < 1).any():
        return np.full((height, width, 3), around, np.uint8)
    region = Image.fromarray(np.ascontiguousarray(photo[low[1] : high[1], low[0] : high[0]]))
    factor = max(1, int(np.sqrt(abs(np.linalg.det(linear))) + 0.25))
    if factor > 1:
        region = region.reduce(factor)
    linear, shift = linear / factor, (shift - low) / factor
    coefficients = (*linear[0], shift[0], *linear[1], shift[1])
    view = region.transform(
        (width, height), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR, fillcolor=around
    )
    return np.asarray(view)


def _move(faces: NDArray[np.void], to_view: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return boxes (left, top, right, bottom) and landmarks in the view.

    A turned box would be too large for the face in it, so the ellipse inside the box is turned, and framed anew.
    """
    linear, shift = to_view[:, :2], to_view[:, 2]
    middles = (faces["box"][:, :2] + faces["box"][:, 2:] / 2) @ linear.T + shift
    halves = np.sqrt((faces["box"][:, 2:] / 2) ** 2 @ (linear**2).T)
    landmarks = faces["landmarks"] @ linear.T + shift
    if np.linalg.det(linear) < 0:
        landmarks = landmarks[:, MIRRORED]
    boxes = np.concatenate([middles - halves, middles + halves], axis=1)
    return boxes.astype(np.float32), landmarks.astype(np.float32)


def _areas(boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    areas: NDArray[np.floating] = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    return areas
