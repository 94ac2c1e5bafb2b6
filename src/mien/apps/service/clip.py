"""A clip that a client sent, read from its first frame to its last or to a limit, as rows of plain JSON types."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import ceil
from threading import Timer
from typing import Any, Final

from mien.core.errors import UnreadableMediaError
from mien.inference.insights.collector import Insights
from mien.inference.insights.group import GroupSettings
from mien.inference.insights.settings import InsightSettings
from mien.inference.media.video.frames import Frame
from mien.inference.media.video.reader import Video, open_video
from mien.inference.pipeline import STEADY, Pipeline
from mien.inference.recognizer import Recognizer

Row = dict[str, Any]

_SLACK_S: Final = 1e-3
"""By how much a video may be longer than its limit: times are rounded."""


@dataclass(frozen=True, slots=True)
class ClipLimits:
    """How much of a clip is read.

    Attributes:
        seconds: From the start that was asked for.
        frames: That are looked at.
        pixels: Of one frame.
        work_s: How long the reading may take. Frames that are passed over are decoded, and a small file can hold
            hundreds of thousands of them.
    """

    seconds: float
    frames: int
    pixels: int
    work_s: float = 120.0


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """What a client wants to know of a clip.

    Attributes:
        start_s: Where to begin.
        end_s: Where to end; None: at the clip's end.
        every_s: One frame in so many seconds; None: all.
        max_fps: Frames a second at most; None: all.
        is_smooth: Whether expressions are smoothed over time.
        is_group: Whether all are told about together, and nobody alone.
    """

    start_s: float = 0.0
    end_s: float | None = None
    every_s: float | None = None
    max_fps: float | None = None
    is_smooth: bool = True
    is_group: bool = False


class Clip:
    """An open clip; `read` may be called once, and `close` at any time from any thread."""

    def __init__(self, content: bytes, request: ClipRequest, limits: ClipLimits) -> None:
        """Open it, and decode its first frame.

        Args:
            content: The bytes of a video file. They are held until `close`.
            request: What is asked for.
            limits: How much is read at most.

        Raises:
            InputError: If the request can't be, or its start lies behind the clip's end.
            UnreadableMediaError: If it is no video, damaged from its beginning, or its frames are too large.
        """
        self._request = request
        self._limits = limits
        self._limit_s = request.start_s + limits.seconds
        self._is_shortened = request.end_s is None or request.end_s > self._limit_s
        self._end_s = self._limit_s if self._is_shortened else request.end_s
        self._video: Video = open_video(
            content, start_s=request.start_s, end_s=self._end_s, every_s=request.every_s, max_fps=request.max_fps
        )
        self._note: str | None = None
        self._last_s: float | None = None
        try:
            self._check_size(self._video.width, self._video.height)
        except BaseException:
            self.close()
            raise

    def read(self, recognizer: Recognizer, on_frame: Callable[[int], None] | None = None) -> Generator[Row, None, None]:
        """Yield a row for each frame, or each bin of a group, and one at the end.

        Args:
            recognizer: Reads single frames.
            on_frame: Is told of each frame how many faces are on it.

        Raises:
            InputError: Where the clip breaks off, after the rows so far.
            ModelError: If a model fails.
        """
        request = self._request
        step_s = max(request.every_s or 0.0, 1.0 / request.max_fps if request.max_fps else 0.0)
        rate_s = 1.0 / self._video.frame_rate if self._video.frame_rate else 0.0
        settings = InsightSettings(longest_step_s=max(1.0, 1.5 * step_s, 1.5 * rate_s))
        group = GroupSettings(max_bins=_count_bins(self._limits.seconds)) if request.is_group else None
        collected = Insights(settings, group=group)
        pipeline = Pipeline(recognizer, smoothing=STEADY if request.is_smooth else None, workers=1)
        bins = _Bins(collected, GroupSettings().bin_s)
        with self._clocked(), closing(self._video), closing(pipeline.look(self._limited())) as looks:
            for look in looks:
                moment = look.moment
                collected.add(moment)
                if on_frame is not None:
                    on_frame(len(moment.sightings))
                if request.is_group:
                    yield from bins.take_until(moment.time_s)
                else:
                    yield {"type": "moment", **moment.to_dict()}
        if request.is_group:
            yield from bins.take_rest(self._find_end_s())
        yield self._end(collected)

    def close(self) -> None:
        """End the reading at once; may be called again. Waits for the frame that is being decoded."""
        self._video.close()

    @contextmanager
    def _clocked(self) -> Iterator[None]:
        """End the reading from another thread where it takes too long: nothing else can while no frame comes."""
        timer = Timer(self._limits.work_s, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        self._note = f"the reading took longer than {self._limits.work_s:g} s and was ended; send a shorter video"
        self.close()

    def _limited(self) -> Iterator[Frame]:
        """Yield the frames within the limits."""
        for count, frame in enumerate(self._video):
            if count == self._limits.frames:
                self._note = f"only the first {count:,} frames were read; ask for fewer a second by max_fps or every_s"
                return
            self._check_size(frame.pixels.shape[1], frame.pixels.shape[0])
            self._last_s = frame.time_s
            yield frame

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self._limits.pixels:
            limit = f"this service reads up to {self._limits.pixels / 1e6:g} million"
            raise UnreadableMediaError(f"the video has {width} x {height} pixels a frame; {limit}. Save it smaller.")

    def _find_end_s(self) -> float | None:
        known = [time_s for time_s in (self._video.duration_s, self._end_s) if time_s is not None]
        return min(known) if known else None

    def _end(self, collected: Insights) -> Row:
        shown = collected.summarize(self._find_end_s())
        is_group = shown.group is not None
        note = self._note or self._tell_cut() or self._tell_damage()
        return {
            "type": "end",
            "frames": shown.frames,
            "frames_with_faces": shown.frames_with_faces,
            "persons": None if is_group else len(shown.persons),
            "is_complete": note is None,
            "note": note if note or shown.frames else "no frame of the video lies between the start and the end",
        }

    def _tell_cut(self) -> str | None:
        """Say that the clip is longer than what is read of it, if it is."""
        if not self._is_shortened:
            return None
        duration_s, rate = self._video.duration_s, self._video.frame_rate
        if duration_s is None:  # nobody knows; it reached the limit, or it didn't
            step_s = 1.5 * (1.0 / rate if rate else 0.1)
            is_longer = self._last_s is not None and self._last_s + step_s > self._limit_s
        else:
            is_longer = duration_s > self._limit_s + _SLACK_S
        if not is_longer:
            return None
        return f"only {self._limits.seconds:g} s were read, up to {self._limit_s:g} s; ask for the rest by start_s"

    def _tell_damage(self) -> str | None:
        broken = self._video.broken
        return f"{broken:,} parts of the video are damaged and were passed over" if broken else None


class _Bins:
    """Hands on each bin of a group once, when it is over."""

    def __init__(self, collected: Insights, bin_s: float) -> None:
        self._collected = collected
        self._bin_s = bin_s
        self._due_s: float | None = None
        self._told = 0

    def take_until(self, time_s: float) -> list[Row]:
        """Return the bins that are over at the time of the frame that was added last."""
        if self._due_s is None:
            self._due_s = time_s + self._bin_s
        if time_s < self._due_s:
            return []
        rows = self._take(time_s, time_s)
        self._due_s += self._bin_s * len(rows)
        return rows

    def take_rest(self, end_s: float | None) -> list[Row]:
        """Return the bins that the last frame, which lasts for a while, brings to their end."""
        return self._take(end_s, None)

    def _take(self, end_s: float | None, until_s: float | None) -> list[Row]:
        group = self._collected.summarize(end_s).group
        assert group is not None
        new = [one for one in group.bins[self._told :] if until_s is None or one.end_s <= until_s + _SLACK_S]
        self._told += len(new)
        return [{"type": "group", **one.to_dict()} for one in new]


def _count_bins(seconds: float) -> int:
    """Return a number of bins that is never reached, so that none are merged after one was told."""
    return 2 * (ceil(seconds / GroupSettings().bin_s) // 2 + 2)
