"""Faces that we draw ourselves: seven expressions in all three parts, so that every path runs without a download.

An expression is a handful of numbers (`MUSCLES`); a picture lies somewhere between rest and an expression, on a head,
at a place and in a light of its own. Each picture has its own random numbers, made from the seed and its position, so
picture 17 is the same however many are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mien.core.errors import DataError
from mien.core.labels import EXPRESSIONS
from mien.training.data.sources.rows import Rows
from mien.training.data.table import SPLITS

MIN_COUNT, MAX_COUNT = 21, 1_000_000
"""From one picture of each label in each part, to what still fits into memory (2.3 GB)."""

SIZE_PX = 48
OVERSAMPLING = 4
"""Faces are drawn this many times too large and scaled down, which smooths their lines."""

PERIOD, VALIDATION_TURNS, TEST_TURNS = 20, (1, 8, 14), (2, 10, 17)
"""Of 20 turns through the seven labels, 14 go to train, 3 to validation and 3 to test: 70, 15 and 15 %."""

MUSCLES = (
    "brow_inner",  # height of the brow's inner end, 0 at rest
    "brow_outer",  # likewise of its outer end
    "brow_arch",  # height of its middle over the straight line between them
    "eye_open",  # half the height of the eye
    "frown",  # depth of the folds between the brows, 0-1
    "sneer",  # depth of the folds over the nose and beside it, 0-1
    "mouth_width",  # half the width of the mouth
    "mouth_corners",  # height of its corners, 0 at rest
    "lip_top",  # height of the middle of the upper lip
    "lip_bottom",  # height of the middle of the lower lip
    "mouth_round",  # 0: its outline is a lens, 1: a box with round corners
    "teeth",  # share of the opened mouth that shows teeth
)
"""What an expression moves. Lengths are in half widths of the head, upward positive."""

REST = (0.00, 0.00, 0.05, 0.13, 0.0, 0.0, 0.34, 0.00, 0.00, 0.00, 0.0, 0.0)
POSES: dict[str, tuple[float, ...]] = {
    "angry": (-0.22, 0.14, -0.03, 0.10, 1.0, 0.0, 0.30, -0.10, 0.02, 0.02, 0.3, 0.0),
    "disgust": (-0.12, -0.06, 0.03, 0.05, 0.2, 1.0, 0.30, -0.16, 0.20, -0.06, 0.2, 0.7),
    "fear": (0.24, -0.02, 0.00, 0.21, 0.0, 0.0, 0.48, -0.06, 0.08, -0.22, 0.9, 0.45),
    "happy": (0.03, 0.03, 0.10, 0.10, 0.0, 0.0, 0.48, 0.20, 0.00, -0.26, 0.1, 0.6),
    "sad": (0.20, -0.18, -0.02, 0.08, 0.0, 0.0, 0.28, -0.20, 0.00, 0.00, 0.2, 0.0),
    "surprise": (0.22, 0.18, 0.16, 0.22, 0.0, 0.0, 0.20, -0.05, 0.20, -0.32, 0.8, 0.0),
    "neutral": REST,
}

EYE_X, EYE_Y, EYE_WIDTH = 0.42, 0.18, 0.21
BROW_Y, BROW_IN, BROW_OUT = 0.47, 0.16, 0.66
MOUTH_Y = -0.66
"""Where the features stand at rest, in half widths of the head from its center; `EYE_WIDTH` is half of it."""

Points = NDArray[np.float64]


def draw_faces(count: int = 2100, seed: int = 0) -> Rows:
    """Draw simple faces with seven expressions, in all three parts.

    The labels go round in FER2013's order, so each has the same number of pictures, give or take one.

    Args:
        count: Number of pictures, 21 to 1,000,000. 70 % are train, 15 % validation, 15 % test, up to rounding; every
            label is in every part. A few epochs on 2,100 suffice for a small network.
        seed: Seed of all that varies; the same seed gives the same pixels.

    Returns:
        (count, 48, 48) uint8 pictures with their labels and parts.

    Raises:
        DataError: If the count or the seed is out of range.
    """
    if not MIN_COUNT <= count <= MAX_COUNT:
        raise DataError(f"--count {count}: synthetic faces can be drawn from {MIN_COUNT} to {MAX_COUNT:,} at a time.")
    if seed < 0:
        raise DataError(f"--seed {seed}: a seed is a whole number from 0.")
    positions = np.arange(count)
    labels = (positions % len(EXPRESSIONS)).astype(np.int16)
    images = np.empty((count, SIZE_PX, SIZE_PX), np.uint8)
    for position in range(count):
        images[position] = draw_face(EXPRESSIONS[labels[position]], np.random.default_rng([seed, position]))
    return Rows(
        images=images,
        labels=labels,
        parts=_parts(positions // len(EXPRESSIONS)),
        name="synthetic",
        license="Faces drawn by mien itself, MIT; they show no person.",
        label_names=EXPRESSIONS,
        source="synthetic",
    )


def draw_face(expression: str, random: np.random.Generator) -> NDArray[np.uint8]:
    """Draw one face with the given expression.

    Args:
        expression: A name of `POSES`.
        random: Varies the strength of the expression, the head and its place, the light and the noise.

    Returns:
        (48, 48) uint8, gray.
    """
    rest, full = np.array(REST), np.array(POSES[expression])
    pose = rest + random.uniform(0.75, 1.2) * (full - rest) + random.normal(0, 0.012, len(MUSCLES))
    muscles = dict(zip(MUSCLES, pose.tolist(), strict=True))
    shades = _Shades.draw(random)
    pen = _Pen.draw(shades.background, random)
    _draw_head(pen, shades, random)
    for side in (-1, 1):
        _draw_eye(pen, shades, muscles, side)
        _draw_brow(pen, shades, muscles, side)
    _draw_nose(pen, shades, muscles)
    _draw_mouth(pen, shades, muscles)
    return _light(pen.finish(), random)


def _parts(turns: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return each picture's part, a position in `SPLITS`, from its turn through the labels."""
    pattern = np.full(PERIOD, SPLITS.index("train"), np.uint8)
    pattern[list(VALIDATION_TURNS)] = SPLITS.index("validation")
    pattern[list(TEST_TURNS)] = SPLITS.index("test")
    parts: NDArray[np.uint8] = pattern[turns % PERIOD]
    return parts


