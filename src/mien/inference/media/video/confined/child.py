"""The process that decodes one video and ends: `python -m mien.inference.media.video.confined.child`.

It reads a request and the video from its standard input, and writes frames to its standard output. It opens no file,
and ends when the other end of its input is closed, as it is when whoever started it ends in whatever way.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Any, BinaryIO, NoReturn

from mien.core.errors import InputError, MienError, MissingExtraError
from mien.inference.media.video.confined import wire
from mien.inference.media.video.confined.bounds import VideoBoundError
from mien.inference.media.video.confined.walls import Walls
from mien.inference.media.video.held import Held
from mien.inference.media.video.library import load_av
from mien.inference.media.video.stream import FileStream


def main() -> NoReturn:
    """Answer one request."""
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for who started us, and finishes what it accepted
        signal.signal(number, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)  # a library that prints would break into the frames
    with suppress(BrokenPipeError, wire.BrokenWireError):  # nobody is there any more
        _serve(sys.stdin.buffer, out, nowhere)
        out.flush()
    os._exit(0)  # a gigabyte is given back quicker this way


def _serve(given: BinaryIO, out: BinaryIO, nowhere: int) -> None:
    try:
        load_av()
    except MissingExtraError as error:
        wire.write_message(out, wire.ERROR, _describe(error))
        return
    wire.write_message(out, wire.READY)
    os.dup2(nowhere, 2)  # from here on, what is said might be a stranger's words
    request = wire.read_request(given)
    content = given.read(request.size)
    if len(content) < request.size:
        return
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    walls = Walls(request.bounds.memory_bytes, request.bounds.work_s)
    _decode(content, request, walls, out)


def _decode(content: bytes, request: wire.Request, walls: Walls, out: BinaryIO) -> None:
    """Write all frames, and how it ended."""
    stream: FileStream | None = None
    try:
        stream = FileStream(Held(content), request.sampling)
        request.bounds.check_size(stream.width, stream.height)
        expected = request.sampling.estimate_count(stream.frame_rate, stream.duration_s, stream.frame_count)
        opened = wire.Opened(
            stream.width, stream.height, stream.frame_rate, stream.duration_s, expected, stream.has_audio
        )
        wire.write_message(out, wire.OPENED, opened._asdict())
        for frame in stream.read():
            if frame is not None:
                request.bounds.check_size(frame.pixels.shape[1], frame.pixels.shape[0])
                wire.write_frame(out, frame, stream.broken)
        if stream.broken and walls.were_reached():  # parts that there was no room for pass for damaged ones
            raise request.bounds.exceed("memory")
        wire.write_message(out, wire.END, {"broken": stream.broken})
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the other side is told
        told: BaseException = error
        is_ours = isinstance(error, VideoBoundError)
        if not is_ours and (_lacks_memory(error) or (isinstance(error, InputError) and walls.were_reached())):
            told = request.bounds.exceed("memory")
        wire.write_message(out, wire.ERROR, _describe(told) | {"broken": stream.broken if stream else 0})


def _lacks_memory(error: BaseException) -> bool:
    """Whether an error, or what led to it, is a want of memory."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _describe(error: BaseException) -> dict[str, Any]:
    """Return an error of ours with its text, and of any other its kind and its place: its text may be a stranger's."""
    if isinstance(error, InputError | MissingExtraError):
        bound = error.bound if isinstance(error, VideoBoundError) else None
        return {"code": error.code, "message": error.what[:2000], "advice": error.advice, "bound": bound}
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else ""  # noqa: PTH119
    return {"code": MienError.code, "message": f"{type(error).__qualname__}{place}", "bound": None}


def _leave_with_parent() -> None:
    """Wait until the other end of our input is closed."""
    with suppress(OSError):
        os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
