"""Videos written: their frames and times, their sound, and how they end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core.errors import InputError, UnreadableMediaError
from mien.inference.media.video import writer
from mien.inference.media.video.reader import open_video
from mien.inference.media.video.writer import VideoWriter


def picture(value: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def hear(path: Path) -> tuple[str, np.ndarray, int]:
    """Return the codec, the samples (float) and the rate of a file's sound, silence before its start included."""
    import av

    with av.open(str(path)) as opened:
        stream = opened.streams.audio[0]
        frames = list(opened.decode(stream))
        rate = stream.codec_context.sample_rate
        samples = np.concatenate([frame.to_ndarray().mean(axis=0).astype(float) for frame in frames])
        if np.abs(samples).max() > 2:
            samples /= 32768
        silence = np.zeros(max(0, round(frames[0].time * rate)))
        return stream.codec_context.codec.canonical_name, np.concatenate([silence, samples]), rate


def find_pitch(samples: np.ndarray, rate: int, at_s: float) -> float:
    """Return the loudest frequency in 0.1 s around a moment."""
    part = samples[int((at_s - 0.05) * rate) : int((at_s + 0.05) * rate)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 15))
    return float(spectrum.argmax() * rate / (1 << 15))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".MP4"])
def test_frames_keep_their_true_times(tmp_path, suffix):
    times = [0.0, 0.04, 0.3, 0.34, 1.5]
    path = tmp_path / f"out{suffix}"
    with VideoWriter.create(path) as out:
        for number, time_s in enumerate(times):
            out.write(picture(number * 50), time_s)
        assert not path.exists()
    assert out.count == 5
    with open_video(path) as video:
        frames = list(video)
    assert [frame.time_s for frame in frames] == pytest.approx(times, abs=1e-3)
    assert [frame.pixels.mean() for frame in frames] == pytest.approx([0, 50, 100, 150, 200], abs=4)
    assert list(tmp_path.iterdir()) == [path]


def test_is_h264_that_streams_and_names_its_colors(tmp_path):
    import av

    path = tmp_path / "out.mp4"
    with VideoWriter.create(path) as out:
        red = picture(0)
        red[..., 0] = 255
        out.write(red, 0.0)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(path)) as opened:
        stream = opened.streams.video[0]
        assert (stream.codec_context.codec.canonical_name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.codec_context.colorspace, stream.codec_context.color_range) == (1, 1)
    with open_video(path) as video:
        assert np.abs(next(video).pixels.mean(axis=(0, 1)) - (255, 0, 0)).max() < 6


def test_without_h264_it_is_mpeg4(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "_choose_encoder", lambda: ("mpeg4", {}))
    with VideoWriter.create(tmp_path / "out.mp4") as out:
        out.write(picture(90), 0.0)
        out.write(picture(90), 0.5)
    with open_video(tmp_path / "out.mp4") as video:
        assert [frame.time_s for frame in video] == pytest.approx([0, 0.5])


def test_odd_sides_grow_by_a_pixel(tmp_path):
    with VideoWriter.create(tmp_path / "out.mp4") as out:
        out.write(picture(90, 47, 63), 0.0)
    with open_video(tmp_path / "out.mp4") as video:
        pixels = next(video).pixels
    assert pixels.shape == (48, 64, 3)
    assert pixels.min() > 80


def test_other_sizes_are_fitted_on_black(tmp_path):
    with VideoWriter.create(tmp_path / "out.mp4") as out:
        out.write(picture(200), 0.0)
        out.write(picture(200, 96, 64), 0.1)
    with open_video(tmp_path / "out.mp4") as video:
        first, second = video
    assert first.pixels.min() > 190
    assert second.pixels.shape == (48, 64, 3)
    assert second.pixels[:, 28:36].min() > 180
    assert second.pixels[:, :12].max() < 20
    assert second.pixels[:, -12:].max() < 20


