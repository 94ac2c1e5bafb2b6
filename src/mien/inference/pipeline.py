"""From the frames of a video to who shows which expression when: decoding, reading, following."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import Final, NamedTuple

import numpy as np

from mien.core.arguments import check_whole
from mien.core.errors import InputError
from mien.core.moments import Moment
from mien.core.results import Face
from mien.inference.media.video.frames import Frame
from mien.inference.media.video.held import VideoContent
from mien.inference.media.video.reader import open_video
from mien.inference.recognizer import Recognizer
from mien.inference.runtime.session import count_threads
from mien.inference.track.follower import Follower
from mien.inference.track.looks import Sketch, sketch
from mien.inference.track.scenes import Survey, survey
from mien.inference.track.smoothing import SmoothingSettings
from mien.inference.track.tracker import TrackerSettings

STEADY: Final = SmoothingSettings()
"""The smoothing that is used unless another one is asked for."""


class Look(NamedTuple):
    """A frame and what was seen on it.

    Attributes:
        frame: With its pixels.
        moment: Who is on it, and which expression each one shows.
    """

    frame: Frame
    moment: Moment


class _Seen(NamedTuple):
    """What the follower is told of a frame: its faces, a sketch of each, and a survey of the whole."""

    faces: Sequence[Face]
    looks: Sequence[Sketch]
    scene: Survey


class Pipeline:
    """Reads video: finds the faces of each frame, tells persons apart, and smooths their expressions over time."""

    def __init__(
        self,
        recognizer: Recognizer | None = None,
        *,
        tracking: TrackerSettings | None = None,
        smoothing: SmoothingSettings | None = STEADY,
        min_score: float | None = None,
        max_side_px: int | None = None,
        workers: int | None = None,
    ) -> None:
        """Take or open the models.

        Args:
            recognizer: Reads single frames; None opens the bundled models for one thread a call, as suits several
                workers.
            tracking: How faces are told apart; None for the defaults.
            smoothing: How expressions are smoothed over time; None gives each frame's own reading.
            min_score: Score from which on a detection counts, 0-1; None for the detector's own.
            max_side_px: Larger frames are scaled down to this longer side for the detector; None for its own.
            workers: Frames that are read at the same time. More are quicker while there are processors, and each holds
                a frame. None means as many as there are processors, at most 4, with the models opened here, and 1 with
                a `recognizer` that was given: it may use several threads itself.

        Raises:
            InputError: If `workers` is under 1, or `min_score` or `max_side_px` out of its range.
            ModelError: If a model can't be opened.
            MissingExtraError: Without the extra "video".
        """
        own = count_threads(None) if recognizer is None else 1
        self._workers = own if workers is None else check_whole("workers", workers, 1)
        self._recognizer = Recognizer.load(threads=1) if recognizer is None else recognizer
        self._tracking, self._smoothing = tracking, smoothing
        self._limits = {"min_score": min_score, "max_side_px": max_side_px}
        self.begin()
        # An empty picture: what can't be is refused here, and not on the first frame, when files are open.
        self._recognizer.detect(np.zeros((64, 64, 3), np.uint8), **self._limits)  # type: ignore[arg-type]

    @property
    def recognizer(self) -> Recognizer:
        """What reads single frames."""
        return self._recognizer

    def begin(self) -> Follower:
        """Return what follows the persons of one more video; it shares nothing with any other."""
        return Follower(tracking=self._tracking, smoothing=self._smoothing)

    def run(self, frames: str | os.PathLike[str] | VideoContent | Iterable[Frame]) -> Iterator[Moment]:
        """Read a video from its first frame to its last, in constant memory.

        Args:
            frames: A video file, its bytes or an open binary file, a camera such as "camera:0", or frames, such as
                `open_video` gives.

        Returns:
            One moment a frame, in their order; frames without a face are among them.

        Raises:
            InputError: If the video can't be opened, time goes backward, or a keyword was out of its range;
                `UnreadableMediaError` where it breaks off, after the moments so far.
            ModelError: If a model fails.
        """
        return (look.moment for look in self.look(frames))

    def look(self, frames: str | os.PathLike[str] | VideoContent | Iterable[Frame]) -> Generator[Look, None, None]:
        """As `run`, and give the frames as well, to draw on them."""
        if isinstance(frames, int) or not isinstance(frames, VideoContent | str | os.PathLike | Iterable):
            raise InputError(f'a video is a file, a camera such as "camera:0", or frames, got {frames!r:.60}.')
        opened = open_video(frames) if isinstance(frames, str | os.PathLike | VideoContent) else nullcontext(frames)
        follower = self.begin()
        with opened as video:
            # A camera's next frame is worth waiting for only when the last one is told: it would come late otherwise.
            ahead = 0 if getattr(video, "is_live", False) else self._workers
            for frame, seen in self._read(iter(video), ahead):
                height, width = frame.pixels.shape[:2]
                moment = follower.follow(
                    seen.faces,
                    frame=frame.index,
                    time_s=frame.time_s,
                    width=width,
                    height=height,
                    looks=seen.looks,
                    scene=seen.scene,
                )
                yield Look(frame, moment)

    def _read(self, frames: Iterator[Frame], frames_ahead: int) -> Iterator[tuple[Frame, _Seen]]:
        """Read the faces of several frames at the same time, and yield them with their looks in the frames' order."""
        with ThreadPoolExecutor(self._workers, thread_name_prefix="mien-look") as pool:
            ahead: deque[tuple[Frame, Future[_Seen]]] = deque()
            error: Exception | None = None
            try:
                while True:
                    while error is None and len(ahead) <= frames_ahead:
                        try:
                            frame = next(frames, None)
                        except Exception as failure:  # noqa: BLE001 (raised below, when the frames before it are done)
                            error = failure
                            break
                        if frame is None:
                            break
                        if not isinstance(frame, Frame):
                            error = InputError(
                                f"frames are those that open_video gives, got {type(frame).__name__}. A picture of "
                                "your own becomes one by Frame(index, time_s, pixels)."
                            )
                            break
                        ahead.append((frame, pool.submit(self._see, frame)))
                    if not ahead:
                        break
                    frame, seen = ahead.popleft()
                    yield frame, seen.result()
            finally:
                pool.shutdown(cancel_futures=True)
            if error is not None:
                raise error

    def _see(self, frame: Frame) -> _Seen:
        """Read the faces of one frame, and sketch the crops that were cut for that, and the whole; in a thread."""
        cut = self._recognizer.cut(frame.pixels, name=f"frame {frame.index}", **self._limits)  # type: ignore[arg-type]
        if cut.error is not None:
            raise cut.error
        (picture,) = self._recognizer.describe([cut])
        return _Seen(picture.faces or (), [sketch(face.crop) for face in cut.faces], survey(frame.pixels))
