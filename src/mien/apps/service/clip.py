"""A clip that a client sent, read from its first frame to its last or to a limit, as rows of plain JSON types."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from mien.apps.service.problems import Refusal
from mien.core.errors import UnreadableMediaError
from mien.inference.insights.collector import Insights
from mien.inference.insights.group import GroupSettings
from mien.inference.insights.settings import InsightSettings
from mien.inference.media.video.confined.bounds import Bound, Bounds, VideoBoundError
from mien.inference.media.video.confined.reader import ConfinedVideo
from mien.inference.media.video.frames import Frame
from mien.inference.media.video.sampling import Sampling
from mien.inference.pipeline import STEADY, Pipeline
from mien.inference.recognizer import Recognizer

Row = dict[str, Any]

_SLACK_S: Final = 1e-3
"""By how much a video may be longer than its limit: times are rounded."""

_FRAMES_SLACK: Final = 1.02
"""By how much the frames that are expected may be more than the limit: they are estimated."""

_CODES: Final[dict[Bound, str]] = {
    "pixels": "video_too_many_pixels",
    "memory": "video_too_costly",
    "time": "video_too_costly",
}
"""What a client is told of a bound that is reached before the first frame."""

_ADVICE: Final = "Send a video such as .mp4, .mkv, .mov, .webm or .avi; pictures go to /v1/predict."
"""What a client is told where somebody who names files would be told to name another one."""


@dataclass(frozen=True, slots=True)
class ClipLimits:
    """How much of a clip is read.

    Attributes:
        seconds: From the start that was asked for.
        frames: That are looked at.
        pixels: Of one frame.
        work_s: How long the opening and the reading may take. Frames that are passed over are decoded, and a small
            file can hold hundreds of thousands of them.
        memory_bytes: That the decoding may take, in a process of its own.
    """

    seconds: float
    frames: int
    pixels: int
    work_s: float = 120.0
    memory_bytes: int = 512 * 2**20


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
    """A clip; `read` may be called once, and `close` at any time from any thread."""

    def __init__(self, content: bytes, request: ClipRequest, limits: ClipLimits) -> None:
        """Take it; nothing of it is read before `read`.

        Args:
            content: The bytes of a video file.
            request: What is asked for.
            limits: How much is read at most.

        Raises:
            InputError: If the request can't be, or there are no bytes.
        """
        self._request = request
        self._limits = limits
        self._limit_s = request.start_s + limits.seconds
        self._is_shortened = request.end_s is None or request.end_s > self._limit_s
        self._end_s = self._limit_s if self._is_shortened else request.end_s
        sampling = Sampling(request.start_s, self._end_s, None, request.every_s, request.max_fps)
        self._video = ConfinedVideo(content, sampling, Bounds(limits.pixels, limits.memory_bytes, limits.work_s))
        self._note: str | None = None
        self._last_s: float | None = None

    def read(self, recognizer: Recognizer, on_frame: Callable[[int], None] | None = None) -> Generator[Row, None, None]:
        """Open the clip, and yield a row for each frame, or each bin of a group, and one at the end.

        Args:
            recognizer: Reads single frames.
            on_frame: Is told of each frame how many faces are on it.

        Raises:
            Refusal: If the clip says of itself that it goes beyond a limit, takes more than it may before its first
                frame is read, or is a picture, a sound or a playlist.
            InputError: If it is no video, damaged from its beginning, or its start lies behind its end; where it
                breaks off, after the rows so far.
            ModelError: If a model fails.
        """
        with closing(self._video):
            try:
                self._video.open()
                self._check_limits()
                yield from self._read(recognizer, on_frame)
            except VideoBoundError as error:
                raise Refusal(_CODES[error.bound], str(error)) from None
            except UnreadableMediaError as error:
                if error.advice is None:
                    raise
                raise Refusal(error.code, f"{error.what} {_ADVICE}") from None

    def close(self) -> None:
        """End the reading at once; may be called again."""
        self._video.close()

    def _read(self, recognizer: Recognizer, on_frame: Callable[[int], None] | None) -> Iterator[Row]:
        request = self._request
        step_s = max(request.every_s or 0.0, 1.0 / request.max_fps if request.max_fps else 0.0)
        rate_s = 1.0 / self._video.frame_rate if self._video.frame_rate else 0.0
        settings = InsightSettings(longest_step_s=max(1.0, 1.5 * step_s, 1.5 * rate_s))
        group = GroupSettings(max_bins=_count_bins(self._limits.seconds)) if request.is_group else None
        collected = Insights(settings, group=group)
        pipeline = Pipeline(recognizer, smoothing=STEADY if request.is_smooth else None, workers=1)
        bins = _Bins(collected, GroupSettings().bin_s)
        with closing(pipeline.look(self._limited())) as looks:
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
            yield from bins.take_rest(self._video.duration_s, self._end_s)
        yield self._end(collected)

    def _check_limits(self) -> None:
        """Refuse what is known to go beyond a limit before any of it is read.

        Raises:
            Refusal: `video_too_long` or `video_too_many_frames`.
        """
        request, limits = self._request, self._limits
        duration_s, expected = self._video.duration_s, self._video.expected_frames
        if self._is_shortened and duration_s is not None and duration_s > self._limit_s + _SLACK_S:
            asked_s = min(duration_s, request.end_s or duration_s) - request.start_s
            raise Refusal(
                "video_too_long",
                f"{asked_s:.6g} s of video are asked for, and {limits.seconds:g} s are read at once. Ask for a part, "
                f"such as start_s={request.start_s:g} and end_s={self._limit_s:g}.",
            )
        if duration_s is not None and expected is not None and expected > limits.frames * _FRAMES_SLACK + 1:
            raise Refusal(
                "video_too_many_frames",
                f"there are about {expected:,} frames to be read, and {limits.frames:,} are read at once. "
                "Ask for fewer a second by max_fps or every_s, or for a part by start_s and end_s.",
            )

    def _limited(self) -> Iterator[Frame]:
        """Yield the frames within the limits. One that is reached after the first frame ends them with a note."""
        try:
            for count, frame in enumerate(self._video):
                if count == self._limits.frames:
                    self._note = (
                        f"only the first {count:,} frames were read; ask for fewer a second by max_fps or every_s"
                    )
                    return
                self._last_s = frame.time_s
                yield frame
        except VideoBoundError as error:
            if self._last_s is None:
                raise
            self._note = str(error)

    def _end(self, collected: Insights) -> Row:
        shown = collected.summarize(self._video.duration_s, self._end_s)
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
        """Say that the clip is longer than what is read of it and told no length, or too short a one."""
        rate, told_s = self._video.frame_rate, self._video.duration_s
        if not self._is_shortened or self._last_s is None or (told_s is not None and told_s > self._last_s):
            return None
        if self._last_s + 1.5 * (1.0 / rate if rate else 0.1) <= self._limit_s:
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
        rows = self._take(time_s, until_s=time_s)
        self._due_s += self._bin_s * len(rows)
        return rows

    def take_rest(self, *ends_s: float | None) -> list[Row]:
        """Return the bins that the last frame, which lasts for a while, brings to their end, and what is left."""
        return self._take(*ends_s)

    def _take(self, *ends_s: float | None, until_s: float | None = None) -> list[Row]:
        group = self._collected.summarize(*ends_s, is_over=until_s is None).group
        assert group is not None
        new = [one for one in group.bins[self._told :] if until_s is None or one.end_s <= until_s + _SLACK_S]
        self._told += len(new)
        return [{"type": "group", **one.to_dict()} for one in new]


def _count_bins(seconds: float) -> int:
    """Return a number of bins that is never reached, so that none are merged after one was told."""
    return 2 * (ceil(seconds / GroupSettings().bin_s) // 2 + 2)
