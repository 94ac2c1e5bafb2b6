"""Strangers' videos in a process of their own: the same frames as here, walls that hold, and nobody left behind."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import hostile_movies
import numpy as np
import pytest
from video_files import _write_video

pytest.importorskip("av", reason="videos need the video extra")

from mien.core.errors import InputError, MienError, UnreadableMediaError
from mien.inference.media.video.confined import process as processes
from mien.inference.media.video.confined.bounds import Bounds, VideoBoundError
from mien.inference.media.video.confined.reader import ConfinedVideo
from mien.inference.media.video.reader import open_video
from mien.inference.media.video.sampling import Sampling

MIB = 2**20
GIVEN = {"pixels": 10**7, "memory_bytes": 512 * MIB, "work_s": 60.0}

linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="processes are looked at as Linux shows them")


def confine(data: bytes, *, sampling: Sampling | None = None, **bounds: float) -> ConfinedVideo:
    return ConfinedVideo(data, sampling or Sampling(), Bounds(**{**GIVEN, **bounds}))  # type: ignore[arg-type]


def play(video) -> tuple[list[tuple[int, float, tuple[int, ...], bytes]], str | None]:
    """Return all frames, and the error after them."""
    frames = []
    try:
        if isinstance(video, ConfinedVideo):
            video.open()
        for frame in video:
            frames.append((frame.index, frame.time_s, frame.pixels.shape, frame.pixels.tobytes()))
    except MienError as error:
        return frames, f"{type(error).__name__}: {error}"
    finally:
        video.close()
    return frames, None


def noise(number: int, width: int, height: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)


def list_children(pid: int | str = "self") -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, _, rest = status.read_text().partition(" (")
            state, parent = rest.rpartition(") ")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == (os.getpid() if pid == "self" else pid) and state != "Z":
            found.append(int(number))
    return found


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def wait_until(is_true: Callable[[], bool], patience_s: float = 10.0) -> float:
    begun_s = time.monotonic()
    while not is_true():
        assert time.monotonic() < begun_s + patience_s, "it never came true"
        time.sleep(0.005)
    return time.monotonic() - begun_s


def read_peak(pid: int) -> int:
    """Return the most memory that a process ever held, bytes; 0 once it has gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def get_pid(video: ConfinedVideo) -> int:
    process = video._process._process
    assert process is not None
    return process.pid


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory) -> Path:
    """Return two minutes whose frames all depend on the first."""
    path = tmp_path_factory.mktemp("long") / "clip.mp4"
    return _write_video(path, 3000, size=(192, 144), group=3000, options={"preset": "ultrafast"})


CLIPS = {
    "plain": {},
    "turned": {"rotation": 90.0},
    "with sound": {"audio": "aac"},
    "uneven": {"times": [0.0, 0.04, 0.5, 0.51, 2.0]},
    "gray, 10 bits": {"codec": "ffv1", "pixel_format": "gray10le", "name": "clip.mkv"},
    "transport stream": {"name": "clip.ts"},
}


@pytest.mark.parametrize("kind", CLIPS)
@pytest.mark.parametrize("sampling", [{}, {"start_s": 0.3}, {"every_s": 0.2, "end_s": 0.7}])
def test_gives_the_frames_that_the_reader_here_gives(write_video, kind, sampling):
    settings = dict(CLIPS[kind])
    data = write_video(settings.pop("name", "clip.mp4"), frames=20, picture=noise, **settings).read_bytes()
    here, there = open_video(data, **sampling), confine(data, sampling=Sampling(**sampling))
    told = ("width", "height", "frame_rate", "duration_s", "expected_frames", "has_audio")
    expected = [getattr(here, name) for name in told]
    frames, error = play(there)
    assert (frames, error) == play(here)
    assert frames
    assert error is None
    assert [getattr(there, name) for name in told] == expected


