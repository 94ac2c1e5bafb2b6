"""Annotated photos: drawn ones whose faces are known to the pixel, and the real ones where they are at hand."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mien.training.data.faces.photos import PhotoSet, open_photos
from mien.training.data.sources.annotated_photos import import_photos

DOT_COLORS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255))
"""Of a drawn face's landmarks: right eye, left eye, nose, right and left corner of the mouth."""

DOT_PLACES = ((-0.2, -0.15), (0.2, -0.15), (0.0, 0.05), (-0.15, 0.28), (0.15, 0.28))
"""Where they stand from the face's middle, in shares of its width and height."""

DRAWN_PHOTOS = (
    ((160, 120), [(60, 60, 48, 64)]),
    ((120, 160), [(40, 50, 40, 50), (90, 110, 32, 40)]),
    ((200, 150), [(50, 70, 56, 70), (140, 60, 44, 56), (100, 125, 20, 26)]),
    ((97, 131), [(48.5, 65.5, 61, 81)]),
    ((240, 160), [(40, 40, 24, 30), (90, 60, 28, 36), (150, 50, 24, 32), (200, 110, 40, 52), (80, 130, 9, 12)]),
    ((150, 150), [(75, 75, 100, 130)]),
    ((140, 100), []),
    ((131, 97), [(30.25, 40.5, 36.5, 45), (95.75, 50.25, 42.5, 55.5)]),
    ((180, 180), [(60, 60, 16, 20), (120, 60, 14, 18), (60, 120, 12, 15), (120, 120, 10, 12), (90, 90, 6, 7)]),
    ((160, 160), [(2, 80, 50, 60), (110, 70, 48, 60)]),
    ((128, 128), [(64, 64, 70, 90)]),
    ((200, 100), [(60, 50, 50, 66), (145, 50, 50, 66)]),
)
"""Sizes, and the faces' middles, widths and heights; the second last photo and the last are for testing."""


def _draw_photo(size: tuple[int, int], faces: list[tuple[float, ...]]) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Draw bright ellipses with five colored dots on a dark ground, four times as large, so that edges are smooth."""
    width, height = size
    canvas = np.full((4 * height, 4 * width, 3), (20, 40, 40), np.uint8)
    down_px, across_px = (np.arange(4 * side) / 4 + 0.125 for side in (height, width))

    def fill(x: float, y: float, w: float, h: float, color: tuple[int, int, int]) -> None:
        canvas[((down_px[:, None] - y) / h) ** 2 + ((across_px - x) / w) ** 2 < 0.25] = color

    annotations = []
    for x, y, w, h in faces:
        fill(x, y, w, h, (200, 200, 200))
        dots = [(x + across * w, y + down * h) for across, down in DOT_PLACES]
        for dot, color in zip(dots, DOT_COLORS, strict=True):
            fill(*dot, w * 0.14, w * 0.14, color)
        box = [x - w / 2, y - h / 2, w, h]
        annotations.append({"box": box, "landmarks": [list(dot) for dot in dots] if w >= 20 else None})
    return canvas.reshape(height, 4, width, 4, 3).mean(axis=(1, 3)).round().astype(np.uint8), annotations


@pytest.fixture(scope="session")
def draw_photo() -> Callable[..., tuple[np.ndarray, list[dict[str, Any]]]]:
    """`draw_photo((width, height), [(x, y, w, h), ...])` returns the pixels and the annotated faces."""
    return _draw_photo


@pytest.fixture(scope="session")
def dot_colors() -> np.ndarray:
    """Return (5, 3) the colors of a drawn face's landmarks, in their order."""
    return np.array(DOT_COLORS)


@pytest.fixture(scope="session")
def drawn_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 12 drawn photos with `annotations.jsonl`; the last two are for testing. Not to be written to.

    Faces from 6 to 130 pixels, one photo without any, one face half outside; faces under 20 pixels have no landmarks.
    """
    folder = tmp_path_factory.mktemp("photos") / "drawn"
    folder.mkdir()
    lines = []
    for number, (size, faces) in enumerate(DRAWN_PHOTOS):
        pixels, annotations = _draw_photo(size, faces)
        file = f"{number}.{'webp' if number % 2 else 'png'}"
        Image.fromarray(pixels).save(folder / file, **({"lossless": True} if number % 2 else {}))
        split = "train" if number < len(DRAWN_PHOTOS) - 2 else "test"
        line = {"file": file, "width": size[0], "height": size[1], "split": split, "faces": annotations}
        lines.append(json.dumps(line) + "\n")
    (folder / "annotations.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def photo_set(tmp_path_factory: pytest.TempPathFactory, drawn_photos: Path) -> PhotoSet:
    """Return the drawn photos, imported once: 9 for training, 1 for validation, 2 for testing. Not to be written to."""
    out = tmp_path_factory.mktemp("photos") / "imported"
    import_photos(drawn_photos, out)
    return open_photos(out)


@pytest.fixture(scope="session")
def wider_face() -> Path:
    """Return the folder of the real annotated photos."""
    folder = os.environ.get("MIEN_DATA_DIR")
    if not folder:
        pytest.skip("MIEN_DATA_DIR is not set: no photos with annotated faces at hand")
    if not (Path(folder) / "faces" / "annotations.jsonl").is_file():
        pytest.skip(f"MIEN_DATA_DIR={folder} holds no faces/annotations.jsonl")
    return Path(folder) / "faces"
