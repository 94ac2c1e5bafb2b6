"""The sound of odd files beside new pictures: in step, or left out, and never in their way."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import video_files

from mien.inference.media.video.container import open_container
from mien.inference.media.video.reader import open_video
from mien.inference.media.video.sound import source as source_room
from mien.inference.media.video.sound.track import _MOST_REFUSED, Form, Track
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

    def add_stereo(output, codec, rate):
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


@pytest.mark.parametrize("start_s", [0.0, 0.6])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_sound_of_few_samples_a_second_is_kept(write_video, tmp_path, suffix, start_s):
    """MP4 refuses MP3 below 16 kHz, and with it the whole file."""
    source, target = write_video("clip.mkv", frames=40, audio="mp3", audio_rate=8000), tmp_path / f"out{suffix}"
    assert copy(source, target, start_s).broken == 0
    samples, rate = hear(target)
    assert find_pitch(samples, rate, 1.2 - start_s) == pytest.approx(680, abs=30)


def test_the_tail_of_another_recording_is_passed_over(write_video, tmp_path):
    """What is left at the front of a recording that was cut by bytes has no picture that can be decoded."""
    options = {"x264-params": "scenecut=0:bframes=0"}
    tail = write_video("tail.ts", frames=100, audio="aac", offset_s=40.0, group=100, options=options).read_bytes()
    whole = write_video("whole.ts", frames=50, audio="aac").read_bytes()
    source, target = tmp_path / "ring.ts", tmp_path / "out.mp4"
    source.write_bytes(tail[len(tail) // 188 // 2 * 188 :] + whole)
    assert copy(source, target).count == 50
    samples, rate = hear(target)
    for at_s in (0.3, 1.0, 1.8):
        assert find_pitch(samples, rate, at_s) == pytest.approx(200 + 400 * at_s, abs=12)


@pytest.mark.parametrize("offsets_s", [(100.0, 0.0), (100.0, 0.0, 100.0), (95443.0,), (95443.0, 0.0)])
def test_stamps_that_overflow_or_seem_to(join, tmp_path, offsets_s):
    """MPEG counts to 26.5 hours, 95,443.7 s; a recording may begin anywhere on that clock."""
    source, target = join("aac", *offsets_s), tmp_path / "out.mp4"
    assert copy(source, target).broken == 0
    with open_video(source) as video:
        times = [frame.time_s for frame in video]
    assert len(times) == 40 * len(offsets_s)
    assert times[-1] == pytest.approx(1.6 * len(offsets_s) - 0.04, abs=0.2)
    samples, rate = hear(target)
    for begin_s in times[::40]:
        assert find_pitch(samples, rate, begin_s + 0.8) == pytest.approx(520, abs=16)


@pytest.mark.parametrize("source_suffix", [".mkv", ".mov", ".nut"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_long_packets_are_heard_from_the_start_on(tmp_path, source_suffix, suffix):
    import av

    source, target = tmp_path / f"long{source_suffix}", tmp_path / f"out{suffix}"
    moments = np.arange(3 * 16000) / 16000
    wave = (np.sin(2 * np.pi * (200 * moments + 200 * moments**2)) * 12000).astype(np.int16)
    with av.open(str(source), "w") as output:
        pictures, sound = output.add_stream("mpeg4", rate=25), output.add_stream("pcm_s16le", rate=16000)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sound.codec_context.layout = "mono"
        for number in range(75):
            if number % 25 == 0:  # a second in a packet
                packet = av.Packet(wave[number * 640 : (number + 25) * 640].tobytes())
                packet.stream, packet.time_base, packet.duration = sound, Fraction(1, 16000), 16000
                packet.pts = packet.dts = number * 640
                output.mux(packet)
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number, np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(pictures.encode(frame))
        output.mux(pictures.encode(None))
    copy(source, target, 1.32)
    samples, rate = hear(target)
    for at_s in (0.1, 0.5, 1.0):
        assert find_pitch(samples, rate, at_s) == pytest.approx(200 + 400 * (1.32 + at_s), abs=12)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_that_begins_late_is_kept(write_video, tmp_path, suffix):
    """Later than FFmpeg looks, so that the header tells nothing of it."""
    source = write_video("late.ts", frames=90, rate=10, audio="aac", audio_s=1.5, audio_late_s=7.0)
    target = tmp_path / f"out{suffix}"
    out = copy(source, target)
    assert (out.has_sound, out.broken) == (True, 0)
    samples, rate = hear(target)
    assert np.abs(samples[: 6 * rate]).max() < 0.01 * np.abs(samples).max()
    assert find_pitch(samples, rate, 8.0) == pytest.approx(600, abs=20)


def test_a_file_that_cannot_be_entered_is_read_from_its_beginning(write_video, tmp_path, monkeypatch):
    import av

    class Closed:
        """A file that seeks nowhere, and can't be read any more once that was tried."""

        def __init__(self, container):
            self._container, self.is_sought = container, False

        def __getattr__(self, name):
            return getattr(self._container, name)

        def __enter__(self):
            return self._container.__enter__()

        def __exit__(self, *error):
            return self._container.__exit__(*error)

        def seek(self, *_, **__):
            self.is_sought = True
            raise av.error.PermissionError(1, "seek")

        def demux(self, *streams):
            assert not self.is_sought
            return self._container.demux(*streams)

    monkeypatch.setattr(source_room, "open_container", lambda path: Closed(open_container(path)))
    target = tmp_path / "out.mp4"
    copy(write_video(frames=40, audio="aac"), target, 0.6)
    samples, rate = hear(target)
    assert find_pitch(samples, rate, 0.6) == pytest.approx(680, abs=12)


def test_damage_never_costs_the_pictures(write_video, tmp_path):
    from mien.core.errors import UnreadableMediaError

    source = write_video("clip.mkv", frames=25, audio="mp2", size=(32, 32))
    whole = source.read_bytes()
    broken = 0
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
        broken += out.broken
    assert broken, "sound was damaged, too"


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
    track = Track(
        output, ".mp4", SimpleNamespace(codec_context=SimpleNamespace(codec=codec)), Form(16000, 1, is_told=True)
    )
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
