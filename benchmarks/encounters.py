"""Clips of two real faces that cross or are gone for a moment: seen by a detector, and with a truth that is known.

Two faces of a data set's validation part are laid with soft edges onto a ground of colored patches, under grain, and
move. `crossings.py` counts what trackers make of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sin
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from walks import Look, Scene

from mien.core.errors import DataError
from mien.core.geometry import Box, iou
from mien.core.results import Detection
from mien.inference.faces.crop import crop_faces
from mien.inference.faces.detector import Detector
from mien.inference.track.looks import Sketch, sketch
from mien.training.data.table import Dataset

WIDTH_PX, HEIGHT_PX = 640, 480
SIZES_PX = 80, 150
MARGIN_PX = 20
FPS = (10.0, 25.0)

SECONDS = 2.0, 5.0
"""How long scenes are. Faces that cross need this time from one side to the other."""

GRAIN = 4.0
"""Standard deviation of the pixels' noise."""

TREMOR_PX = 6.0
"""Standard deviation of a shaking camera's place, anew for each frame: a tenth of a small face."""

IS_FACE_FROM = 0.4
"""The overlap with where a face is from which a box is that face's."""

HIDES_FROM = 0.4
"""The share of a face that must be covered for it to count as hidden."""

TRIES = 100
"""So many pictures in a row without a face that the detector finds are no pictures of faces."""

Picture: TypeAlias = NDArray[np.uint8]
Corner: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Cutout:
    """A face to lay into pictures.

    Attributes:
        pixels: RGB, a square.
        mask: How much of each pixel covers the ground: an ellipse with soft edges.
        box: Where the detector finds the face when it is alone, from the square's corner.
    """

    pixels: Image.Image
    mask: Image.Image
    box: Box

    def box_at(self, corner: Corner) -> Box:
        """Return where the face is when the square's corner is there."""
        return Box(self.box.x + corner[0], self.box.y + corner[1], self.box.width, self.box.height)


@dataclass(frozen=True)
class Course:
    """How two faces move.

    Attributes:
        corners: From the share of the scene that is over, 0-1, to the corners of their squares. To be asked once a
            frame.
        is_empty: Likewise, whether nobody is there.
    """

    corners: Callable[[float], tuple[Corner, Corner]]
    is_empty: Callable[[float], bool] = lambda _: False


@dataclass(frozen=True)
class Clip:
    """A scene, and how the detector did.

    Attributes:
        scene: What it found, and who that is: 0 is the one in front.
        boxes: For each frame who can be seen, and where.
        looks: For each frame the sketches of what it found.
    """

    scene: Scene
    boxes: tuple[dict[int, Box], ...]
    looks: tuple[tuple[Sketch, ...], ...]

    @property
    def shown(self) -> int:
        """How many faces there were to be seen, all frames together."""
        return sum(map(len, self.boxes))

    @property
    def missed(self) -> int:
        """How many of them it did not find."""
        return sum(len(set(boxes) - set(look.truths)) for look, boxes in zip(self.scene, self.boxes, strict=True))


Plan: TypeAlias = Callable[[np.random.Generator, Sequence[int], float], Course]
"""From a source of chance, the sides of both squares in pixels and the scene's seconds to a course."""


def cross(random: np.random.Generator, sides_px: Sequence[int], seconds: float) -> Course:
    """Let two faces walk from one side to the other, at heights that differ by up to 40 pixels and bob by 15."""
    tops = random.uniform(100, 250) + np.array([0.0, random.uniform(-40, 40)])
    ways = [WIDTH_PX - 2 * MARGIN_PX - side for side in sides_px]

    def find(share: float) -> tuple[Corner, Corner]:
        across = MARGIN_PX + ways[0] * share, MARGIN_PX + ways[1] * (1 - share)
        first, second = ((round(across[who]), round(tops[who] + 15 * sin(4 * share + who))) for who in range(2))
        return first, second

    return Course(find)


def shake(random: np.random.Generator, sides_px: Sequence[int], seconds: float) -> Course:
    """As `cross`, with a camera that trembles."""
    calm = cross(random, sides_px, seconds)

    def find(share: float) -> tuple[Corner, Corner]:
        right, down = (round(px) for px in random.normal(0, TREMOR_PX, 2))
        first, second = ((x + right, y + down) for x, y in calm.corners(share))
        return first, second

    return Course(find)


def miss_both(random: np.random.Generator, sides_px: Sequence[int], seconds: float) -> Course:
    """Let two faces sway side by side, and both be gone for 0.2 to 0.9 s."""
    tops = random.uniform(100, 250) + np.array([0.0, random.uniform(-40, 40)])
    begin, gap = random.uniform(0.3, 0.5), random.uniform(0.2, 0.9) / seconds

    def find(share: float) -> tuple[Corner, Corner]:
        first, second = (
            (round(60 + 320 * who + 30 * sin(3 * share + who)), round(tops[who] + 15 * sin(4 * share + who)))
            for who in range(2)
        )
        return first, second

    return Course(find, lambda share: begin <= share < begin + gap)


