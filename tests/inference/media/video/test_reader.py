"""Frames of files: their numbers, their times, their pixels, and the thread that reads them."""

from __future__ import annotations

import gc
import sys
import threading
import time
from fractions import Fraction

import numpy as np
import pytest

from mien.core.errors import InputError, MissingExtraError
from mien.inference.media.video.reader import open_video


def reading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "mien-video"]


def wait_for_no_thread() -> bool:
    limit = time.monotonic() + 5
    while reading_threads() and time.monotonic() < limit:
        time.sleep(0.01)
    return not reading_threads()


def test_hands_on_each_frame_with_its_number_and_time(write_video, numbered):
    with open_video(write_video(frames=20)) as video:
        assert (video.width, video.height, video.frame_rate, video.has_audio) == (64, 48, 25.0, False)
        assert (video.expected_frames, video.is_live, video.broken) == (20, False, 0)
        assert video.duration_s == pytest.approx(0.8, abs=0.05)
        frames = list(video)
    assert [frame.index for frame in frames] == list(range(20))
    assert [numbered(frame.pixels) for frame in frames] == list(range(20))
    assert [frame.time_s for frame in frames] == pytest.approx([number / 25 for number in range(20)], abs=1e-3)
    assert all(frame.pixels.shape == (48, 64, 3) and frame.pixels.dtype == np.uint8 for frame in frames)
    assert all(frame.pixels.flags.c_contiguous for frame in frames)
    assert wait_for_no_thread()


def test_colors_are_kept(write_video):
    with open_video(write_video(pixel_format="yuv444p", options={"crf": "1"})) as video:
        pixels = next(video).pixels.astype(int)
    assert np.abs(pixels[40, 2] - (255, 0, 0)).max() < 12
    assert np.abs(pixels[1, 40] - (0, 0, 255)).max() < 12


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts"])
def test_variable_rates_keep_their_true_times(write_video, name):
    times = [0.0, 0.04, 0.3, 0.34, 1.5, 1.52, 3.0]
    with open_video(write_video(name, times=times)) as video:
        assert [frame.time_s for frame in video] == pytest.approx(times, abs=2e-3)


@pytest.mark.parametrize("name", ["clip.mkv", "clip.ts"])
def test_a_stream_that_begins_late_begins_at_zero(write_video, name):
    with open_video(write_video(name, frames=5, offset_s=7.0)) as video:
        assert [frame.time_s for frame in video] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16], abs=2e-3)


@pytest.mark.parametrize(
    ("rotation", "mirrored", "corner"),
    [
        (None, False, "top left"),
        (90, False, "bottom left"),
        (180, False, "bottom right"),
        (270, False, "top right"),
        (0, True, "top right"),
    ],
)
def test_frames_are_turned_as_the_file_says(write_video, rotation, mirrored, corner):
    def mark(_: int, width: int, height: int) -> np.ndarray:
        picture = np.zeros((height, width, 3), np.uint8)
        picture[: height // 3, : width // 3] = 255
        return picture

    path = write_video(frames=3, rotation=rotation, mirrored=mirrored, picture=mark)
    with open_video(path) as video:
        pixels = next(video).pixels
    assert (video.height, video.width) == pixels.shape[:2] == ((64, 48) if rotation in (90, 270) else (48, 64))
    height, width = pixels.shape[:2]
    corners = {
        f"{row} {column}": pixels[y, x].mean()
        for row, y in (("top", 4), ("bottom", height - 5))
        for column, x in (("left", 4), ("right", width - 5))
    }
    assert max(corners, key=corners.get) == corner
    assert sorted(corners.values())[-2] < 64


def test_oblong_pixels_become_square(write_video):
    with open_video(write_video(frames=2, aspect=Fraction(3, 2))) as video:
        assert next(video).pixels.shape == (48, 96, 3)
        assert (video.width, video.height) == (96, 48)


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("10bit.mp4", "libx264", "yuv420p10le"),
        ("gray.mkv", "ffv1", "gray"),
        ("gray10.mkv", "ffv1", "gray10le"),
        ("full.mp4", "libx264", "yuv444p"),
        ("alpha.mkv", "ffv1", "yuva420p"),
        ("rgba.mov", "png", "rgba"),
        ("old.avi", "mpeg4", "yuv420p"),
        ("web.webm", "libvpx-vp9", "yuv420p"),
        ("anim.gif", "gif", "rgb8"),
        ("anim.apng", "apng", "rgb24"),
    ],
)
def test_other_pixels_and_kinds(write_video, numbered, name, codec, pixel_format):
    with open_video(write_video(name, frames=4, codec=codec, pixel_format=pixel_format)) as video:
        frames = list(video)
    assert [numbered(frame.pixels) for frame in frames] == [0, 1, 2, 3]
    assert all(frame.pixels.shape == (48, 64, 3) and frame.pixels.dtype == np.uint8 for frame in frames)


def test_what_shines_through_stands_on_white(tmp_path):
    import av

    with av.open(str(tmp_path / "clear.mov"), "w") as output:
        stream = output.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "rgba"
        clear = np.zeros((16, 16, 4), np.uint8)
        clear[:8, :, 3] = 255
        output.mux(stream.encode(av.VideoFrame.from_ndarray(clear, "rgba")))
        output.mux(stream.encode(None))
    with open_video(tmp_path / "clear.mov") as video:
        pixels = next(video).pixels
    assert (pixels[:8].max(), pixels[8:].min()) == (0, 255)


def test_odd_sizes(write_video):
    path = write_video("odd.mkv", frames=2, size=(63, 47), codec="ffv1", pixel_format="yuv420p")
    with open_video(path) as video:
        assert next(video).pixels.shape == (47, 63, 3)