def test_gives_the_same_damage_and_the_same_end(write_video):
    data = bytearray(write_video(frames=40, picture=noise, group=5).read_bytes())
    data[len(data) // 2 : len(data) // 2 + 120] = np.random.default_rng(3).bytes(120)
    here, there = open_video(bytes(data)), confine(bytes(data))
    assert play(there) == play(here)
    assert there.broken == here.broken > 0
    half = write_video(frames=40, picture=noise, group=5, container={"movflags": "faststart"}).read_bytes()
    half = half[: len(half) // 2]
    frames, error = play(confine(half))
    assert (frames, error) == play(open_video(half))
    assert len(frames) > 10
    assert error is not None
    assert "UnreadableMediaError: the video is cut short" in error


@pytest.mark.parametrize(
    ("make", "sampling"),
    [
        (lambda data: b"hello" * 100, {}),
        (lambda data: data[: len(data) // 2], {}),
        (lambda data: b"#EXTM3U\nfile:///etc/passwd\n", {}),
        (lambda data: hostile_movies._picture(), {}),
        (lambda data: data, {"start_s": 9.0}),
    ],
)
def test_gives_the_same_errors(write_video, make, sampling):
    data = make(write_video(picture=noise).read_bytes())
    with pytest.raises(InputError) as here:
        open_video(data, **sampling)
    with confine(data, sampling=Sampling(**sampling)) as video, pytest.raises(InputError) as there:
        video.open()
    assert (type(there.value), str(there.value)) == (type(here.value), str(here.value))
    assert (there.value.what, there.value.advice) == (here.value.what, here.value.advice)


HOSTILE = {
    "constant table": lambda: hostile_movies.make_constant_table(40_000_000),
    "fragments": lambda: hostile_movies.make_fragments(20_000_000),
    "compressed head": lambda: hostile_movies.make_compressed(2**28),
}


@linux
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_small_file_takes_no_gigabyte(kind):
    """In one process they took 1.4, 2.9 and (unpacked to a GB) 1.1 GB."""
    data = HOSTILE[kind]()
    assert len(data) < 2 * MIB
    memory = 128 * MIB
    mine = read_peak(os.getpid())
    video = confine(data, memory_bytes=memory)
    peaks = [0]

    def watch() -> None:
        wait_until(lambda: video._process._process is not None)
        pid = get_pid(video)
        while is_there(pid):
            peaks.append(read_peak(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    with video, pytest.raises(UnreadableMediaError):
        video.open()
    watcher.join()
    assert 0 < max(peaks) < memory + 100 * MIB
    assert read_peak(os.getpid()) - mine < 20 * MIB
    frames, error = play(confine(hostile_movies.make_still(samples=5), memory_bytes=memory))  # the control
    assert (len(frames), error) == (5, None)


def test_a_want_of_memory_is_called_so():
    video = confine(hostile_movies.make_fragments(20_000_000), memory_bytes=100 * MIB)
    with video, pytest.raises(VideoBoundError, match="more than 100 MiB of memory") as caught:
        video.open()
    assert caught.value.bound == "memory"
    assert caught.value.code == "unreadable_media"


def test_frames_that_are_too_large_are_refused_before_one_is_handed_on():
    data = hostile_movies.make_still(3000, 2000)
    with confine(data, pixels=5_999_999) as video, pytest.raises(VideoBoundError, match="3000 x 2000") as caught:
        video.open()
    assert caught.value.bound == "pixels"
    assert len(play(confine(data, pixels=6_000_000))[0]) == 1


@linux
@pytest.mark.parametrize("sampling", [{"every_s": 500.0}, {"start_s": 119.0}])
def test_the_clock_runs_from_the_opening_on(sampling):
    """All is decoded up to a late start, or between two frames, and nobody is told of it."""
    video = confine(hostile_movies.make_slow(3000), sampling=Sampling(**sampling), work_s=2.0)
    begun_s = time.monotonic()
    frames, error = play(video)
    assert time.monotonic() - begun_s < 4.0
    assert len(frames) <= (1 if "every_s" in sampling else 0)
    assert error is not None
    assert "VideoBoundError: the reading took longer than 2 s" in error
    assert not is_there(get_pid(video))


def test_a_clock_that_is_over_at_once(write_video):
    with confine(write_video().read_bytes(), work_s=0.001) as video, pytest.raises(VideoBoundError) as caught:
        video.open()
    assert caught.value.bound == "time"


@linux
def test_closing_ends_the_process_whatever_it_does(long_clip):
    data = long_clip.read_bytes()
    video = confine(data)
    video.open()
    assert next(video).index == 0
    pid = get_pid(video)
    assert is_there(pid)
    video.close()
    assert not is_there(pid)
    assert list(video) == []
    video.close()


@linux
def test_another_thread_may_close_while_it_opens():
    data = hostile_movies.make_constant_table(10_000_000)  # seconds of work
    for wait_s in (0.0, 0.05, 0.4):
        video = confine(data)
        opening = threading.Thread(target=play, args=(video,))
        opening.start()
        time.sleep(wait_s)
        video.close()
        opening.join(3)
        assert not opening.is_alive()
        assert video._process._process is None or not is_there(get_pid(video))


@linux
def test_a_video_that_nobody_holds_is_ended(long_clip):
    video = confine(long_clip.read_bytes())
    video.open()
    pid = get_pid(video)
    del video
    gc.collect()
    assert not is_there(pid)


PARENT = """
    import sys, time
    from pathlib import Path
    from mien.inference.media.video.confined.bounds import Bounds
    from mien.inference.media.video.confined.reader import ConfinedVideo
    from mien.inference.media.video.sampling import Sampling

    if __name__ == "__main__":
        sampling = Sampling(every_s=1000.0) if sys.argv[2] == "decoding" else Sampling()
        video = ConfinedVideo(Path(sys.argv[1]).read_bytes(), sampling, Bounds(10**7, 2**29, 60.0))
        video.open()
        next(video)
        print(video._process._process.pid, flush=True)
        time.sleep(60)
"""


@linux
@pytest.mark.parametrize("what", ["decoding", "waiting"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_parent_is_killed(tmp_path, number, what):
    clip = tmp_path / "clip.mov"
    clip.write_bytes(hostile_movies.make_slow(3000))
    program = tmp_path / "parent.py"
    program.write_text(textwrap.dedent(PARENT))
    with subprocess.Popen(
        [sys.executable, str(program), str(clip), what],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_there(child)
        parent.send_signal(number)
        parent.wait(10)
    assert wait_until(lambda: not is_there(child)) < 2.0


@linux
def test_ctrl_c_and_an_end_that_is_asked_for_leave_it_alone(write_video):
    """They go to all processes of a terminal or a unit, and what was accepted is finished."""
    video = confine(write_video(frames=20).read_bytes())
    video.open()
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(get_pid(video), number)
    assert len(play_open(video)) == 20


def play_open(video: ConfinedVideo) -> list[int]:
    with video:
        return [frame.index for frame in video]


@linux
@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGSEGV, "makes its decoder fail"), (signal.SIGKILL, "MiB of memory"), (signal.SIGXCPU, "took longer")],
)
def test_a_decoder_that_dies_is_told_as_the_videos_fault(long_clip, number, reason):
    video = confine(long_clip.read_bytes())
    video.open()
    os.kill(get_pid(video), number)
    with pytest.raises(UnreadableMediaError, match=reason):
        play_open(video)


@linux
def test_no_token_and_no_file_of_ours_gets_there(long_clip, monkeypatch):
    monkeypatch.setenv("MIEN_TOKEN", "a-token-of-at-least-16-letters")
    with Path("/dev/null").open() as _, confine(long_clip.read_bytes()) as video:
        video.open()
        home = Path(f"/proc/{get_pid(video)}")
        assert b"TOKEN" not in (home / "environ").read_bytes()
        assert (home / "oom_score_adj").read_text().strip() == "1000"
        limits = (home / "limits").read_text()
        assert not [line for line in limits.splitlines() if "file size" in line and "unlimited" in line]
        ends = {str(entry.readlink()) for entry in (home / "fd").iterdir()}
        assert all(end.startswith(("pipe:", "/dev/null")) for end in ends)
        assert len([end for end in ends if end.startswith("pipe:")]) == 2


def test_a_process_that_cannot_start_is_our_fault(write_video, monkeypatch, capfd):
    monkeypatch.setattr(processes, "_MODULE", "mien.nothing_of_this_name")
    with confine(write_video().read_bytes()) as video, pytest.raises(MienError, match="did not start") as caught:
        video.open()
    assert not isinstance(caught.value, InputError)
    assert "nothing_of_this_name" in capfd.readouterr().err
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with confine(write_video().read_bytes()) as video, pytest.raises(MienError, match="can't be started: No such file"):
        video.open()


@linux
def test_nothing_stays_open(write_video):
    data = write_video(frames=5).read_bytes()

    def count() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    before, children = count(), list_children()
    for _ in range(3):
        assert len(play(confine(data))[0]) == 5
        play(confine(b"no video"))
    wait_until(lambda: count() == before)  # a clock that was stopped takes a moment to go
    assert list_children() == children


def test_no_bytes_and_no_bounds_are_refused():
    with pytest.raises(UnreadableMediaError, match=r"empty \(0 bytes\)"):
        confine(b"")
    for name in GIVEN:
        with pytest.raises(InputError, match=f"{name} bounds a video from above"):
            confine(b"a", **{name: 0})


@linux
def test_many_large_frames_take_no_more_than_a_few():
    """Each is one that decoding can begin with, so it is asked which way is up, which ties a knot in PyAV."""
    data = hostile_movies.make_slow(60, 2000, 1500)  # 9 MB a frame: 540 MB
    with confine(data, memory_bytes=128 * MIB) as video:
        video.open()
        assert sum(1 for _ in video) == 60