@dataclass(frozen=True)
class _Shades:
    """Gray levels of one face, 0-255."""

    background: float
    skin: float
    hair: float
    line: float
    white: float

    @classmethod
    def draw(cls, random: np.random.Generator) -> _Shades:
        skin = random.uniform(110, 210)
        return cls(
            background=random.uniform(20, 235),
            skin=skin,
            hair=random.uniform(10, 0.6 * skin),
            line=random.uniform(0.12, 0.3) * skin,
            white=min(250.0, skin + random.uniform(35, 70)),
        )

    def fold(self, depth: float) -> float:
        """Return the gray of a fold in the skin, `depth` 0-1."""
        return self.skin + min(max(depth, 0.0), 1.0) * 0.8 * (self.line - self.skin)


class _Pen:
    """Draws points given in half widths of the head, upward positive, onto a canvas that is too large."""

    def __init__(self, background: float, center_px: Points, unit_px: Points, angle_rad: float) -> None:
        self._canvas = Image.new("L", (SIZE_PX * OVERSAMPLING,) * 2, round(background))
        self._draw = ImageDraw.Draw(self._canvas)
        cos, sin = np.cos(angle_rad), np.sin(angle_rad)
        self._matrix = OVERSAMPLING * np.array([[cos, -sin], [sin, cos]]) * (unit_px * (1, -1))
        self._center = OVERSAMPLING * center_px
        self._unit = OVERSAMPLING * float(unit_px.mean())

    @classmethod
    def draw(cls, background: float, random: np.random.Generator) -> _Pen:
        """Place a head: within 2.5 px of the middle, 30 to 40 px wide, turned by up to 12 degrees."""
        center = SIZE_PX / 2 + random.uniform(-2.5, 2.5, 2)
        unit = random.uniform(15, 20) * (1 + random.uniform(-0.06, 0.06) * np.array([1, -1]))
        return cls(background, center, unit, np.deg2rad(random.uniform(-12, 12)))

    def fill(self, points: Points, shade: float) -> None:
        """Fill the outline given by (N, 2) points."""
        self._draw.polygon(self._pixels(points), fill=round(shade))

    def line(self, points: Points, shade: float, width: float) -> None:
        """Draw a line through (N, 2) points."""
        width_px = max(1, round(width * self._unit))
        self._draw.line(self._pixels(points), fill=round(shade), width=width_px, joint="curve")

    def finish(self) -> Points:
        """Return the picture at its final size, (48, 48) float64."""
        return np.asarray(self._canvas.resize((SIZE_PX, SIZE_PX), Image.Resampling.BOX), np.float64)

    def _pixels(self, points: Points) -> Sequence[float]:
        pixels: list[float] = (points @ self._matrix.T + self._center).ravel().tolist()
        return pixels


def _draw_head(pen: _Pen, shades: _Shades, random: np.random.Generator) -> None:
    """Draw hair (or none) and the head, round to long, its jaw broad to narrow."""
    height, jaw = random.uniform(1.15, 1.35), random.uniform(0.0, 0.25)
    outline = _ellipse(0, 0, 1, height)
    outline[:, 0] *= 1 - jaw * np.clip(-outline[:, 1] / height, 0, 1)
    has_hair, length = random.random() < 0.8, random.uniform(0.0, 1.0)
    if has_hair:
        pen.fill(_ellipse(0, 0.18 - 0.25 * length, 1.14, height + 0.06 + 0.1 * length), shades.hair)
    pen.fill(outline, shades.skin)
    if has_hair:
        line = random.uniform(0.68, 0.88) * height
        pen.fill(outline[outline[:, 1] > line], shades.hair)


