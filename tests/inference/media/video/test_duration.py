"""How long a video says it is, and starts behind where it ends."""

from __future__ import annotations

import struct
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import InputError
from mien.inference.media.video.reader import open_video


@pytest.mark.parametrize("name", ["clip.mkv", "clip.webm", "clip.nut", "clip.ts", "clip.mp4"])
@pytest.mark.parametrize("offset_s", [0.0, 60.0])
def test_is_counted_from_the_first_frame(write_video, name, offset_s):
    codec = "libvpx-vp9" if name.endswith("webm") else "libx264"
    with open_video(write_video(name, frames=25, codec=codec, offset_s=offset_s)) as video:
        assert video.duration_s == pytest.approx(1.0, abs=0.05)
        assert video.expected_frames == pytest.approx(25, abs=1)


def test_a_late_file_that_counts_from_its_first_frame(write_video, monkeypatch):
    """Some programs write so into Matroska; what is left would be less than nothing."""
    from mien.inference.media.video import duration

    path = write_video("clip.mp4", frames=25, offset_s=60.0)
    monkeypatch.setattr(duration, "_FROM_STAMP_ZERO", {"mov,mp4,m4a,3gp,3g2,mj2"})
    with open_video(path) as video:
        assert video.duration_s == pytest.approx(1.0, abs=0.05)


class Pipe:
    """Takes bytes and can't go back, as a pipe."""

    def __init__(self) -> None:
        self.content = b""

    def write(self, part: bytes) -> int:
        self.content += part
        return len(part)


@pytest.mark.parametrize(("kind", "codec"), [("avi", "mpeg4"), ("ivf", "libvpx")])
def test_a_header_that_was_never_completed_tells_nothing(kind, codec):
    import av

    pipe = Pipe()
    with av.open(pipe, "w", format=kind) as output:
        stream = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 4 * number, np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with av.open(BytesIO(pipe.content)) as opened:
        assert opened.streams.video[0].frames >= 2**30
        assert opened.duration > 20e6
    with open_video(pipe.content) as video:
        assert (video.duration_s, video.expected_frames) == (None, None)
        assert len(list(video)) == 50
    with open_video(pipe.content, end_s=1.0) as video:
        assert video.expected_frames == len(list(video)) == 25
    with open_video(pipe.content, start_s=9.0) as video, pytest.raises(InputError, match="lies behind the end"):
        next(video)


@pytest.mark.parametrize(("told_s", "is_believed"), [(86_400.0, True), (2e8, False)])
def test_a_length_of_years_is_none(write_video, told_s, is_believed):
    content = bytearray(write_video("clip.mkv", frames=25).read_bytes())
    place = content.index(b"\x44\x89\x88") + 3
    content[place : place + 8] = struct.pack(">d", told_s * 1000)
    with open_video(bytes(content)) as video:
        assert video.duration_s == (pytest.approx(told_s) if is_believed else None)
        assert len(list(video)) == 25


@pytest.mark.parametrize(("late_s", "is_told"), [(59.0 - 1.4, True), (61.0, False), (1000.0, False)])
def test_stamps_that_fall_are_no_overflow(write_video, late_s, is_told):
    """From a first stamp of 60 s on FFmpeg takes a lower one for what follows 2^33 ticks, 26.5 hours."""
    parts = [write_video("late.ts", frames=25, offset_s=late_s), write_video("early.ts", frames=75)]
    with open_video(b"".join(part.read_bytes() for part in parts)) as video:
        assert (video.duration_s is not None, video.expected_frames is not None) == (is_told, is_told)
        assert len(list(video)) == 100


def test_hours_are_told_of_a_transport_stream(write_video):
    with open_video(write_video("clip.ts", times=[number * 50 for number in range(865)])) as video:
        assert video.duration_s == pytest.approx(12 * 3600, rel=0.02)


@pytest.fixture
def bare(tmp_path) -> Path:
    """Return pictures without a container, whose duration can be but a guess from a bitrate."""
    import av

    path = tmp_path / "clip.m1v"
    random = np.random.default_rng(0)
    with av.open(str(path), "w", format="mpeg1video") as output:
        stream = output.add_stream("mpeg1video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(random.integers(0, 256, (48, 64, 3), np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def test_a_guess_is_none(bare):
    with open_video(bare) as video:
        assert (video.duration_s, video.expected_frames) == (None, None)
        assert len(list(video)) == 50
    with open_video(bare, start_s=1.0) as video:
        assert len(list(video)) == pytest.approx(25, abs=2)


@pytest.fixture
def joined(write_video, tmp_path) -> Path:
    """Return 3 s of a video whose stamps begin anew after 1 s and 2 s."""
    path = tmp_path / "joined.ts"
    path.write_bytes(write_video("part.ts", frames=25).read_bytes() * 3)
    return path


@pytest.mark.parametrize("start_s", [0.5, 1.3, 2.5])
def test_a_start_behind_the_duration_and_before_the_end(joined, start_s):
    with open_video(joined) as video:
        expected = [frame.index for frame in video if frame.time_s >= start_s - 1e-6]
    with open_video(joined, start_s=start_s) as video:
        assert [frame.index for frame in video] == expected
    assert expected


def test_a_start_behind_the_last_frame(joined, bare):
    for path in (joined, bare):
        with open_video(path, start_s=9.0) as video, pytest.raises(InputError, match=r"9\.0 s\) lies behind the end"):
            next(video)
