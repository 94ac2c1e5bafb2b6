"""Frames for live connections."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("scipy", reason="tracking needs the video extra")


def make_frame(seed: int = 0, *, width: int = 160, height: int = 120, kind: str = "JPEG") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


@pytest.fixture(scope="session")
def frame() -> Callable[..., bytes]:
    """`frame(seed, width=, height=, kind=)` returns a picture file of noise."""
    return make_frame
