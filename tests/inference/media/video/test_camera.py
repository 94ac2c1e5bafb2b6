"""Cameras, played by what PyAV can open in their place: a drawn source, a pipe that stalls, a file that ends."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mien.core.errors import InputError, UnreadableMediaError
from mien.inference.media.video import camera
from mien.inference.media.video.reader import Video, open_video


@pytest.fixture
def plug_in(monkeypatch) -> Callable[..., Video]:
    """Open a video whose camera is whatever the given function opens."""

    def open_as_camera(opener: Callable[[str], Any], name: str = "camera:0", **settings: Any) -> Video:
        monkeypatch.setattr(camera, "open_device", opener)
        return open_video(name, **settings)

    return open_as_camera


def drawn(rate: int = 50, length_s: float | None = None) -> Callable[[str], Any]:
    """Return what opens a source that draws frames in real time."""
    import av

    end = "" if length_s is None else f":duration={length_s}"
    return lambda _: av.open(f"testsrc=size=64x48:rate={rate}{end},realtime", format="lavfi")


class Pipe:
    """A camera that sends what the test writes, and no more."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self._read, self._write = os.pipe()

    def open(self, _: str) -> Any:
        import av

        return av.open(os.fdopen(self._read, "rb", buffering=0), format="mpegts", options={"probesize": "2000"})

    def send(self, share: float = 1.0) -> None:
        os.write(self._write, self._data[: int(len(self._data) * share)])

    def unplug(self) -> None:
        os.close(self._write)


def test_a_camera_plays_on_with_times_from_zero(plug_in):
    asked = []
    opener = drawn()
    with plug_in(lambda device: asked.append(device) or opener(device), "camera:/dev/video2") as video:
        assert (video.is_live, video.expected_frames, video.duration_s, video.has_audio) == (True, None, None, False)
        assert (video.source, video.width, video.height) == ("camera:/dev/video2", 64, 48)
        frames = [next(video) for _ in range(5)]
    assert asked == ["/dev/video2"]
    assert frames[0].pixels.shape == (48, 64, 3)
    assert frames[0].time_s < 0.5
    for frame in frames:
        assert frame.time_s == pytest.approx(frame.index / 50, abs=1e-3)


def test_only_the_newest_frame_waits(plug_in):
    with plug_in(drawn(rate=50)) as video:
        first = next(video)
        time.sleep(0.6)
        second, third = next(video), next(video)
    assert second.index - first.index >= 10
    assert video.dropped >= 9
    assert third.index > second.index


def test_frames_left_out_are_not_dropped_ones_and_no_stall(plug_in):
    with plug_in(drawn(rate=50), every_s=0.4, stall_s=0.2, end_s=1.0) as video:
        assert [round(frame.time_s, 1) for frame in video] == [0.0, 0.4, 0.8]
    assert video.dropped == 0


def test_a_camera_that_is_unplugged(plug_in):
    with plug_in(drawn(length_s=0.3)) as video:
        frames = []
        with pytest.raises(UnreadableMediaError, match=r"camera:0 .*unplugged"):
            frames.extend(video)
        assert list(video) == []


def test_a_camera_that_fails(plug_in):
    def open_failing(device: str) -> Any:
        container = drawn()(device)
        answers = [None, BlockingIOError(11, "Resource temporarily unavailable"), None, OSError(19, "No such device")]

        class Failing:
            streams = container.streams
            close = container.close

            def demux(self, stream: Any) -> Any:
                for packet in container.demux(stream):
                    if error := answers.pop(0):
                        raise error
                    yield packet

        return Failing()

    times: list[float] = []
    with plug_in(open_failing) as video, pytest.raises(UnreadableMediaError, match="No such device"):
        times.extend(frame.time_s for frame in video)
    assert times


def test_a_stalled_camera(plug_in, write_video):
    pipe = Pipe(write_video("clip.ts", frames=25))
    pipe.send()
    frames = []
    with plug_in(pipe.open, stall_s=0.4) as video:
        begun = time.monotonic()
        with pytest.raises(UnreadableMediaError, match=r"no picture for 0\.4 s"):
            frames.extend(video)
        assert 0.4 <= time.monotonic() - begun < 5
    assert frames
    pipe.unplug()
    for thread in threading.enumerate():
        if thread.name == "mien-video":
            thread.join(5)
            assert not thread.is_alive()


def test_a_camera_that_never_answers(plug_in, monkeypatch):
    monkeypatch.setattr(camera, "_OPENING_S", 0.1)
    answer = threading.Event()
    closed = threading.Event()

    class Late:
        def close(self) -> None:
            closed.set()

    def open_late(_: str) -> Any:
        answer.wait(10)
        return Late()

    with pytest.raises(UnreadableMediaError, match="does not answer"):
        plug_in(open_late)
    answer.set()
    assert closed.wait(5)  # nobody keeps what came too late


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (FileNotFoundError(2, "No such file"), InputError, "there is no camera '0'"),
        (PermissionError(13, "Permission denied"), UnreadableMediaError, "may not be read.*group `video`"),
        (OSError(16, "Device or resource busy"), UnreadableMediaError, "busy.*another program"),
    ],
)
def test_a_camera_that_cannot_be_opened(plug_in, error, expected, words):
    def fail(_: str) -> Any:
        raise error

    with pytest.raises(expected, match=words):
        plug_in(fail)


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="the names of devices are those of Linux")
@pytest.mark.parametrize("device", ["77", "/dev/video77", "/etc/hostname", "", "x", "a\0b"])
def test_no_such_camera(device, monkeypatch):
    monkeypatch.setattr(camera.sys, "platform", "linux")
    monkeypatch.setattr(camera, "list_cameras", lambda: ["/dev/video4"])
    with pytest.raises(InputError, match=r"there is no camera .*/dev/video4"):
        open_video(f"camera:{device}")
    monkeypatch.setattr(camera, "list_cameras", lambda: [])
    with pytest.raises(InputError, match="No camera is there" if device.startswith(("7", "/")) else "camera:0"):
        open_video(f"camera:{device}")


def test_sound_is_no_camera(plug_in):
    import av

    with pytest.raises(UnreadableMediaError, match="sends no pictures"):
        plug_in(lambda _: av.open("sine=frequency=300", format="lavfi"))


@pytest.mark.parametrize("settings", [{"start_s": 1.0}, {"stall_s": 0}, {"stall_s": float("nan")}, {"end_s": -1.0}])
def test_arguments_that_cannot_be(plug_in, settings):
    with pytest.raises(InputError, match="got"):
        plug_in(drawn(), **settings)