@pytest.mark.parametrize(
    ("name", "codec", "suffix", "expected"),
    [
        ("in.mp4", "aac", ".mp4", "aac"),
        ("in.ts", "aac", ".mp4", "aac"),
        ("in.mkv", "aac", ".mkv", "aac"),
        ("in.mkv", "pcm_s16le", ".mp4", "aac"),
        ("in.mkv", "pcm_s16le", ".mkv", "pcm_s16le"),
        ("in.mkv", "flac", ".mov", "aac"),
    ],
)
@pytest.mark.parametrize(("start_s", "offset_s"), [(0.0, 0.0), (0.8, 0.0), (0.4, 3.0)])
def test_sound_is_kept_in_step(write_video, tmp_path, name, codec, suffix, expected, start_s, offset_s):
    if offset_s and name == "in.mp4":
        pytest.skip("mp4 says in an edit list that its stream begins late")
    source = write_video(name, frames=50, audio=codec, audio_s=3.0, offset_s=offset_s)
    path = tmp_path / f"out{suffix}"
    with VideoWriter.create(path, audio_from=source, start_s=start_s) as out:
        for number in range(25):
            out.write(picture(number), start_s + number / 25)
    kind, samples, rate = hear(path)
    assert kind == expected
    assert len(samples) / rate == pytest.approx(1.0, abs=0.15)  # it ends with the last frame
    # The tone rises by 400 Hz a second: a shift of 30 ms would be 12 Hz.
    assert find_pitch(samples, rate, 0.5) == pytest.approx(200 + 400 * (0.5 + start_s), abs=12)
    with open_video(path) as video:
        assert [frame.time_s for frame in video] == pytest.approx([number / 25 for number in range(25)], abs=2e-3)


def test_sound_ends_at_the_end(write_video, tmp_path):
    source = write_video(frames=50, audio="aac")
    with VideoWriter.create(tmp_path / "out.mp4", audio_from=source, start_s=0.4, end_s=1.0) as out:
        for number in range(40):
            out.write(picture(number), 0.4 + number / 25)
    _, samples, rate = hear(tmp_path / "out.mp4")
    assert len(samples) / rate == pytest.approx(0.6, abs=0.15)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize(
    ("codec", "offsets_s"), [("aac", (0, 0, 0)), ("mp2", (0, 0, 0)), ("aac", (0, 1, 2)), ("mp2", (5, 0, 0))]
)
def test_sound_of_recordings_that_were_put_together_goes_on(write_video, tmp_path, codec, offsets_s, suffix):
    """Of each the stamps begin anew, or go on and overlap by the padding of its last packet."""
    import av

    joined = tmp_path / "joined.ts"
    with joined.open("wb") as file:
        for offset_s in offsets_s:
            part = write_video("part.ts", frames=25, audio=codec, audio_s=1.02, offset_s=offset_s)
            file.write(part.read_bytes())
    target = tmp_path / f"out{suffix}"
    with open_video(joined) as video, VideoWriter.create(target, audio_from=joined) as out:
        for frame in video:
            out.write(frame.pixels, frame.time_s)
    assert out.count == 75
    with av.open(str(target)) as written:
        times = [frame.time for frame in written.decode(audio=0)]
    assert times == sorted(times)
    assert np.diff(times).max() < 0.15, "no silence within"
    assert times[-1] == pytest.approx(3.0, abs=0.15)


def test_sound_that_cannot_be_written_costs_no_pictures(write_video, tmp_path, monkeypatch):
    import av

    def fail(*_):
        raise av.error.InvalidDataError(1, "damaged", "x")

    clip, target = write_video("clip.ts", frames=10, audio="mp2"), tmp_path / "out.mp4"
    monkeypatch.setattr("mien.inference.media.video.sound.track.Track._encode", fail)
    with open_video(clip) as video, VideoWriter.create(target, audio_from=clip) as out:
        for frame in video:
            out.write(frame.pixels, frame.time_s)
    assert out.broken
    with open_video(target) as video:
        assert len(list(video)) == 10


def test_what_the_encoder_refuses_is_an_error_of_ours_and_leaves_nothing(tmp_path):
    target = tmp_path / "wide.mp4"
    with (
        pytest.raises(InputError, match=r"can't write .*wide\.mp4: .* Scale the frames down"),
        VideoWriter.create(target) as out,
    ):
        out.write(np.zeros((4, 20000, 3), np.uint8), 0.0)
    assert list(tmp_path.iterdir()) == []


def test_a_source_without_sound(write_video, tmp_path):
    with VideoWriter.create(tmp_path / "out.mp4", audio_from=write_video(frames=2)) as out:
        out.write(picture(1), 0.0)
    with open_video(tmp_path / "out.mp4") as video:
        assert not video.has_audio


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_was_written_is_kept_after_an_error(write_video, tmp_path, error):
    source = write_video(frames=50, audio="aac")

    def fail() -> None:
        with VideoWriter.create(tmp_path / "out.mp4", audio_from=source) as out:
            for number in range(10):
                out.write(picture(number), number / 25)
            raise error

    with pytest.raises(error):
        fail()
    with open_video(tmp_path / "out.mp4") as video:
        assert len(list(video)) == 10
    _, samples, rate = hear(tmp_path / "out.mp4")
    assert len(samples) / rate == pytest.approx(0.4, abs=0.15)