KINDS: dict[str, Plan] = {"crossing": cross, "crossing, camera shake": shake, "gap of both faces": miss_both}


def draw_face(dataset: Dataset, detector: Detector, random: np.random.Generator) -> Cutout:
    """Return one of the validation part's faces that the detector finds on a plain ground.

    Raises:
        DataError: If it finds none in `TRIES` pictures, or there is no validation part.
    """
    rows = dataset.some_rows_of("validation", 0)
    corner = WIDTH_PX // 3, HEIGHT_PX // 3
    for _ in range(TRIES):
        image, side = np.array(dataset.images[random.choice(rows)]), int(random.integers(*SIZES_PX))
        pixels = Image.fromarray(image).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
        mask = Image.new("L", (side, side), 0)
        ImageDraw.Draw(mask).ellipse((2, 2, side - 3, side - 3), fill=255)
        mask = mask.filter(ImageFilter.GaussianBlur(4))
        ground = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), (120, 125, 130))
        ground.paste(pixels, corner, mask)
        for face in detector.detect(np.asarray(ground)):
            if iou(face.box, Box(*corner, side, side)) > 0.3:
                return Cutout(
                    pixels, mask, Box(face.box.x - corner[0], face.box.y - corner[1], face.box.width, face.box.height)
                )
    raise DataError(
        f"{detector.card.name} finds no face in {TRIES} of {dataset.path}'s validation pictures. "
        "Name a data set of photos of faces, such as FER2013."
    )


def film(
    faces: Sequence[Cutout],
    course: Course,
    detector: Detector,
    random: np.random.Generator,
    *,
    seconds: float,
    fps: float,
) -> Clip:
    """Let the detector look at two faces that move.

    Args:
        faces: The one in front, and the other.
        course: How they move.
        detector: Who looks.
        random: For the ground and the grain.
        seconds: Length of the scene.
        fps: Frames a second.
    """
    ground = Image.fromarray(random.integers(60, 180, (15, 20, 3), dtype=np.uint8))
    ground = ground.resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.BICUBIC)
    frames = round(seconds * fps)
    seen, places, looks = [], [], []
    for number in range(frames):
        corners, is_empty = course.corners(number / frames), course.is_empty(number / frames)
        picture = ground.copy()
        for face, corner in zip(faces[::-1], corners[::-1], strict=True):
            if not is_empty:
                picture.paste(face.pixels, corner, face.mask)
        grainy = _add_grain(picture, random)
        found = tuple(detector.detect(grainy))
        boxes = {} if is_empty else list_seen([face.box_at(at) for face, at in zip(faces, corners, strict=True)])
        seen.append(Look(number / fps, found, tell(found, boxes)))
        places.append(boxes)
        crops = crop_faces(grainy, [face.box for face in found], [face.landmarks for face in found])
        looks.append(tuple(sketch(crop) for crop in crops))
    return Clip(tuple(seen), tuple(places), tuple(looks))


def _add_grain(picture: Image.Image, random: np.random.Generator) -> Picture:
    grain = random.normal(0, GRAIN, (HEIGHT_PX, WIDTH_PX, 1))
    return np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8)


def list_seen(boxes: Sequence[Box]) -> dict[int, Box]:
    """Return who can be seen, and where: the first always, the second while the first covers little of it."""
    front, back = boxes
    width = min(front.x + front.width, back.x + back.width) - max(front.x, back.x)
    height = min(front.y + front.height, back.y + back.height) - max(front.y, back.y)
    covered = max(0.0, width) * max(0.0, height) / (back.width * back.height)
    return {0: front} if covered > HIDES_FROM else {0: front, 1: back}


def tell(found: Sequence[Detection], boxes: dict[int, Box]) -> tuple[int | None, ...]:
    """Return for each detection who it is: of those with the largest overlap with a face the best; None for others."""
    truths: list[int | None] = [None] * len(found)
    best = dict.fromkeys(boxes, IS_FACE_FROM)
    for place, face in enumerate(found):
        overlaps = {who: iou(box, face.box) for who, box in boxes.items()}
        who = max(overlaps, key=lambda one: overlaps[one], default=None)
        if who is not None and overlaps[who] > best[who]:
            best[who] = overlaps[who]
            truths = [None if one == who else one for one in truths]
            truths[place] = who
    return tuple(truths)


def make_clips(kind: str, fps: float, count: int, seed: int, dataset: Dataset, detector: Detector) -> Iterator[Clip]:
    """Yield clips of a kind; the same for the same seed, with the same faces for all kinds and rates.

    Raises:
        DataError: See `draw_face`.
    """
    for number in range(count):
        random = np.random.default_rng([seed, number])
        faces = [draw_face(dataset, detector, random) for _ in range(2)]
        seconds = random.uniform(*SECONDS)
        course = KINDS[kind](random, [face.pixels.width for face in faces], seconds)
        yield film(faces, course, detector, random, seconds=seconds, fps=fps)
