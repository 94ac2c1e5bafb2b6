"""PyAV, loaded when the first video is opened and not before: the rest of mien works without it."""

from __future__ import annotations

from types import ModuleType

from mien.core.errors import MissingExtraError


def load_av() -> ModuleType:
    """Return the package `av`.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        import av
    except ImportError:
        raise MissingExtraError("video", "av") from None
    return av


def av_errors() -> tuple[type[Exception], ...]:
    """Return what PyAV raises over a file or a device, to be named in an `except`.

    Most of it is an FFmpegError; what comes back from a file object of ours is an error of Python's own.
    """
    return (load_av().error.FFmpegError, OSError, EOFError, ValueError)
