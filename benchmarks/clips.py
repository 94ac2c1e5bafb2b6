"""Clips for the benchmarks of video: one real face on a moving picture, or several that move, with a camera's grain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, islice
from math import sin
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pictures import show_astronaut, tile_faces
from PIL import Image, ImageFilter

from mien.inference.media.video.writer import VideoWriter

FPS = 25.0

PLACES = ((0.2, 0.3), (0.5, 0.27), (0.8, 0.3), (0.35, 0.74), (0.66, 0.76))
"""Where the middles of several faces are, in shares of the width and height."""

GRAIN, GRAINS = 3.0, 8
"""Standard deviation of the grain, and how many of it there are: without any, blocks that stand still cost a decoder
nothing, as they do in no real video."""

Picture = NDArray[np.uint8]
Draw = Callable[[float], Picture]
"""From seconds to a frame without grain."""


class Scene(NamedTuple):
    """What a clip shows.

    Attributes:
        width: Pixels.
        height: Likewise.
        faces: 1: the whole photo, under a camera that sways. Up to 5: so many of its face, each on a way of its own,
            before the blurred photo.
    """

    width: int
    height: int
    faces: int

    @property
    def name(self) -> str:
        """How tables call it."""
        return f"{self.width}x{self.height}, {self.faces} {'face' if self.faces == 1 else 'faces'}"


def write_clip(path: Path, scene: Scene, frames: int) -> None:
    """Write a clip as H.264, at `FPS`."""
    with VideoWriter.create(path) as writer:
        for number, picture in enumerate(islice(show(scene), frames)):
            writer.write(picture, number / FPS)


def show(scene: Scene) -> Iterator[Picture]:
    """Yield the frames of a scene, without end: (height, width, 3) uint8 RGB."""
    draw = _open_photo(scene) if scene.faces == 1 else _open_faces(scene)
    random = np.random.default_rng(0)
    grains = [random.normal(0, GRAIN, (scene.height, scene.width, 1)).round().astype(np.int16) for _ in range(GRAINS)]
    for number in count():
        yield np.clip(draw(number / FPS) + grains[number % GRAINS], 0, 255).astype(np.uint8)


def _sway(time_s: float, phase: float) -> float:
    """Return -1 to 1: two slow waves, as heads and hands move."""
    return 0.6 * sin(1.9 * time_s + phase) + 0.4 * sin(4.3 * time_s + 2 * phase)


def _open_photo(scene: Scene) -> Draw:
    """Return what cuts the frame out of a photo that is a little larger."""
    margin = scene.height // 20
    photo = show_astronaut(scene.width + 2 * margin, scene.height + 2 * margin)

    def draw(time_s: float) -> Picture:
        left, top = (margin + round(margin * _sway(time_s, phase)) for phase in (0.0, 1.0))
        return photo[top : top + scene.height, left : left + scene.width]

    return draw


def _open_faces(scene: Scene) -> Draw:
    """Return what lays faces onto the blurred photo."""
    height = scene.height // 3
    face = tile_faces(height * 4 // 3, height, 1)
    ground = Image.fromarray(show_astronaut(scene.width, scene.height)).filter(ImageFilter.GaussianBlur(height / 6))
    sways = [partial(_sway, phase=float(number)) for number in range(2 * scene.faces)]

    def draw(time_s: float) -> Picture:
        picture = np.array(ground)
        for (across, down), aside, upward in zip(PLACES, sways[::2], sways[1::2], strict=False):
            left = round(across * scene.width - face.shape[1] / 2 + 0.1 * height * aside(time_s))
            top = round(down * scene.height - height / 2 + 0.1 * height * upward(time_s))
            picture[top : top + height, left : left + face.shape[1]] = face
        return picture

    return draw
