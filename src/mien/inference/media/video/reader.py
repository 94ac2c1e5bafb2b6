"""Videos and cameras, opened in one way: frames with true times, decoded ahead in a thread, in constant memory."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from mien.core.errors import InputError, UnreadableMediaError
from mien.inference.media.video.camera import CAMERA_PREFIX, STALL_S, open_camera
from mien.inference.media.video.frames import Footage, Frame
from mien.inference.media.video.handover import Ended, Handover, Stalled
from mien.inference.media.video.held import Held, Origin, VideoContent
from mien.inference.media.video.library import load_av
from mien.inference.media.video.sampling import Sampling
from mien.inference.media.video.stream import FileStream

FRAMES_AHEAD: Final = 2
"""Frames of a file that are decoded before they are asked for."""

_END_S: Final = 2.0
"""How long closing waits for the reading thread: one frame's decoding, or a camera that hangs."""


class Source(Protocol):
    """What a video is read from: a file, a camera, or a test's."""

    width: int
    height: int
    frame_rate: float | None
    duration_s: float | None
    has_audio: bool

    @property
    def broken(self) -> int:
        """Packets and frames that were damaged, so far."""

    def read(self) -> Iterator[Frame | None]:
        """Yield frames, and None for each that was left out."""

    def close(self) -> None:
        """Let go of the file or the device."""


class Video(Footage):
    """An iterator over a video's frames, and a context manager that ends the reading.

    Frames are decoded ahead by a thread that starts with the first frame asked for. It ends, and the file is closed,
    with the last frame, with an error, with `close`, and when nobody holds the video any more.

    Attributes:
        source: As it was named.
        width: Pixels of the first frame as a person sees it. Where a video changes its size, `Frame.pixels` follows.
        height: Likewise.
        frame_rate: Frames a second on average, or None where that is unknown.
        duration_s: Of the whole video from its first frame on, as its file says; None where it doesn't, or tells what
            can't be. Frames may go on behind it: a TS or MPEG that was put together tells of one part, if at all, and a
            damaged file may tell anything.
        expected_frames: How many will be handed on, estimated from that, or None.
        has_audio: Whether there is sound in it.
        is_live: Whether it is a camera; then only the newest frame waits.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        *,
        expected_frames: int | None = None,
        is_live: bool = False,
        stall_s: float | None = None,
    ) -> None:
        """Take an open source; closing it is the video's task from here on.

        Args:
            name: For messages.
            source: The file or the camera.
            expected_frames: See the attribute.
            is_live: True: frames that nobody took in time are dropped.
            stall_s: Seconds without a frame after which the source counts as stalled; None: it may take any time.
        """
        self.source = name
        self.width, self.height = source.width, source.height
        self.frame_rate, self.duration_s = source.frame_rate, source.duration_s
        self.expected_frames = expected_frames
        self.has_audio = source.has_audio
        self.is_live = is_live
        self._source = source
        self._stall_s = stall_s
        self._reading = _Reading(source, Handover(1 if is_live else FRAMES_AHEAD, keeps_newest=is_live))
        self._forget = weakref.finalize(self, self._reading.stop)

    @property
    def broken(self) -> int:
        """Packets that could not be decoded, and damaged frames that were handed on, so far."""
        return self._source.broken

    @property
    def dropped(self) -> int:
        """Frames of a camera that were replaced by a newer one before anybody took them."""
        return self._reading.handover.dropped

    def __next__(self) -> Frame:
        """Return the next frame.

        Raises:
            InputError: If all frames lie before the start that was asked for.
            UnreadableMediaError: After all frames that could be had: if the file is cut short, or the camera was
                unplugged or has stalled.
        """
        try:
            self._reading.start()
            return self._reading.handover.take(self._stall_s)
        except Ended:
            self.close()
            raise StopIteration from None
        except Stalled:
            self.close()
            raise UnreadableMediaError(
                f"{self.source} has sent no picture for {self._stall_s:g} s. Is it still plugged in and switched on?"
            ) from None
        except BaseException:
            self.close()
            raise


def open_video(
    source: str | os.PathLike[str] | VideoContent,
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
    every: int | None = None,
    every_s: float | None = None,
    max_fps: float | None = None,
    stall_s: float = STALL_S,
) -> Video:
    """Open a video file, one that is held in memory, or a camera.

    Frames that are left out are decoded, as later ones depend on them, but not converted. An animated GIF or PNG is a
    video too; a still picture is not.

    Args:
        source: A file, or "camera:0", "camera:/dev/video2", "camera:NAME"; or the bytes of a file, or a binary file
            that is open, which nobody else reads meanwhile and which stays open.
        start_s: Begin here; frame numbers and times count from the file's beginning all the same.
        end_s: Leave out what is shown from here on. Of a camera: stop after so many seconds.
        every: Hand on one frame in so many.
        every_s: Hand on one frame in so many seconds.
        max_fps: Hand on so many frames a second at most.
        stall_s: Seconds without a frame after which a camera counts as stalled.

    Raises:
        InputError: If the arguments can't be, the start lies behind the end, or there is no such camera. Where a file
            can't be trusted with its end, the first frame asked for raises it.
        UnreadableMediaError: If the file is missing, empty, no plain file, no video, sound only, cut short at the
            beginning, or has frames that are too large; if the camera can't be read.
        MissingExtraError: If PyAV is not installed.
    """
    if not isinstance(source, str | os.PathLike | VideoContent):
        raise InputError(
            f"a video is a path, a camera such as 'camera:0', or the bytes of a file, got {type(source).__name__}."
        )
    sampling = Sampling(start_s, end_s, every, every_s, max_fps)
    load_av()
    if isinstance(source, str) and source.startswith(CAMERA_PREFIX):
        if start_s:
            raise InputError(f"a camera has no start to skip to, got {start_s} s. Leave it out.")
        camera = open_camera(source, sampling, stall_s=stall_s)
        return Video(source, camera, is_live=True, stall_s=stall_s)
    origin: Origin = Held(source) if isinstance(source, VideoContent) else Path(source)
    file = FileStream(origin, sampling)
    expected = sampling.estimate_count(file.frame_rate, file.duration_s, file.frame_count)
    name = str(origin) if isinstance(source, VideoContent) else os.fspath(source)
    return Video(name, file, expected_frames=expected)


class _Reading:
    """The thread of one video. It knows nothing of `Video`, so that a forgotten video can be collected."""

    def __init__(self, source: Source, handover: Handover[Frame]) -> None:
        self.handover = handover
        self._source = source
        self._thread: threading.Thread | None = None
        self._is_stopped = False

    def start(self) -> None:
        if self._thread is None and not self._is_stopped:
            self._thread = threading.Thread(target=self._run, name="mien-video", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._is_stopped = True
        self.handover.close()
        if self._thread is None:
            self._source.close()
        elif self._thread is not threading.current_thread():  # the garbage collector may run in it
            self._thread.join(_END_S)

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            for frame in self._source.read():
                if not self.handover.put(frame):
                    break
        except BaseException as caught:  # noqa: BLE001 - it is raised where the frames are taken
            error = caught
        finally:
            self._source.close()
            self.handover.end(error)
