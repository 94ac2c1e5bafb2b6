"""What is no video, or a damaged one: one clear error each, and all frames that could be had."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import MissingMediaError, UnreadableMediaError
from mien.inference.media.video import container, matroska
from mien.inference.media.video.matroska import ends_in_the_middle
from mien.inference.media.video.reader import Video, open_video


def play(video: Video) -> tuple[list[int], str]:
    """Return the numbers of the frames that came, and the error after them."""
    numbers = []
    with video, pytest.raises(UnreadableMediaError) as caught:
        numbers.extend(frame.index for frame in video)
    return numbers, str(caught.value)


def damage(path: Path, share: float, length: int = 120) -> Path:
    data = bytearray(path.read_bytes())
    at = int(len(data) * share)
    data[at : at + length] = np.random.default_rng(3).bytes(length)
    path.write_bytes(data)
    return path


def noise(number: int, width: int, height: int) -> np.ndarray:
    """A picture that takes many bytes, so that a cut lies in the frames and not in the index."""
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.touch(), r"is empty \(0 bytes\)"),
        (lambda path: path.write_text("hello\n" * 100), "not a video that mien can read"),
        (lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)), "not a video|playlist"),
        (lambda path: Image.new("RGB", (8, 8)).save(path, "PNG"), r"is a picture \(PNG\).*mien predict"),
        (lambda path: Image.new("RGB", (8, 8)).save(path, "JPEG"), r"is a picture \(JPEG\)"),
        (lambda path: os.mkfifo(path), "no regular file"),
    ],
)
def test_what_is_no_video(tmp_path, make: Callable[[Path], object], reason):
    path = tmp_path / "clip.mp4"
    make(path)
    with pytest.raises(UnreadableMediaError, match=reason) as caught:
        open_video(path)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, MissingMediaError) == (reason == "does not exist")


@pytest.mark.parametrize(
    ("make", "what", "advice"),
    [
        (
            lambda path: Image.new("RGB", (8, 8)).save(path, "PNG"),
            "{path} is a picture (PNG), not a video.",
            "Use `mien predict` for pictures.",
        ),
        (
            lambda path: path.write_text("ffconcat version 1.0\nfile clip.ts\n"),
            "{path} is a playlist or of another format that mien does not play: such files can open others.",
            "Name the video file itself, such as .mp4, .mkv, .mov, .webm or .avi.",
        ),
        (lambda path: path.mkdir(), "{path} is a folder, not a video.", "Name a file in it."),
        (
            lambda path: os.mkfifo(path),
            "{path} is no regular file, so it may never end.",
            "Name a video file, or a camera as camera:0.",
        ),
        (lambda path: None, "{path} does not exist.", None),
        (lambda path: path.touch(), "{path} is empty (0 bytes).", None),
    ],
)
def test_advice_for_who_names_files_stands_apart(tmp_path, make: Callable[[Path], object], what, advice):
    path = tmp_path / "clip.mp4"
    make(path)
    with pytest.raises(UnreadableMediaError) as caught:
        open_video(path)
    assert (caught.value.what, caught.value.advice) == (what.format(path=path), advice)


def test_sound_alone(write_video, tmp_path):
    import av

    source = write_video(audio="aac")
    for name in ("sound.m4a", "sound.mka"):
        with av.open(str(source)) as opened, av.open(str(tmp_path / name), "w") as output:
            stream = output.add_stream_from_template(opened.streams.audio[0])
            for packet in opened.demux(opened.streams.audio[0]):
                if packet.pts is not None:
                    packet.stream = stream
                    output.mux(packet)
        with pytest.raises(UnreadableMediaError, match="holds only sound") as caught:
            open_video(tmp_path / name)
        assert caught.value.advice == "Name a file with a picture."


def test_a_file_without_its_index(write_video):
    path = write_video(picture=noise)  # the index comes last
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableMediaError, match="index is missing"):
        open_video(path)


@pytest.mark.parametrize("start_s", [0.0, 0.3])
def test_frames_before_a_cut_are_handed_on(write_video, start_s):
    path = write_video(frames=40, picture=noise, group=5, container={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    numbers, error = play(open_video(path, start_s=start_s))
    first = round(start_s * 25)
    assert numbers == list(range(first, first + len(numbers)))
    assert 15 <= numbers[-1] <= 22
    assert "cut short" in error


def test_a_clean_cut_is_the_end_where_a_file_does_not_tell_how_long_it_is(write_video):
    path = write_video("clip.ts", frames=40, picture=noise, group=5)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_video(path) as video:
        numbers = [frame.index for frame in video]
    assert numbers == list(range(len(numbers)))
    assert 15 <= len(numbers) <= 22


MATROSKA = [
    ("clip.mkv", {}),
    ("clip.webm", {"codec": "libvpx"}),
    ("live.mkv", {"container": {"live": "1"}}),
    ("cues.mkv", {"container": {"cues_to_front": "1"}}),
    ("dash.webm", {"codec": "libvpx-vp9", "container": {"dash": "1"}}),
    ("sound.mkv", {"audio": "aac"}),
    ("more sound than picture.mkv", {"audio": "aac", "audio_s": 5.0}),
    ("uneven.mkv", {"times": [*(0.04 * number for number in range(39)), 9.0]}),
]


@pytest.mark.parametrize(("name", "settings"), MATROSKA)
@pytest.mark.parametrize("share", [0.4, 0.6, 0.99])
def test_a_cut_matroska_file_is_told(write_video, name, settings, share):
    path = write_video(name, frames=40, picture=noise, group=5, **settings)
    with open_video(path) as video:  # the control
        assert len(list(video)) == 40
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    numbers, error = play(open_video(path))
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= 40 * share * 0.5
    assert "cut short" in error


@pytest.mark.parametrize(
    "name", ["a.mp4", "a.mov", "a.avi", "a.ts", "a.gif", "fragments.mp4", "front.mp4", "a.flv", "a.nut"]
)
@pytest.mark.parametrize("times", [None, [*(0.04 * number for number in range(19)), 3.0]])
def test_a_whole_file_of_any_form_is_not_called_cut(write_video, name, times):
    settings = {"a.avi": {"codec": "mpeg4"}, "a.gif": {"codec": "gif", "pixel_format": "rgb8"}}.get(name, {})
    flags = {"fragments.mp4": "frag_keyframe+empty_moov", "front.mp4": "faststart"}
    container = {"movflags": flags[name]} if name in flags else {}
    with open_video(write_video(name, times=times, container=container, **settings)) as video:
        assert len(list(video)) >= 20


def test_what_is_recorded_live_may_end_after_any_part(write_video):
    """Neither the file nor its parts tell how long they are, as browsers record."""
    data = write_video("live.mkv", frames=20, container={"live": "1"}).read_bytes()
    cluster = data.index(bytes.fromhex("1f43b675"))
    head = data[: cluster + 4] + bytes.fromhex("01ffffffffffffff")
    length = 8 if data[cluster + 4] == 1 else 9 - data[cluster + 4].bit_length()
    parts = data[cluster + 4 + length :]
    assert ends_in_the_middle(BytesIO(head + parts)) is False
    told = [ends_in_the_middle(BytesIO(head + parts[:length])) for length in range(len(parts))]
    borders = told.count(False)
    assert 20 <= borders <= 60, "after each frame, but nowhere else"


def test_what_is_no_matroska_is_not_called_cut(write_video):
    data = write_video("clip.mkv", frames=5).read_bytes()
    for other in (
        b"",
        bytes(1000),
        b"\x00",
        data + b"something else behind it",
        data + bytes(9),
        b"\x1a\x45\xdf\xa3\x80" + bytes(9),
    ):
        assert ends_in_the_middle(BytesIO(other)) is False
    assert ends_in_the_middle(BytesIO(data[:-1])) is True
    assert ends_in_the_middle(BytesIO(data[:3])) is True


def test_many_parts_that_hold_nothing_take_no_time(monkeypatch):
    monkeypatch.setattr(matroska, "_MOST_PARTS", 1000)
    empty = BytesIO(bytes.fromhex("ec80") * 5000 + b"\xec")
    assert ends_in_the_middle(empty) is False
    monkeypatch.setattr(matroska, "_MOST_PARTS", 6000)
    assert ends_in_the_middle(empty) is True


@pytest.mark.parametrize("name", ["clip.mp4", "clip.ts"])
def test_decoding_goes_on_after_damage(write_video, name):
    path = damage(write_video(name, frames=40, picture=noise, group=5), 0.5)
    with open_video(path) as video:
        frames = list(video)
    assert video.broken >= 1
    assert 30 <= len(frames) <= 40
    assert frames[-1].time_s == pytest.approx(39 / 25, abs=0.05)


def test_an_undamaged_file_has_nothing_broken(write_video):
    with open_video(write_video(frames=40, picture=noise)) as video:
        assert len(list(video)) == 40
    assert video.broken == 0


@pytest.mark.parametrize(
    "name",
    [
        "http://127.0.0.1:{port}/a.mp4",
        "rtsp://127.0.0.1:{port}/a",
        "tcp://127.0.0.1:{port}",
        "https://127.0.0.1:{port}/",
    ],
)
def test_addresses_are_not_opened(name):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = name.format(port=server.getsockname()[1])
        with pytest.raises(UnreadableMediaError, match=f"{re.escape(address[:4])}.*does not exist.*Addresses are not"):
            open_video(address)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("prefix", ["concat:", "file:", "subfile,,start,0,end,0,,:", "pipe:", "cache:"])
def test_protocols_are_file_names(write_video, prefix):
    path = write_video(frames=2)
    with pytest.raises(UnreadableMediaError, match="does not exist"):
        open_video(f"{prefix}{path}")


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{clip}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {clip}\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>',
    ],
)
@pytest.mark.parametrize("name", ["list.mp4", "list.m3u8", "list.ffconcat", "list.sdp"])
def test_what_refers_to_other_files_is_refused(write_video, tmp_path, text, name):
    clip = write_video("clip.ts", frames=2)
    path = tmp_path / name
    path.write_text(text.format(clip=clip.name))
    with pytest.raises(UnreadableMediaError, match=re.escape(name)):
        open_video(path)


def test_frames_that_are_too_large(write_video, monkeypatch):
    path = write_video(frames=2)
    monkeypatch.setattr(container, "MAX_FRAME_PIXELS", 64 * 48 - 1)
    with pytest.raises(UnreadableMediaError, match="64 x 48 pixels a frame"):
        open_video(path)
    monkeypatch.setattr(container, "MAX_FRAME_PIXELS", 64 * 48)
    with open_video(path) as video:
        assert len(list(video)) == 2


def test_frames_that_grow_too_large_are_broken(write_video, tmp_path, monkeypatch):
    parts = [write_video("a.ts", frames=3), write_video("b.ts", frames=3, size=(640, 480))]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    monkeypatch.setattr(container, "MAX_FRAME_PIXELS", 200 * 200)
    with open_video(joined) as video:
        assert {frame.pixels.shape for frame in video} == {(48, 64, 3)}
    assert video.broken


def test_no_file_stays_open(write_video):
    path = write_video(frames=3)
    handles = Path("/proc/self/fd")
    if not handles.exists():
        pytest.skip("the list of open files is that of Linux")
    before = len(list(handles.iterdir()))
    for _ in range(5):
        with open_video(path) as video:
            list(video)
        with pytest.raises(UnreadableMediaError):
            open_video(path.parent)
    del video
    assert len(list(handles.iterdir())) <= before + 1
