"""Faces that walk about, as a detector would report them: boxes without pixels, and the truth about whose they are.

Boxes wobble, some are missed, some are no faces, and where one face hides another only the front one is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp
from typing import TypeAlias

import numpy as np

from mien.core.geometry import Box, iou
from mien.core.results import Detection

WIDTH_PX, HEIGHT_PX = 1280, 720

HIDES_FROM = 0.4
"""The overlap from which only the front one of two faces is reported."""

RETURNS_S = 2.0
"""Who comes back after a longer time counts as another person: without pixels nobody could tell."""


@dataclass(frozen=True)
class Noise:
    """What a detector adds to the truth.

    Attributes:
        wobble: Standard deviation of a box's four sides' places, in face sizes.
        missed: Share of faces that are not reported.
        false_boxes: Boxes a second that are no faces.
    """

    wobble: float = 0.03
    missed: float = 0.07
    false_boxes: float = 0.5


@dataclass(frozen=True)
class Walk:
    """Where one face is: functions of the seconds since the scene's beginning.

    Attributes:
        center: To x and y in pixels.
        size_px: To the side of the box.
        nearness: Who hides whom: the larger one is in front.
        is_there: Whether a face can be seen at all then; it isn't where the center is outside of the picture, either.
    """

    center: Callable[[float], tuple[float, float]]
    size_px: Callable[[float], float]
    nearness: float = 0.0
    is_there: Callable[[float], bool] = lambda _: True

    def box_at(self, time_s: float) -> Box | None:
        """Return the true box, or None while there is none."""
        (x, y), size = self.center(time_s), self.size_px(time_s)
        if not self.is_there(time_s) or not (0 <= x < WIDTH_PX and 0 <= y < HEIGHT_PX):
            return None
        return Box(x - size / 2, y - 0.6 * size, size, 1.2 * size)


@dataclass(frozen=True)
class Look:
    """One frame.

    Attributes:
        time_s: When.
        found: What the detector reports.
        truths: For each of `found` who it is; None for a box that is no face.
    """

    time_s: float
    found: tuple[Detection, ...]
    truths: tuple[int | None, ...]


Scene: TypeAlias = tuple[Look, ...]


def film(
    walks: Sequence[Walk],
    random: np.random.Generator,
    *,
    seconds: float,
    fps: float,
    noise: Noise | None = None,
    shake: Callable[[float], tuple[float, float]] = lambda _: (0.0, 0.0),
    is_dark: Callable[[float], bool] = lambda _: False,
) -> Scene:
    """Let a detector look at walking faces.

    Args:
        walks: The persons; their numbers are their places in it, as long as they are never away for `RETURNS_S`.
        random: For the noise.
        seconds: Length of the scene.
        fps: Frames a second.
        noise: What the detector adds; None for the usual.
        shake: By time, how far the camera moves the whole picture, x and y in pixels.
        is_dark: By time, whether nothing is found at all.
    """
    noise = noise or Noise()
    last_seen: dict[int, float] = {}
    lives = dict.fromkeys(range(len(walks)), 0)
    looks = []
    for time_s in np.arange(round(seconds * fps)) / fps:
        boxes = {who: box for who, walk in enumerate(walks) if (box := walk.box_at(time_s))}
        for who in boxes:
            if time_s - last_seen.get(who, time_s) > RETURNS_S:
                lives[who] += 1
            last_seen[who] = time_s
        shown = [who for who in boxes if not _is_hidden(who, boxes, walks) and random.random() >= noise.missed]
        reports = [
            (_report(boxes[who], random, noise.wobble, shake(time_s)), who + 1000 * lives[who])
            for who in shown
            if not is_dark(time_s)
        ]
        if random.random() < noise.false_boxes / fps:
            reports.append((_invent(random), None))
        order = random.permutation(len(reports))
        looks.append(
            Look(float(time_s), tuple(reports[one][0] for one in order), tuple(reports[one][1] for one in order))
        )
    return tuple(looks)


def _is_hidden(who: int, boxes: dict[int, Box], walks: Sequence[Walk]) -> bool:
    return any(
        iou(boxes[who], box) > HIDES_FROM and walks[other].nearness > walks[who].nearness
        for other, box in boxes.items()
        if other != who
    )


def _report(box: Box, random: np.random.Generator, wobble: float, shift: tuple[float, float]) -> Detection:
    """Return what a detector would say of a box: its center and its sides are off by a little."""
    x, y, width, height = random.normal(0.0, wobble, 4) * box.width
    sides = box.width * exp(width / box.width), box.height * exp(height / box.width)
    center = box.x + box.width / 2 + x + shift[0], box.y + box.height / 2 + y + shift[1]
    return _detect(center, sides, float(random.uniform(0.7, 0.99)))


def _invent(random: np.random.Generator) -> Detection:
    size = float(random.uniform(25, 140))
    center = float(random.uniform(0, WIDTH_PX)), float(random.uniform(0, HEIGHT_PX))
    return _detect(center, (size, 1.2 * size), float(random.uniform(0.6, 0.75)))


def _detect(center: tuple[float, float], sides: tuple[float, float], score: float) -> Detection:
    box = Box(center[0] - sides[0] / 2, center[1] - sides[1] / 2, *sides)
    return Detection(box, score, np.tile(np.float32(center), (5, 1)))
