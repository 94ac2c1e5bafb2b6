"""What light, lenses, files and hands do to a photo: color, gray, low light, blur, noise, JPEG, occlusion."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from mien.training.data.faces.scenes import Scene
from mien.training.data.faces.sections import Weather


def spoil(scene: Scene, random: np.random.Generator, how: Weather) -> Scene:
    """Return the scene as another camera might have seen it; boxes and landmarks stay.

    Args:
        scene: As drawn.
        random: All draws come from it.
        how: Strengths and probabilities.
    """
    picture = _cover(scene, random) if random.random() < how.occlusion else scene.picture
    image = Image.fromarray(picture)
    image = image.point(_draw_curves(random, how))
    if random.random() < how.blur:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.4, 2.0)))
    if random.random() < how.noise:
        image = _add_noise(image, random)
    if random.random() < how.gray:  # behind all that gives color
        image = image.convert("L").convert("RGB")
    if random.random() < how.jpeg:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(random.integers(20, 80)))
        image = Image.open(buffer)
    return scene._replace(picture=np.asarray(image))


def _draw_curves(random: np.random.Generator, how: Weather) -> list[int]:
    """Draw what becomes of the 256 values of each color: gamma, contrast, brightness, tint, at times low light."""
    values = np.linspace(0, 1, 256)
    gamma = np.exp(random.uniform(-how.gamma, how.gamma))
    is_dark = random.random() < how.low_light
    if is_dark:
        gamma *= random.uniform(1.3, 2.2)
    gain = np.exp(random.uniform(-how.contrast, how.contrast)) * (random.uniform(0.3, 0.8) if is_dark else 1.0)
    shift = random.uniform(-how.brightness, how.brightness)
    tints = np.exp(random.uniform(-how.tint, how.tint, 3))
    curves = ((values**gamma)[None] - 0.5) * gain + 0.5 * (gain if is_dark else 1.0) + shift
    curves = np.clip(curves * tints[:, None], 0, 1) * 255
    rounded: list[int] = np.round(curves).astype(int).reshape(-1).tolist()
    return rounded


def _add_noise(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Add Gaussian noise, the same on all colors or not; drawn once for 64 rows and shifted on, which is quick."""
    height, width = image.height, image.width
    strength, channels = random.uniform(2, 18), random.choice([1, 3])
    tile = random.normal(0, strength, (64, width, channels)).astype(np.int16)
    rows = [np.roll(tile, int(random.integers(width)), axis=1) for _ in range(-(-height // 64))]
    noise = np.concatenate(rows)[:height]
    return Image.fromarray(np.clip(np.asarray(image, np.int16) + noise, 0, 255).astype(np.uint8))


def _cover(scene: Scene, random: np.random.Generator) -> NDArray[np.uint8]:
    """Cover a part of one face with a flat color or with another part of the picture, as hands and masks do."""
    picture = scene.picture.copy()
    if not len(scene.boxes):
        return picture
    left, top, right, bottom = scene.boxes[random.integers(len(scene.boxes))]
    width, height = (np.array([right - left, bottom - top]) * random.uniform(0.25, 0.6, 2)).astype(int)
    x = int(np.clip(random.uniform(left, right - width), 0, picture.shape[1] - width))
    y = int(np.clip(random.uniform(top, bottom - height), 0, picture.shape[0] - height))
    patch: NDArray[np.integer]
    if random.random() < 0.5:
        patch = np.broadcast_to(random.integers(0, 256, 3, np.uint8), (height, width, 3))
    else:
        from_x = int(random.integers(0, picture.shape[1] - width + 1))
        from_y = int(random.integers(0, picture.shape[0] - height + 1))
        patch = scene.picture[from_y : from_y + height, from_x : from_x + width]
    picture[y : y + height, x : x + width] = patch
    return picture
