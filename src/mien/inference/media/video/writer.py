"""Video written: H.264 that plays everywhere, each frame at its true time, with the sound of the video it came from."""

from __future__ import annotations

import os
from collections import deque
from contextlib import ExitStack, suppress
from fractions import Fraction
from math import isfinite
from numbers import Real
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

import numpy as np

from mien.core.atomic import atomic_file, check_new_file
from mien.core.errors import InputError, MienError
from mien.inference.media.pictures import RGB
from mien.inference.media.video.library import av_errors, load_av
from mien.inference.media.video.sound.source import Sound, open_sound

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_KINDS: Final = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""Suffixes, and FFmpeg's names for the files."""

_TICKS: Final = 60_000
"""Time stamps a second: common rates fit to the microseconds, and MPEG-4 allows no more than 65535."""

_MAX_TIME_S: Final = 1e9
"""Thirty years; much later ones fit into no stamp."""

_MAX_SPAN_S: Final = {"mp4": 17_000.0, "mov": 17_000.0, "matroska": _MAX_TIME_S}
"""Of the few frames that H.264 may put into another order: MPEG-4 counts the ticks between them in 31 bits, twice."""

_REORDERED: Final = 4
"""How many frames that are."""

_FIRST_INTERVAL_S: Final = 1 / 25
"""How long a frame is shown that is the only one."""

_BT709: Final = 1
"""The colors of a file, as FFmpeg numbers them, so that players need not guess."""


class VideoWriter:
    """Writes one video; a context manager.

    The file appears at its place when the block ends, however it ends: after an error or Ctrl-C it holds what was
    written so far. Without a single frame there is no file. H.264 if PyAV has an encoder for it (its wheels do), else
    MPEG-4.

    Attributes:
        path: Of the video.
        count: Frames that were written.
    """

    def __init__(self, path: Path, sound: Sound | None, start_s: float, end_s: float | None) -> None:
        """Take what `create` has checked."""
        self.path = path
        self.count = 0
        self._sound = sound
        self._start_s = start_s
        self._end_s = end_s
        self._stack = ExitStack()
        self._output: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._last = -1
        self._recent_s: deque[float] = deque([start_s], _REORDERED)
        self._interval_s = _FIRST_INTERVAL_S
        self._reformatter: Any = None
        self._is_closed = False

    @property
    def has_sound(self) -> bool:
        """Whether there is a sound track in it; there is none if `audio_from` holds none that can be read."""
        return self._sound is not None

    @property
    def broken(self) -> int:
        """Parts of the sound that could not be decoded or written and were left out, so far."""
        return 0 if self._sound is None else self._sound.broken

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        *,
        audio_from: str | os.PathLike[str] | None = None,
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> VideoWriter:
        """Prepare a new video; nothing is written before its first frame.

        Args:
            path: Where it goes: .mp4, .mov or .mkv. A video that is there is replaced in the end.
            audio_from: A video whose sound is taken, or None. It is cut where the last frame ends.
            start_s: The moment of that video, in seconds, that becomes 0.
            end_s: The moment at which its sound ends at the latest.

        Raises:
            InputError: If the suffix is another, the file can't be written, or it is `audio_from` itself.
            UnreadableMediaError: If `audio_from` can't be opened.
            MissingExtraError: If PyAV is not installed.
        """
        target = Path(path)
        if target.suffix.lower() not in _KINDS:
            raise InputError(f"can't write {target}: videos are written as {', '.join(_KINDS)}. Name it like that.")
        load_av()
        check_new_file(target)
        if audio_from is None:
            return cls(target, None, start_s, end_s)
        source = Path(audio_from)
        if target.exists() and source.exists() and target.samefile(source):
            raise InputError(f"can't write {target}: it is the video that is read. Name another file.")
        return cls(target, open_sound(source, start_s), start_s, end_s)

    def write(self, pixels: RGB, time_s: float) -> None:
        """Write the next frame.

        Args:
            pixels: (H, W, 3) uint8 RGB. The first one sets the video's size (an odd side grows by one pixel); others
                are scaled to fit into it, on black.
            time_s: When it is shown, on the clock of `start_s`. One that is not later than the frame before is shown
                right after it.

        Raises:
            InputError: If the array or the time can't be, or the file can hold no such gap: the frame is left out. If
                the disk is full, or the encoder takes no frames of this size: the video is given up.
        """
        if self._is_closed:
            raise InputError(f"{self.path} is finished; no frame can be added.")
        _check(pixels, time_s)
        self._check_gap(time_s)
        moment_s = max(0.0, time_s - self._start_s)
        stamp = max(round(moment_s * _TICKS), self._last + 1)
        try:
            if self._output is None:
                self._open(pixels.shape[1], pixels.shape[0])
            self._encode(pixels, stamp)
            if self._sound is not None:
                self._sound.write_until(self._limit(moment_s))
        except av_errors() as error:
            self._give_up(error)
        self._last = stamp
        self._recent_s.append(time_s)
        self.count += 1

    def close(self) -> None:
        """Finish the file and put it in its place; may be called again.

        Raises:
            InputError: If the disk is full, or what was written can't be finished; then the video is given up.
        """
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if self._output is not None and self.count:
                self._finish(self._output)
                self._stack.close()
            else:
                self._drop(None)
        except av_errors() as error:
            self._give_up(error)
        finally:
            if self._sound is not None:
                self._sound.close()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, width: int, height: int) -> None:
        av = load_av()
        partial = self._stack.enter_context(atomic_file(self.path)).absolute()
        kind = _KINDS[self.path.suffix.lower()]
        options = {} if kind == "matroska" else {"movflags": "+faststart"}
        output: OutputContainer = av.open(str(partial), "w", format=kind, options=options)
        self._output = output
        name, settings = _choose_encoder()
        stream = cast("VideoStream", output.add_stream(name, rate=Fraction(25), options=settings))
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = Fraction(1, _TICKS)
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = _BT709
        if self._sound is not None:
            self._sound.add_to(output, self.path.suffix.lower())
        self._stream = stream
        self._reformatter = av.video.reformatter.VideoReformatter()

    def _encode(self, pixels: RGB, stamp: int) -> None:
        assert self._output is not None
        assert self._stream is not None
        av = load_av()
        fitted = _fit(pixels, self._stream.width, self._stream.height)
        frame: VideoFrame = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(fitted, "rgb24"),
            format="yuv420p",
            dst_colorspace="ITU709",
            dst_color_range="MPEG",
            threads=1,
        )
        if self._last >= 0:
            self._interval_s = (stamp - self._last) / _TICKS
        frame.pts, frame.time_base = stamp, Fraction(1, _TICKS)
        frame.duration = round(self._interval_s * _TICKS)
        self._output.mux(self._stream.encode(frame))

    def _limit(self, moment_s: float) -> float:
        """Return the moment up to which there is sound."""
        return moment_s if self._end_s is None else min(moment_s, self._end_s - self._start_s)

    def _finish(self, output: OutputContainer) -> None:
        assert self._stream is not None
        output.mux(self._stream.encode(None))
        if self._sound is not None:
            self._sound.write_until(self._limit(self._last / _TICKS + self._interval_s))
            self._sound.finish()
        output.close()

    def _give_up(self, error: Exception) -> NoReturn:
        """Remove what was written, and raise an error of ours; for the system's `atomic_file` finds the words."""
        self._is_closed = True
        if self._sound is not None:
            self._sound.close()
        self._drop(error)
        if isinstance(error, OSError | MienError):
            raise error
        raise InputError(
            f"can't write {self.path}: {getattr(error, 'strerror', None) or error}. Scale the frames down, or begin "
            "another video where times leap."
        ) from error

    def _check_gap(self, time_s: float) -> None:
        """Refuse a time so long after the last few that no file of this kind can hold it."""
        if time_s - self._recent_s[0] > _MAX_SPAN_S[_KINDS[self.path.suffix.lower()]]:
            raise InputError(
                f"{self.path} can't hold gaps of so many hours: got a frame at {time_s:g} s, shortly after one at "
                f"{self._recent_s[0]:g} s. Write .mkv, or begin another video there."
            )

    def _drop(self, error: Exception | None) -> None:
        output, self._output = self._output, None
        with suppress(*av_errors()):  # the index can't be written either
            if output is not None:
                output.close()
        reason = error or InputError(f"nothing was written to {self.path}")
        self._stack.__exit__(type(reason), reason, reason.__traceback__)


