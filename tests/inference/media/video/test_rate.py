"""How many frames a second a video says it has, where FFmpeg's average is no average."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.inference.media.video.reader import open_video

NTSC = Fraction(30000, 1001)


@pytest.fixture
def write(tmp_path) -> Callable[..., Path]:
    """Write frames into formats that want their own sizes and rates; `numbers` are their stamps, in frames."""
    av = pytest.importorskip("av", reason="videos need the video extra")

    def write(
        kind: str,
        codec: str,
        rate: Any,
        size: tuple[int, int] = (64, 48),
        pixel_format: str = "yuv420p",
        numbers: Sequence[int] = range(50),
        options: dict[str, str] | None = None,
    ) -> Path:
        path = tmp_path / "clip"
        with av.open(str(path), "w", format=kind, options=options or {}) as output:
            stream = output.add_stream(codec, rate=rate)
            (stream.width, stream.height), stream.pix_fmt = size, pixel_format
            for number in numbers:
                picture = np.full((size[1], size[0], 3), number % 256, np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=pixel_format)
                frame.pts, frame.time_base = number, 1 / Fraction(rate)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        return path

    return write


@pytest.mark.parametrize(
    ("kind", "codec", "rate", "size", "pixel_format"),
    [
        ("dv", "dvvideo", 25, (720, 576), "yuv420p"),
        ("dv", "dvvideo", NTSC, (720, 480), "yuv411p"),
        ("dv", "dvvideo", 50, (960, 720), "yuv422p"),
        ("gxf", "mpeg2video", 25, (720, 576), "yuv420p"),
        ("gxf", "mpeg2video", NTSC, (720, 480), "yuv420p"),
    ],
)
def test_units_of_the_stamps_are_no_frames(write, kind, codec, rate, size, pixel_format):
    with open_video(write(kind, codec, rate, size, pixel_format)) as video:
        assert video.frame_rate == pytest.approx(float(rate))
        assert video.expected_frames == 50
        assert len(list(video)) == 50


@pytest.mark.parametrize(
    ("kind", "codec"),
    [("h264", "libx264"), ("hevc", "libx265"), ("mpeg2video", "mpeg2video"), ("m4v", "mpeg4"), ("mjpeg", "mjpeg")],
)
def test_a_bare_stream_has_the_rate_that_its_pictures_say(write, kind, codec):
    pixel_format = "yuvj420p" if kind == "mjpeg" else "yuv420p"
    with open_video(write(kind, codec, 50, pixel_format=pixel_format)) as video:
        rate = 25 if kind == "mjpeg" else 50  # JPEGs know none
        assert video.frame_rate == rate
        assert [frame.time_s for frame in video] == pytest.approx([number / rate for number in range(50)])


@pytest.mark.parametrize(("kind", "codec", "rate"), [("mp4", "mpeg4", 27.5), ("avi", "mpeg2video", 50)])
def test_a_guess_from_the_first_frames_does_not_count(write, kind, codec, rate):
    """An AVI stamps in frames, too: those that are left out count."""
    import av

    options = {"video_track_timescale": "50"} if kind == "mp4" else {}
    path = write(kind, codec, 50, options=options, numbers=[*range(0, 500, 10), *range(500, 1000)])
    with av.open(str(path)) as opened:
        assert opened.streams.video[0].guessed_rate == 5
    with open_video(path) as video:
        assert video.frame_rate == pytest.approx(rate, rel=0.01)
