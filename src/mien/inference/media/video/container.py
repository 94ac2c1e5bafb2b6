"""Videos opened safely: only plain files, only formats that hold everything themselves, only sane sizes."""

from __future__ import annotations

import stat
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from mien.core.errors import InputError, MissingMediaError, UnreadableMediaError
from mien.inference.media.video.held import Origin, open_origin
from mien.inference.media.video.library import av_errors, load_av
from mien.inference.media.video.matroska import ends_in_the_middle

if TYPE_CHECKING:
    from av.container import Container, InputContainer
    from av.video.stream import VideoStream

MAX_FRAME_PIXELS: Final = 8192 * 8192
"""Larger frames are refused before they are decoded; 67 million take 201 MB each as an array, and a few are ahead."""

FORMATS: Final = (
    "3g2,3gp,aac,ac3,apng,asf,av1,avi,dirac,dv,eac3,flac,flv,gif,gxf,h261,h263,h264,hevc,ivf,m4a,m4v,matroska,mj2,"
    "mjpeg,mov,mp3,mp4,mpeg,mpegts,mpegvideo,mxf,nut,obu,ogg,rm,vc1,vvc,wav,webm,wtv,yuv4mpegpipe"
)
"""FFmpeg's names of what is read. Playlists and scripts (hls, dash, concat, sdp), which open other files,
are out, and so are still pictures; sound is in, so that a file without a picture is called what it is."""

_HALF_ROUND_S: Final = 2**33 / 90_000 / 2
"""13.25 hours, half of what MPEG's stamps count before they begin at 0 again. Where recordings were put together,
FFmpeg may take lower stamps for that, and adds a whole round."""

_BUFFER_BYTES: Final = 2**18
"""Read at once; every read takes the interpreter's lock."""

_COUNTED_IN_PARTS: Final = {"dv", "gxf"}
"""FFmpeg's names of files that stamp in parts of a frame, and of which it gives those parts for the average: 60,000 a
second of DV, and fields in place of frames of GXF. Elsewhere (AVI, Y4M) one unit of the stamps a frame is true."""


def open_container(origin: Origin) -> InputContainer:
    """Open a video for demuxing; it can't make PyAV open any other file or reach the network.

    Args:
        origin: A plain file, or what is held without a path. Names such as `http://` or `concat:` are file names here,
            nothing more.

    Raises:
        UnreadableMediaError: If it is no plain file, empty, no video or sound, or of a format that refers to other
            files.
        MissingMediaError: If there is no such file.
        MissingExtraError: If PyAV is not installed.
    """
    av = load_av()
    if isinstance(origin, Path):
        _check_file(origin)
    try:
        file = open_origin(origin)
    except OSError as error:
        raise UnreadableMediaError(f"{origin} can't be read: {error.strerror or error}.") from error
    try:
        opened: InputContainer = av.open(
            file,
            "r",
            options={"format_whitelist": FORMATS, "protocol_whitelist": "none", "max_pixels": str(MAX_FRAME_PIXELS)},
            buffer_size=_BUFFER_BYTES,
            io_open=_refuse_other_files,
            metadata_errors="replace",
        )
    except av_errors() as error:
        file.close()
        raise _explain(origin, error) from error
    except BaseException:
        file.close()
        raise
    return opened


def find_video(container: InputContainer, origin: Origin) -> VideoStream:
    """Return the stream to play: the first that is no cover picture, set to be decoded by the calling thread alone.

    Raises:
        UnreadableMediaError: If there is none, nobody can decode it, or its frames are larger than `MAX_FRAME_PIXELS`.
    """
    cover = load_av().stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not streams:
        holds = "only sound" if container.streams.audio else "no video"
        raise UnreadableMediaError(
            f"{origin} holds {holds}, so there are no faces to see.", advice="Name a file with a picture."
        )
    stream = streams[0]
    context = stream.codec_context
    if context is None:
        raise UnreadableMediaError(f"{origin} is encoded in a way that the installed PyAV can't decode. Convert it.")
    if context.width * context.height > MAX_FRAME_PIXELS:
        limit = f"frames are read up to {MAX_FRAME_PIXELS / 1e6:.0f} million"
        raise UnreadableMediaError(
            f"{origin} has {context.width} x {context.height} pixels a frame; {limit}. Save it smaller."
        )
    # One thread: a network runs beside it, and decoding is quicker than that by far.
    context.thread_count = 1
    context.options = {"max_pixels": str(MAX_FRAME_PIXELS)}
    return stream


