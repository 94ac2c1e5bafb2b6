"""Videos without a path: bytes and open files give what the file gives, and the same errors under another name."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import InputError, UnreadableMediaError
from mien.inference.media.video.reader import open_video


def noise(number: int, width: int, height: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)


def play(source, **settings):
    with open_video(source, **settings) as video:
        return [(frame.index, frame.time_s, frame.pixels.tobytes()) for frame in video]


FORMS = {
    "bytes": lambda path: path.read_bytes(),
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "BytesIO": lambda path: io.BytesIO(path.read_bytes()),
    "open file": lambda path: path.open("rb"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("settings", [{}, {"start_s": 0.5}, {"every": 3}])
def test_gives_the_frames_that_the_file_gives(write_video, form, settings):
    path = write_video(frames=20, group=6)
    assert play(FORMS[form](path), **settings) == play(path, **settings) != []


def test_an_index_at_the_end_is_found(write_video):
    path = write_video(frames=10, picture=noise)
    assert path.read_bytes().index(b"mdat") < path.read_bytes().index(b"moov")
    assert len(play(path.read_bytes())) == 10


def test_a_file_of_the_caller_stays_open_and_may_stand_anywhere(write_video):
    with write_video(frames=5).open("rb") as file:
        file.seek(100)
        assert len(play(file)) == 5
        assert not file.closed
        assert len(play(file)) == 5


def test_is_called_the_video(write_video):
    with open_video(write_video().read_bytes()) as video:
        assert video.source == "the video"


@pytest.mark.parametrize("form", ["bytes", "BytesIO", "open file"])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Path.touch, r"^the video is empty \(0 bytes\)"),
        (lambda path: path.write_text("hello\n" * 100), "^the video is not a video that mien can read"),
        (lambda path: path.write_text("#EXTM3U\nfile:///etc/passwd\n"), "^the video is (a playlist|not a video)"),
        (lambda path: Image.new("RGB", (8, 8)).save(path, "PNG"), r"^the video is a picture \(PNG\)"),
    ],
)
def test_what_is_no_video(tmp_path, make, reason, form):
    path = tmp_path / "clip.mp4"
    make(path)
    with pytest.raises(UnreadableMediaError, match=reason) as caught:
        open_video(FORMS[form](path))
    assert str(tmp_path) not in str(caught.value)


def test_a_file_that_is_open_for_text(write_video):
    with (
        write_video(frames=2).open(encoding="latin-1") as file,
        pytest.raises(UnreadableMediaError, match=r"^the video is a file that is open for text\. Open it as open\("),
    ):
        open_video(file)


def test_sound_alone(write_video, tmp_path):
    import av

    source = write_video(audio="aac")
    with av.open(str(source)) as opened, av.open(str(tmp_path / "sound.m4a"), "w") as output:
        stream = output.add_stream_from_template(opened.streams.audio[0])
        for packet in opened.demux(opened.streams.audio[0]):
            if packet.pts is not None:
                packet.stream = stream
                output.mux(packet)
    with pytest.raises(UnreadableMediaError, match=r"^the video holds only sound"):
        open_video((tmp_path / "sound.m4a").read_bytes())


def test_cut_off(write_video):
    path = write_video(frames=40, picture=noise, group=5, container={"movflags": "faststart"})
    half = path.read_bytes()[: path.stat().st_size // 2]
    frames = []
    with open_video(half) as video, pytest.raises(UnreadableMediaError, match=r"^the video is cut short"):
        frames.extend(video)
    assert 15 <= len(frames) <= 23
    behind = write_video("behind.mp4", picture=noise).read_bytes()  # its index comes last
    with pytest.raises(UnreadableMediaError, match="index is missing"):
        open_video(behind[: len(behind) // 2])


def test_decoding_goes_on_after_damage(write_video):
    data = bytearray(write_video(frames=40, picture=noise, group=5).read_bytes())
    at = len(data) // 2
    data[at : at + 120] = np.random.default_rng(3).bytes(120)
    with open_video(data) as video:
        assert 30 <= len(list(video)) <= 40
        assert video.broken >= 1


def test_a_file_that_has_no_places_is_refused():
    reader, writer = os.pipe()
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe, pytest.raises(UnreadableMediaError, match="pass its bytes"):
        open_video(pipe)


def test_what_is_neither_is_refused():
    with pytest.raises(InputError, match="a path, a camera such as 'camera:0', or the bytes of a file, got int"):
        open_video(7)  # type: ignore[arg-type]
