"""How long a video is, as far as its file tells before it was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mien.inference.media.video.container import find_longest_gap, is_bare, is_discontinuous

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_FROM_STAMP_ZERO: Final = {"asf", "matroska,webm", "nut"}
"""FFmpeg's names of files that count their duration from stamp 0, wherever their first picture lies."""

_MOST_FRAMES: Final = 2**30
"""From here on a count is what was written into a header before anything was counted, such as 2^30 or 2^32 - 1."""

_MOST_S: Final = 1e8
"""From here on, three years, a length is no video's."""


class Duration(NamedTuple):
    """What a file says.

    Attributes:
        estimate_s: From the first picture to the end of the last one or of the sound; None where the file doesn't tell,
            or tells what can't be believed.
        most_s: No picture lies behind it; None where the file can't be trusted with that.
    """

    estimate_s: float | None
    most_s: float | None


def find_duration(container: InputContainer, stream: VideoStream, first_s: float) -> Duration:
    """Find how long a video is without reading it.

    Bare streams of pictures know no time at all: what FFmpeg gives for them is their size divided by a bitrate that
    they may never have. Nor does a file whose header was never completed, as its writer could not go back to it (AVI
    and IVF through a pipe). Where time stamps may begin anew in the middle (MPEG's transport and program streams), it
    is the last stamp less the first: right for one recording, too little or too much for several that were put
    together, and not told above 13.25 hours, where it would mostly be FFmpeg's mistake.

    Args:
        container: The open file.
        stream: Of its pictures.
        first_s: The stamp of the first one.
    """
    if is_bare(container) or stream.frames >= _MOST_FRAMES:
        return Duration(None, None)
    if stream.duration and stream.time_base:
        told_s = float(stream.duration * stream.time_base)
    elif container.duration:
        told_s = container.duration / 1e6
    else:
        return Duration(None, None)
    if told_s >= min(find_longest_gap(container), _MOST_S):
        return Duration(None, None)
    # Some programs count from the first picture even there: what is left can't be nothing.
    is_late = container.format.name in _FROM_STAMP_ZERO and 0 < first_s < told_s
    return Duration(told_s - first_s if is_late else told_s, None if is_discontinuous(container) else told_s)


def find_frame_count(stream: VideoStream) -> int | None:
    """Return the number of frames of the whole file; None where its header doesn't tell, or was never completed."""
    return stream.frames if 0 < stream.frames < _MOST_FRAMES else None
