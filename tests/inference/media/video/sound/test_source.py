"""The sound of odd files beside new pictures: in step, or left out, and never in their way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import video_files

from mien.inference.media.video.reader import open_video
from mien.inference.media.video.sound.track import _MOST_REFUSED, Track
from mien.inference.media.video.writer import VideoWriter


def copy(source: Path, target: Path, start_s: float = 0.0) -> VideoWriter:
    with open_video(source, start_s=start_s) as video:
        out = VideoWriter.create(target, audio_from=source, start_s=start_s)
        with out:
            for frame in video:
                out.write(frame.pixels, frame.time_s)
    assert [path.name for path in target.parent.iterdir() if "partial" in path.name] == []
    return out


def hear(path: Path) -> tuple[np.ndarray, int]:
    """Return the samples of a file's sound, each at its time and silence where there is none, and their rate."""
    import av

    with av.open(str(path)) as opened:
        rate = opened.streams.audio[0].codec_context.sample_rate
        samples = np.zeros(60 * rate)
        for frame in opened.decode(audio=0):
            part = frame.to_ndarray().mean(axis=0).astype(float)
            begin = round(frame.time * rate)
            samples[begin : begin + len(part)] = part
    return samples, rate


def find_pitch(samples: np.ndarray, rate: int, at_s: float) -> float:
    """Return the loudest frequency in 0.1 s around a moment."""
    part = samples[int((at_s - 0.05) * rate) : int((at_s + 0.05) * rate)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 15))
    return float(spectrum.argmax() * rate / (1 << 15))


@pytest.fixture
def join(write_video, tmp_path) -> Callable[..., Path]:
    """Put recordings together that have more sound than pictures; each one's tone rises from 200 Hz on."""

    def put_together(codec: str, *offsets_s: float) -> Path:
        parts = [
            write_video(f"{number}.ts", frames=40, audio=codec, audio_s=1.9, offset_s=offset_s).read_bytes()
            for number, offset_s in enumerate(offsets_s)
        ]
        joined = tmp_path / "joined.ts"
        joined.write_bytes(b"".join(parts))
        return joined

    return put_together


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("codec", ["aac", "mp2"])
@pytest.mark.parametrize("start_s", [0.0, 2.0])
def test_recordings_that_were_put_together_stay_in_step(join, tmp_path, codec, suffix, start_s):
    source, target = join(codec, 0.0, 0.0, 30.0, 0.0), tmp_path / f"out{suffix}"
    assert copy(source, target, start_s).broken == 0
    with open_video(source) as video:
        times = [frame.time_s for frame in video]
    begins = [times[number] for number in (0, 40, 80, 120)]
    samples, rate = hear(target)
    # The tone rises by 400 Hz a second: a shift of 30 ms would be 12 Hz.
    for begin_s in begins:
        if begin_s >= start_s:
            assert find_pitch(samples, rate, begin_s - start_s + 0.8) == pytest.approx(520, abs=12)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_stamps_that_go_on_but_overlap(join, tmp_path, suffix):
    target = tmp_path / f"out{suffix}"
    assert copy(join("aac", 0.0, 1.6), target).count == 80
    samples, rate = hear(target)
    assert find_pitch(samples, rate, 1.6 + 0.8) == pytest.approx(520, abs=45)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_change_from_stereo_to_mono(join, write_video, tmp_path, suffix, monkeypatch):
    source = join("mp2", 0.0)

    def add_stereo(output, codec):
        sound = output.add_stream(codec, rate=24000)
        sound.codec_context.layout = "stereo"
        return sound

    monkeypatch.setattr(video_files, "_add_sound", add_stereo)
    source.write_bytes(source.read_bytes() + write_video("other.ts", frames=40, audio="mp2").read_bytes())
    target = tmp_path / f"out{suffix}"
    assert copy(source, target).count == 80
    if suffix == ".mp4":  # .mkv holds the packets as they are, and what plays them sees the change
        samples, rate = hear(target)
        assert find_pitch(samples, rate, 1.6 + 0.8) == pytest.approx(520, abs=12)


def test_damage_never_costs_the_pictures(write_video, tmp_path):
    from mien.core.errors import UnreadableMediaError

    source = write_video("clip.mkv", frames=25, audio="aac", size=(32, 32))
    whole = source.read_bytes()
    for seed in range(40):
        data, random = bytearray(whole), np.random.default_rng(seed)
        for at in random.integers(1000, len(data), 12):
            data[at] = random.integers(256)
        source.write_bytes(data)
        target = tmp_path / "out.mp4"
        try:
            video = open_video(source)
        except UnreadableMediaError:
            continue
        with video, VideoWriter.create(target, audio_from=source) as out:
            try:
                for frame in video:
                    out.write(frame.pixels, frame.time_s)
            except UnreadableMediaError:
                pass  # of the reader's
        with open_video(target) as video:
            assert len(list(video)) == out.count, seed


class Output:
    """A file that refuses some packets."""

    def __init__(self, refused: Callable[[int], Exception | None]) -> None:
        self.refused = refused
        self.calls: list[int] = []

    def add_stream_from_template(self, source: object) -> object:
        return source

    def mux_one(self, packet: SimpleNamespace) -> None:
        self.calls.append(packet.pts)
        error = self.refused(packet.pts)
        if error is not None:
            raise error


def write(refused: Callable[[int], Exception | None], packets: int) -> tuple[Track, Output]:
    codec = SimpleNamespace(canonical_name="aac")
    output = Output(refused)
    track = Track(output, ".mp4", SimpleNamespace(codec_context=SimpleNamespace(codec=codec)))
    for number in range(packets):
        track.write(SimpleNamespace(pts=number, stream=None))
    track.finish()
    return track, output


def test_a_packet_that_is_refused_is_left_out():
    import av

    track, output = write(lambda number: av.error.InvalidDataError(1, "") if number % 2 else None, 900)
    assert track.broken == 450
    assert len(output.calls) == 900
    track, output = write(lambda number: av.error.ArgumentError(22, "") if number > 10 else None, 900)
    assert track.broken == _MOST_REFUSED
    assert len(output.calls) == 11 + _MOST_REFUSED


def test_a_full_disk_is_no_matter_of_the_sound():
    import av

    with pytest.raises(OSError, match="full"):
        write(lambda _: av.error.OSError(28, "full"), 1)