def test_without_a_frame_there_is_no_file(tmp_path):
    with VideoWriter.create(tmp_path / "out.mp4"):
        pass
    out = VideoWriter.create(tmp_path / "out.mp4")
    with pytest.raises(InputError, match="shape"):
        out.write(np.zeros((4, 4), np.uint8), 0.0)
    out.close()
    assert not list(tmp_path.iterdir())


def test_a_video_that_is_there_is_replaced_in_the_end(tmp_path):
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    with VideoWriter.create(path) as out:
        out.write(picture(1), 0.0)
        assert path.read_bytes() == b"old"
    assert path.read_bytes() != b"old"


def test_the_video_that_is_read_is_not_overwritten(write_video, tmp_path):
    source = write_video(frames=2)
    (tmp_path / "other.mp4").hardlink_to(source)
    for name in ("clip.mp4", "other.mp4"):
        with pytest.raises(InputError, match="it is the video that is read"):
            VideoWriter.create(tmp_path / name, audio_from=source)


@pytest.mark.parametrize("name", ["out.avi", "out", "out.gif", "out.webm"])
def test_other_kinds_are_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"written as \.mp4, \.mov, \.mkv"):
        VideoWriter.create(tmp_path / name)


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="can't write"):
        VideoWriter.create(tmp_path / "file" / "out.mp4")
    with pytest.raises(UnreadableMediaError, match="does not exist"):
        VideoWriter.create(tmp_path / "out.mp4", audio_from=tmp_path / "gone.mp4")
    with pytest.raises(InputError, match="null byte"):
        VideoWriter.create("a\0.mp4")
    with pytest.raises(InputError, match="null byte"):
        VideoWriter.create(tmp_path / "out.mp4", audio_from="a\0.mp4")


@pytest.mark.parametrize("time_s", [float("nan"), -1.0, 1e15, "0"])
def test_times_that_cannot_be(tmp_path, time_s):
    with VideoWriter.create(tmp_path / "out.mp4") as out, pytest.raises(InputError, match="time"):
        out.write(picture(1), time_s)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_gap_that_a_file_cannot_hold_costs_one_frame(tmp_path, suffix):
    """H.264 puts up to four frames into another order, and .mp4 has 31 bits for the ticks between them."""
    path = tmp_path / f"out{suffix}"
    times = [4.0, 4000.0, 8000.0, 12_000.0, 16_000.0, 20_000.0]
    with VideoWriter.create(path, start_s=4.0) as out:
        for time_s in times:
            out.write(picture(1), time_s)
        if suffix == ".mp4":
            with pytest.raises(InputError, match=r"got a frame at 1e\+06 s, .*after one at 8000 s\. Write \.mkv"):
                out.write(picture(2), 1e6)
        else:
            times.append(1e6)
            out.write(picture(2), 1e6)
    with open_video(path) as video:
        assert [frame.time_s for frame in video] == pytest.approx([time_s - 4 for time_s in times], abs=2e-3)


def test_an_end_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    import av

    def refuse(*_: object) -> None:
        raise av.error.PatchWelcomeError(-1, "Not yet implemented")

    monkeypatch.setattr(VideoWriter, "_finish", refuse)
    out = VideoWriter.create(tmp_path / "out.mp4")
    out.write(picture(1), 0.0)
    with pytest.raises(InputError, match=r"can't write .*: Not yet implemented"):
        out.close()
    assert not list(tmp_path.iterdir())


def test_a_finished_video_takes_no_more(tmp_path):
    out = VideoWriter.create(tmp_path / "out.mp4")
    out.write(picture(1), 0.0)
    out.close()
    out.close()
    with pytest.raises(InputError, match="finished"):
        out.write(picture(1), 1.0)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_full_disk(tmp_path, suffix):
    resource = pytest.importorskip("resource", reason="limits of a process are those of Unix")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    random = np.random.default_rng(0)

    def fill() -> None:
        with VideoWriter.create(tmp_path / f"out{suffix}") as out:
            for number in range(200):
                out.write(random.integers(0, 256, (96, 128, 3), np.uint8), number / 25)

    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(InputError, match=r"can't write .*out.*Make room there"):
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())
