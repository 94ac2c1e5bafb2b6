"""Live cameras: the system's own device, its newest frame, and clear words when there is none or it goes away."""

from __future__ import annotations

import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mien.core.errors import InputError, MienError, UnreadableMediaError
from mien.inference.media.video.clock import Clock
from mien.inference.media.video.conversion import Converter
from mien.inference.media.video.decoding import decode_packets
from mien.inference.media.video.frames import Frame
from mien.inference.media.video.library import av_errors, load_av
from mien.inference.media.video.sampling import Chooser, Sampling

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

CAMERA_PREFIX: Final = "camera:"

STALL_S: Final = 5.0
"""Seconds without a frame after which a camera counts as stalled."""

_OPENING_S: Final = 10.0
"""Seconds that a camera may take until its first frame; some have to warm up."""

_PAUSE_S: Final = 0.005
"""Between two questions to a camera that has no frame ready."""

OpenDevice = Callable[[str], "InputContainer"]


class CameraStream:
    """An open camera; `read` may be called once, from any one thread.

    Attributes:
        width: Pixels.
        height: Likewise.
        frame_rate: As the device says, or None.
        duration_s: None: nobody knows.
        has_audio: False: sound is not recorded.
        broken: Frames that could not be decoded, so far.
    """

    duration_s: float | None = None
    has_audio = False

    def __init__(self, name: str, container: InputContainer, sampling: Sampling) -> None:
        """Take an open device.

        Raises:
            UnreadableMediaError: If it sends no pictures.
        """
        if not container.streams.video:
            container.close()
            raise UnreadableMediaError(f"{name} sends no pictures. Is it a camera?")
        self.broken = 0
        self._name = name
        self._container = container
        self._sampling = sampling
        self._stream: VideoStream = container.streams.video[0]
        self._stream.codec_context.thread_count = 1  # several would hold frames back
        self.width, self.height = self._stream.codec_context.width, self._stream.codec_context.height
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.frame_rate = float(rate) if rate else None

    def read(self) -> Iterator[Frame | None]:
        """Yield the frames that were chosen, and None for each that was not, as they come.

        Raises:
            UnreadableMediaError: When the camera sends no more.
        """
        clock = Clock(self.frame_rate)
        chooser = Chooser(self._sampling)
        converter = Converter(self._stream)
        for number, frame in enumerate(decode_packets(self._read_packets(), self)):
            converter.watch(frame)
            time_s = clock.read(frame.time)
            if chooser.is_over(time_s):
                return
            yield Frame(number, time_s, converter.convert(frame)) if chooser.choose(time_s) else None
        raise UnreadableMediaError(f"{self._name} has ended: it was unplugged or switched off.")

    def close(self) -> None:
        """Let go of the device."""
        self._container.close()

    def _read_packets(self) -> Iterator[Packet[VideoStream]]:
        errors = av_errors()
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except BlockingIOError:
                time.sleep(_PAUSE_S)
                packets = self._container.demux(self._stream)
                continue
            except errors as error:
                raise UnreadableMediaError(f"{self._name} was unplugged or has failed: {error}.") from error
            yield packet


def open_camera(
    name: str, sampling: Sampling, *, stall_s: float = STALL_S, opener: OpenDevice | None = None
) -> CameraStream:
    """Open a camera.

    Args:
        name: "camera:0", "camera:/dev/video2" (Linux), "camera:NAME" (macOS, Windows).
        sampling: Which frames are handed on.
        stall_s: Seconds without a frame after which it counts as stalled; is checked here and kept by the caller.
        opener: Opens what stands behind the prefix; None: `open_device` of this module. For tests, which have
            no camera, but whatever PyAV can open.

    Raises:
        InputError: If there is no such camera, or `stall_s` is no positive number.
        UnreadableMediaError: If it is there and does not answer, is in use, or may not be read.
    """
    if isinstance(stall_s, bool) or not isinstance(stall_s, int | float) or not 0 < stall_s < float("inf"):
        raise InputError(f"stall_s has to be a number over 0, got {stall_s!r}.")
    container = _open_in_time(name, opener or open_device)
    return CameraStream(name, container, sampling)