def _draw_eye(pen: _Pen, shades: _Shades, muscles: dict[str, float], side: int) -> None:
    """Draw the white, the iris and the lids of one eye; `side` is -1 left in the picture, 1 right."""
    opened = max(muscles["eye_open"], 0.03)
    across = np.linspace(-1, 1, 13)
    x = side * EYE_X + EYE_WIDTH * across
    bow = np.sqrt(1 - across**2)
    upper, lower = np.stack([x, EYE_Y + opened * bow], 1), np.stack([x, EYE_Y - 0.75 * opened * bow], 1)
    pen.fill(np.concatenate([upper, lower[::-1]]), shades.white)
    pen.fill(_ellipse(side * EYE_X, EYE_Y + 0.1 * opened, 0.1, min(0.1, 0.85 * opened)), 0.6 * shades.line)
    pen.line(upper, shades.line, 0.06)
    pen.line(lower, shades.fold(0.6), 0.03)


def _draw_brow(pen: _Pen, shades: _Shades, muscles: dict[str, float], side: int) -> None:
    """Draw one brow, and beside it the fold of a frown."""
    along = np.linspace(0, 1, 9)
    ends = muscles["brow_inner"] * (1 - along) + muscles["brow_outer"] * along
    x = side * (BROW_IN + (BROW_OUT - BROW_IN) * along)
    pen.line(np.stack([x, BROW_Y + ends + 4 * muscles["brow_arch"] * along * (1 - along)], 1), shades.line, 0.12)
    if muscles["frown"] > 0.1:
        fold = np.array([[side * 0.07, BROW_Y - 0.17], [side * 0.09, BROW_Y + 0.14]])
        pen.line(fold, shades.fold(muscles["frown"]), 0.05)


def _draw_nose(pen: _Pen, shades: _Shades, muscles: dict[str, float]) -> None:
    """Draw the nose, and the folds over and beside it that a sneer makes."""
    sneer = max(muscles["sneer"], 0.0)
    tip = -0.2 + 0.06 * sneer
    pen.line(np.array([[0.05, 0.1], [0.1, tip], [-0.08, tip - 0.03]]), shades.fold(0.6), 0.05)
    if sneer > 0.1:
        for height in (0.02, 0.12, 0.22):
            pen.line(np.array([[-0.14, height + 0.05], [0, height], [0.14, height + 0.05]]), shades.fold(sneer), 0.045)
        for side in (-1, 1):
            cheek = np.array([[side * 0.17, tip + 0.05], [side * 0.36, tip - 0.12], [side * 0.46, MOUTH_Y + 0.02]])
            pen.line(cheek, shades.fold(sneer), 0.06)


def _draw_mouth(pen: _Pen, shades: _Shades, muscles: dict[str, float]) -> None:
    """Draw the lips, and what lies between them where the mouth is open."""
    across = np.linspace(-1, 1, 25)
    bow = (1 - across**2) ** (1 - 0.65 * min(max(muscles["mouth_round"], 0.0), 1.0))
    x, corners = max(muscles["mouth_width"], 0.1) * across, muscles["mouth_corners"]
    top, bottom = muscles["lip_top"], min(muscles["lip_bottom"], muscles["lip_top"])
    upper = np.stack([x, MOUTH_Y + corners + (top - corners) * bow], 1)
    lower = np.stack([x, MOUTH_Y + corners + (bottom - corners) * bow], 1)
    if top - bottom > 0.06:
        pen.fill(np.concatenate([upper, lower[::-1]]), 0.5 * shades.line)
        if muscles["teeth"] > 0.1:
            bite = upper + min(muscles["teeth"], 0.9) * (lower - upper)
            pen.fill(np.concatenate([upper, bite[::-1]]), shades.white)
    for lip in (upper, lower):
        pen.line(lip, shades.line, 0.075)


def _ellipse(x: float, y: float, half_width: float, half_height: float) -> Points:
    """Return (40, 2) points around an ellipse."""
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return np.stack([x + half_width * np.cos(turn), y + half_height * np.sin(turn)], 1)


def _light(image: Points, random: np.random.Generator) -> NDArray[np.uint8]:
    """Put a face into a light of its own: from one side, strong or weak, through a noisy camera."""
    down, across = np.mgrid[-1 : 1 : SIZE_PX * 1j, -1 : 1 : SIZE_PX * 1j]
    angle = random.uniform(0, 2 * np.pi)
    slope = random.uniform(0, 0.35) * (np.cos(angle) * across + np.sin(angle) * down)
    contrast, middle = random.uniform(0.55, 1.1), random.uniform(95, 150)
    lit = middle + contrast * (image * (1 + slope) - 128)
    noisy = lit + random.normal(0, random.uniform(2, 9), image.shape)
    gray: NDArray[np.uint8] = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return gray