def test_a_changing_size_shows_in_the_frames(write_video, tmp_path):
    parts = [write_video("a.ts", frames=3), write_video("b.ts", frames=3, size=(96, 64))]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    with open_video(joined) as video:
        frames = list(video)
    assert (video.width, video.height) == (64, 48)
    assert [frame.pixels.shape[:2] for frame in frames] == [(48, 64)] * 3 + [(64, 96)] * 3
    times = [frame.time_s for frame in frames]
    assert times == pytest.approx([0, 0.04, 0.08, 0.12, 0.16, 0.2], abs=0.02)  # the stamps began anew


def test_one_frame_is_a_video(write_video):
    with open_video(write_video(frames=1)) as video:
        assert [(frame.index, frame.time_s) for frame in video] == [(0, 0.0)]


@pytest.mark.parametrize(
    ("settings", "indices"),
    [
        ({"every": 4}, [0, 4, 8, 12, 16]),
        ({"every_s": 0.2}, [0, 5, 10, 15]),
        ({"max_fps": 12.5}, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]),
        ({"start_s": 0.6}, [15, 16, 17, 18, 19]),
        ({"start_s": 0.41, "end_s": 0.6}, [11, 12, 13, 14]),
        ({"end_s": 0.12}, [0, 1, 2]),
        ({"start_s": 0.2, "every": 6}, [5, 11, 17]),
        ({"max_fps": 100}, list(range(20))),
    ],
)
@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts", "clip.avi"])
def test_chosen_frames_keep_their_numbers(write_video, numbered, name, settings, indices):
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    with open_video(write_video(name, frames=20, group=6, codec=codec), **settings) as video:
        assert video.expected_frames == pytest.approx(len(indices), abs=1)
        frames = list(video)
    assert [frame.index for frame in frames] == indices
    assert [numbered(frame.pixels) for frame in frames] == indices
    assert [frame.time_s for frame in frames] == pytest.approx([index / 25 for index in indices], abs=2e-3)


def test_seeking_skips_decoding(write_video, monkeypatch):
    from mien.inference.media.video import stream

    path = write_video(frames=100, group=10, size=(32, 32))
    entries = []
    found = stream.find_entry
    monkeypatch.setattr(stream, "find_entry", lambda *args: entries.append(found(*args)) or entries[-1])
    with open_video(path, start_s=3.3) as video:
        assert [frame.index for frame in video] == list(range(83, 100))
    assert entries[0].number == 80


def test_a_file_that_cannot_be_entered_is_decoded_from_its_beginning(write_video, numbered, monkeypatch):
    from mien.inference.media.video import stream

    path = write_video(frames=30)
    monkeypatch.setattr(stream, "find_entry", lambda *_: stream.Entry(1, 99))  # no frame has this stamp
    with open_video(path, start_s=0.8) as video:
        frames = list(video)
    assert [frame.index for frame in frames] == list(range(20, 30))
    assert [numbered(frame.pixels) for frame in frames] == list(range(20, 30))


@pytest.mark.parametrize("way", ["close", "with", "forgotten", "exception"])
def test_the_thread_ends_when_nobody_looks_any_more(write_video, way):
    path = write_video(frames=60)
    video = open_video(path)
    next(video)
    assert reading_threads()
    if way == "close":
        video.close()
        video.close()
        assert list(video) == []
    elif way == "with":
        with video:
            next(video)
    elif way == "exception":
        with pytest.raises(KeyboardInterrupt), video:
            raise KeyboardInterrupt
    del video
    gc.collect()
    assert wait_for_no_thread()


def test_reads_ahead_and_no_further(write_video, monkeypatch):
    from mien.inference.media.video.conversion import Converter

    converted = []
    convert = Converter.convert
    monkeypatch.setattr(Converter, "convert", lambda self, frame: converted.append(1) or convert(self, frame))
    with open_video(write_video(frames=40), every=2) as video:
        next(video)
        time.sleep(0.3)
        assert 2 <= len(converted) <= 4  # taken, waiting, and in the thread's hand
        assert len(list(video)) == 19
    assert len(converted) == 20  # skipped frames were never converted


@pytest.mark.parametrize(
    "settings",
    [
        {"every": 0},
        {"every": 1.5},
        {"every": True},
        {"every_s": 0.0},
        {"every_s": -1.0},
        {"max_fps": float("nan")},
        {"max_fps": 0},
        {"start_s": -1.0},
        {"start_s": float("inf")},
        {"start_s": "1"},
        {"end_s": float("nan")},
        {"start_s": 2.0, "end_s": 2.0},
        {"every": 2, "every_s": 1.0},
    ],
)
def test_arguments_that_cannot_be(settings):
    with pytest.raises(InputError, match=r"got|after|exclude"):
        open_video("never-opened.mp4", **settings)


def test_a_start_behind_the_end(write_video):
    with pytest.raises(InputError, match="behind the end"):
        open_video(write_video(frames=5), start_s=9.0)


def test_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"mien\[video\]"):
        open_video(tmp_path / "clip.mp4")


def test_no_frame_waits_for_pythons_collector(write_video):
    """It counts objects, not their bytes: a gigabyte of large frames would pass unnoticed."""
    av = pytest.importorskip("av")
    path = write_video(frames=12, group=1)

    def count_held() -> int:
        return sum(type(one) is av.VideoFrame for one in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        with open_video(path) as video:
            assert sum(1 for _ in video) == 12
        assert wait_for_no_thread()
        del video
        assert count_held() == 0
        frame = av.VideoFrame(64, 48, "rgb24")
        assert frame.side_data.get("DISPLAYMATRIX") is None
        del frame
        assert count_held() == 1, "the control: a ring"
    finally:
        gc.enable()
        gc.collect()