def find_rate(stream: VideoStream) -> float | None:
    """Return the frames a second on average; None where that is unknown.

    FFmpeg's guess comes second, as it may hold for the first frames alone: of a recording that begins with few
    pictures a second it is far too low, and of one that left some out too high.
    """
    average, guess = stream.average_rate, stream.guessed_rate
    rate = (average or guess) if _is_average_told(stream) else (guess or average)
    return float(rate) if rate else None


def _is_average_told(stream: VideoStream) -> bool:
    """Whether the average is the file's own, neither FFmpeg's 25 for bare streams of pictures nor the stamps' unit."""
    if is_bare(stream.container):
        return False
    rate, unit_s = stream.average_rate, stream.time_base
    return stream.container.format.name not in _COUNTED_IN_PARTS or not rate or not unit_s or rate * unit_s != 1


def find_longest_gap(container: InputContainer) -> float:
    """Return the seconds by which stamps may lead ahead within one recording; infinite but for MPEG's."""
    return _HALF_ROUND_S if is_discontinuous(container) else inf


def is_discontinuous(container: InputContainer) -> bool:
    """Whether stamps may begin anew in the middle of a file of this kind, as it may be put together from several."""
    return bool(container.format.flags & load_av().format.Flags.ts_discont.value)


def is_bare(container: Container) -> bool:
    """Whether a file is a bare stream, which knows no times."""
    return bool(container.format.flags & load_av().format.Flags.no_timestamps.value)


def _check_file(path: Path) -> None:
    try:
        found = path.stat()
    except FileNotFoundError:
        is_address = "://" in str(path) or ":/" in str(path)
        remedy = "Addresses are not opened: save the video, and name the file." if is_address else None
        raise MissingMediaError(f"{path} does not exist.", advice=remedy) from None
    except OSError as error:
        raise UnreadableMediaError(f"{path} can't be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise UnreadableMediaError(f"{str(path)!r} is no possible path: {error}.") from error
    if stat.S_ISDIR(found.st_mode):
        raise UnreadableMediaError(f"{path} is a folder, not a video.", advice="Name a file in it.")
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableMediaError(
            f"{path} is no regular file, so it may never end.", advice="Name a video file, or a camera as camera:0."
        )
    if not found.st_size:
        raise UnreadableMediaError(f"{path} is empty (0 bytes).")


def _refuse_other_files(url: str, *_: Any) -> Any:
    raise PermissionError(f"a video must not open {url}")


def _explain(origin: Origin, error: Exception) -> InputError:
    with suppress(Exception), open_origin(origin) as file, Image.open(file) as picture:
        kind = picture.format
        return UnreadableMediaError(
            f"{origin} is a picture ({kind}), not a video.", advice="Use `mien predict` for pictures."
        )
    if isinstance(error, load_av().error.ArgumentError):
        return UnreadableMediaError(
            f"{origin} is a playlist or of another format that mien does not play: such files can open others.",
            advice="Name the video file itself, such as .mp4, .mkv, .mov, .webm or .avi.",
        )
    return UnreadableMediaError(
        f"{origin} is not a video that mien can read (.mp4, .mkv, .mov, .webm, .avi, ...), or it is damaged: "
        "of a recording that was cut off, the index is missing."
    )


def is_cut_short(container: InputContainer, stream: VideoStream, origin: Origin) -> bool:
    """Whether a file says that it holds more than is there: frames behind its end, or a part that goes on there."""
    if "matroska" in container.format.name:
        with suppress(OSError), open_origin(origin) as file:
            return ends_in_the_middle(file)
        return False
    entries = stream.index_entries
    if not len(entries):
        return False
    last = entries[len(entries) - 1]
    return last.pos + last.size > container.size
