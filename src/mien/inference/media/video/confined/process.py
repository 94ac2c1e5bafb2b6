"""A process that decodes one video: started, talked with, and ended by any thread at any time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, Final, TypeVar

from mien.core.errors import InputError, MienError, MissingExtraError, UnreadableMediaError
from mien.inference.media.video.confined import wire
from mien.inference.media.video.confined.bounds import VideoBoundError
from mien.inference.media.video.confined.walls import OUT_OF_MEMORY

if sys.platform == "linux":
    import fcntl

_MODULE: Final = "mien.inference.media.video.confined.child"

_PASSED_ON: Final = ("SYSTEMROOT", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Variables that a Python may need to start. All others stay here: a token is among them."""

_END_S: Final = 2.0
"""A gigabyte is given back within it."""

_PIPE_BYTES: Final = 2**20
"""Linux gives a pipe so much to anybody; its usual 64 KiB make a large frame take twice as long."""

_SIGXCPU: Final = getattr(signal, "SIGXCPU", 0)
_SIGKILL: Final = getattr(signal, "SIGKILL", 0)

_OF_OURS: Final[dict[str, type[InputError]]] = {"bad_input": InputError, "unreadable_media": UnreadableMediaError}

Answer = TypeVar("Answer")


class DecodingProcess:
    """One process; `start` may be called once, `stop` at any time and from any thread, also meanwhile.

    Attributes:
        broken: Parts of the video that were damaged, as its last word says; 0 before.
    """

    def __init__(self, request: wire.Request) -> None:
        """Take what is to be decoded; nothing is started."""
        self.broken = 0
        self._request = request
        self._process: subprocess.Popen[bytes] | None = None
        self._clock = threading.Timer(request.bounds.work_s, self._expire)
        self._clock.daemon = True
        self._starting = threading.Lock()
        self._reading = threading.RLock()
        self._is_stopped = self._is_expired = self._is_ready = False

    def start(self, content: bytes) -> None:
        """Start it, and hand it the video. The clock starts, too.

        Args:
            content: The bytes of a video file.

        Raises:
            MienError: If it can't be started; else as `receive`.
        """
        with self._starting:
            if self._is_stopped:
                return
            self._process = _spawn()
            self._clock.start()
        self.receive(wire.READY, wire.read_values)
        self._is_ready = True
        with self._reading:
            if self._is_stopped:
                return
            try:
                file = self._input
                wire.write_request(file, self._request)
                file.write(content)
                file.flush()  # it stays open: its end is what the process waits for
            except OSError:  # it has ended; what it says, or its status, tells why
                return

    def receive(self, kind: bytes, read: Callable[[BinaryIO, wire.Message], Answer]) -> Answer | None:
        """Wait for the next message.

        Args:
            kind: That is expected.
            read: Reads its body.

        Returns:
            What was read, or None where the video is at its end, or `stop` was called.

        Raises:
            InputError: What the process found; `UnreadableMediaError` and `VideoBoundError` among them.
            MissingExtraError: If PyAV is not installed.
            MienError: If the process has failed in a way that nobody foresaw.
        """
        if self._is_stopped:
            return None
        try:
            with self._reading:
                message = wire.read_head(self._output)
                if message.kind == kind:
                    return read(self._output, message)
                values = wire.read_values(self._output, message)
        except (wire.BrokenWireError, OSError, ValueError):
            self._explain_end()
            return None
        self.broken = _to_count(values.get("broken"))
        self.stop()
        if message.kind == wire.END:
            return None
        raise _rebuild(values)

    def stop(self) -> None:
        """End the process at once, wait until it is gone, and close its pipes; may be called again."""
        with self._starting:
            self._is_stopped = True
            process = self._process
        self._clock.cancel()
        if process is None:
            return
        process.kill()
        process.wait()
        with self._reading:  # whoever reads has come to the end by now
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                with suppress(OSError):  # of what nobody took
                    pipe.close()

    @property
    def _input(self) -> BinaryIO:
        assert self._process is not None
        assert self._process.stdin is not None
        return self._process.stdin  # type: ignore[return-value]

    @property
    def _output(self) -> BinaryIO:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout  # type: ignore[return-value]

    def _expire(self) -> None:
        """End the process when its time is over; whoever reads is told by `receive`."""
        self._is_expired = True
        with self._starting:
            if not self._is_stopped and self._process is not None:
                self._process.kill()

    def _explain_end(self) -> None:
        """Raise why the process ends without a word, unless that is as it was wished.

        Raises:
            MienError: As `receive` says.
        """
        was_stopped, process = self._is_stopped, self._process
        assert process is not None
        status = None if was_stopped else _wait_for_status(process)
        self.stop()
        if was_stopped:
            return
        bounds = self._request.bounds
        if self._is_expired or status == -_SIGXCPU:
            raise bounds.exceed("time")
        if not self._is_ready:
            raise MienError(f"the process that decodes videos did not start (status {status}); see above in the log.")
        if status in (OUT_OF_MEMORY, -_SIGKILL):  # the latter by a system that has no memory left
            raise bounds.exceed("memory")
        raise UnreadableMediaError(f"the video makes its decoder fail (status {status}); it is damaged. Convert it.")


def _wait_for_status(process: subprocess.Popen[bytes]) -> int | None:
    """Return the status that a process ends with by itself; None for one that speaks nonsense and goes on."""
    try:
        return process.wait(_END_S)
    except subprocess.TimeoutExpired:
        return None


def _spawn() -> subprocess.Popen[bytes]:
    """Start a Python that knows the same modules, and nothing else of ours."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109
    variables = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-X", "utf8", "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**variables, **threads, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for us: what was accepted is finished
        )
    except OSError as error:
        raise MienError(f"the process that decodes videos can't be started: {error.strerror or error}.") from error
    assert process.stdout is not None
    _widen(process.stdout.fileno())
    return process


def _widen(pipe: int) -> None:
    """Let a pipe hold more, where the system can do that and this user hasn't too many wide ones."""
    if sys.platform == "linux":
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _rebuild(values: dict[str, Any]) -> MienError:
    """Return the error that a process tells of."""
    message, advice, bound = str(values.get("message")), values.get("advice"), values.get("bound")
    if bound in ("pixels", "memory", "time"):
        return VideoBoundError(message, bound)
    code = values.get("code")
    if code == MissingExtraError.code:
        return MissingExtraError("video", "av")
    if code in _OF_OURS:
        return _OF_OURS[code](message, advice=advice if isinstance(advice, str) else None)
    return MienError(f"the process that decodes videos has failed: {message}.")


def _to_count(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