def open_device(device: str) -> InputContainer:
    """Open a device by the system's own way.

    Args:
        device: What stands behind the prefix: a number, a path, or a name.

    Raises:
        InputError: If there is no such device; the message lists those that there are.
    """
    if not device:
        raise _no_camera(device)
    av = load_av()
    options: dict[str, str] = {}
    if sys.platform == "darwin":
        kind, file = "avfoundation", f"{device}:none"
        options["framerate"] = "30"  # its default, 29.97, is refused by many cameras
    elif sys.platform == "win32":
        kind, file = "dshow", f"video={_name_of(device)}"
    else:
        kind, file = "v4l2", _path_of(device)
    opened: InputContainer = av.open(file, "r", format=kind, options=options)
    return opened


def list_cameras() -> list[str]:
    """Return what may stand behind "camera:" here, sorted; empty where there is no camera."""
    if sys.platform in ("darwin", "win32"):
        kind = "avfoundation" if sys.platform == "darwin" else "dshow"
        with suppress(*av_errors()):
            devices = load_av().device.enumerate_input_devices(kind)
            return [device.description for device in devices if "video" in (device.media_types or ["video"])]
        return []
    return sorted(str(path) for path in Path("/dev").glob("video*"))


def _path_of(device: str) -> str:
    path = f"/dev/video{device}" if device.isdecimal() else device
    try:
        is_device = stat.S_ISCHR(os.stat(path).st_mode)  # noqa: PTH116 - a name may be no possible path
    except (OSError, ValueError):
        is_device = False
    if not is_device:
        raise _no_camera(device)
    return path


def _name_of(device: str) -> str:
    """Return the name of a camera that was given by its number."""
    if not device.isdecimal():
        return device
    names = list_cameras()
    if int(device) >= len(names):
        raise _no_camera(device)
    return names[int(device)]


def _can_be_named(device: str) -> bool:
    """Whether a camera may be called so here, be it there or not."""
    if sys.platform in ("darwin", "win32"):
        return bool(device)
    return device.isdecimal() or Path(device).is_absolute()


def _no_camera(device: str) -> InputError:
    cameras = list_cameras()
    if cameras:
        there = f"There are: {', '.join(cameras)}."
    elif _can_be_named(device):
        there = "No camera is there; plug one in."
    else:
        there = (
            f"Name one by its number, such as {CAMERA_PREFIX}0, or by what the system calls it, such as /dev/video2."
        )
    return InputError(f"there is no camera {device!r}. {there}")


def _open_in_time(name: str, opener: OpenDevice) -> InputContainer:
    """Open a device in a thread of its own: one that does not answer blocks its thread for ever."""
    device = name.removeprefix(CAMERA_PREFIX)
    opened: list[InputContainer | BaseException] = []
    lock = threading.Lock()
    is_given_up = False

    def run() -> None:
        try:
            result: InputContainer | BaseException = opener(device)
        except BaseException as error:  # noqa: BLE001 - it is raised by the caller
            result = error
        with lock:
            if is_given_up and not isinstance(result, BaseException):
                result.close()
            opened.append(result)

    thread = threading.Thread(target=run, name="mien-camera", daemon=True)
    thread.start()
    thread.join(_OPENING_S)
    with lock:
        if not opened:
            is_given_up = True
            raise UnreadableMediaError(f"{name} does not answer within {_OPENING_S:g} s. Unplug it and plug it in.")
    if isinstance(opened[0], BaseException):
        raise _explain(name, device, opened[0]) from opened[0]
    return opened[0]


def _explain(name: str, device: str, error: BaseException) -> BaseException:
    if isinstance(error, MienError) or not isinstance(error, av_errors()):
        return error
    if isinstance(error, FileNotFoundError):
        return _no_camera(device)
    if isinstance(error, PermissionError):
        remedy = "Allow it (on Linux: join the group `video`; on macOS: System Settings, Privacy, Camera)."
        return UnreadableMediaError(f"{name} may not be read. {remedy}")
    return UnreadableMediaError(f"{name} can't be opened: {error}. Is another program using it?")