def _choose_encoder() -> tuple[str, dict[str, str]]:
    """Return the name of the best encoder that PyAV has, and its settings."""
    av = load_av()
    if "libx264" in av.codecs_available:
        return "libx264", {"preset": "veryfast", "crf": "20"}
    return "mpeg4", {"qscale": "3"}


def _check(pixels: Any, time_s: float) -> None:
    wanted = "a frame has to be (H, W, 3) RGB, uint8"
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        raise InputError(f"{wanted}; got {getattr(pixels, 'dtype', type(pixels).__name__)}.")
    if pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise InputError(f"{wanted}; got shape {pixels.shape}.")
    if not isinstance(time_s, Real) or not isfinite(time_s) or not 0 <= time_s <= _MAX_TIME_S:
        raise InputError(f"a frame's time has to be a number of seconds from 0 to {_MAX_TIME_S:g}, got {time_s!r}.")


def _fit(pixels: RGB, width: int, height: int) -> RGB:
    """Return (height, width, 3): grown by a pixel at the right and the foot, or scaled and centered on black."""
    missing = height - pixels.shape[0], width - pixels.shape[1]
    if missing == (0, 0):
        return np.ascontiguousarray(pixels)
    if missing[0] in (0, 1) and missing[1] in (0, 1):
        return np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    scale = min(height / pixels.shape[0], width / pixels.shape[1])
    rows, columns = (max(1, round(side * scale)) for side in pixels.shape[:2])
    frame = load_av().VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
    top, left = (height - rows) // 2, (width - columns) // 2
    fitted = np.zeros((height, width, 3), np.uint8)
    fitted[top : top + rows, left : left + columns] = frame.to_ndarray(
        width=columns, height=rows, format="rgb24", threads=1
    )
    return fitted
