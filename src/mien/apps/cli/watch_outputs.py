"""What `mien watch` hands each frame to: rows, an annotated video, pictures for the report, and what it all showed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from mien.apps.cli import group_rows
from mien.apps.cli.growing import GrowingCsv
from mien.apps.cli.tables import Column, JsonTable, ParquetTable, Table
from mien.core.atomic import write_text
from mien.core.moments import Moment
from mien.inference.insights.collector import ClipInsights
from mien.inference.media.video.overlay import Overlay
from mien.inference.media.video.reader import Video
from mien.inference.media.video.writer import VideoWriter
from mien.inference.pipeline import Look


class Output(Protocol):
    """Takes frames in order."""

    def write(self, look: Look) -> None:
        """Take the next frame and what was seen on it."""


class Moments:
    """Hands on what was seen, without the frames."""

    def __init__(self, take: Callable[[Moment], None]) -> None:
        """Take a function that takes moments."""
        self._take = take

    def write(self, look: Look) -> None:
        """Hand on the next moment."""
        self._take(look.moment)


class AnnotatedVideo:
    """The frames that were looked at as a video, with what was seen drawn on them."""

    def __init__(self, writer: VideoWriter) -> None:
        """Take an open writer."""
        self._writer = writer
        self._overlay = Overlay()

    @classmethod
    @contextmanager
    def create(cls, path: Path, video: Video, start_s: float, end_s: float | None) -> Iterator[AnnotatedVideo]:
        """Open a video file, which is there when the body ends, however it ends.

        Args:
            path: Where it goes.
            video: Whose sound it has; a camera has none.
            start_s: The moment of `video` that becomes 0.
            end_s: Where it ends, or None.

        Raises:
            InputError: If it can't be written.
        """
        sound = None if video.is_live or not video.has_audio else video.source
        with VideoWriter.create(path, audio_from=sound, start_s=start_s, end_s=end_s) as writer:
            yield cls(writer)

    @property
    def has_sound(self) -> bool:
        """Whether there is a sound track in it."""
        return self._writer.has_sound

    @property
    def broken(self) -> int:
        """Parts of the sound that could not be decoded or written and were left out, so far."""
        return self._writer.broken

    def write(self, look: Look) -> None:
        """Draw the next frame."""
        self._writer.write(self._overlay.draw(look.frame.pixels, look.moment), look.frame.time_s)


def open_table(csv: Path | None, parquet: Path | None, columns: Sequence[Column]) -> AbstractContextManager[Table]:
    """Return a table for the rows, to be entered: a CSV file that grows, a Parquet file, or JSON lines.

    Args:
        csv: A CSV file, or None.
        parquet: A Parquet file, or None. Without either, rows are printed as JSON.
        columns: Of the rows to come.

    Raises:
        InputError: If it can't be written.
        MissingExtraError: If Parquet can't be written for want of its extra.
    """
    if csv is not None:
        return GrowingCsv.create(csv, columns)
    if parquet is not None:
        return ParquetTable.create(parquet, columns)
    return _print_json(columns)


def write_group(insights: ClipInsights, labels: Sequence[str], csv: Path | None, parquet: Path | None) -> None:
    """Write how the group looked, a row a span of time, as `open_table` writes rows."""
    assert insights.group is not None
    with open_table(csv, parquet, group_rows.list_columns(labels)) as table:
        table.write(group_rows.make_rows(insights.group, labels))


def write_insights(path: Path, insights: ClipInsights) -> None:
    """Write episodes, shares and timeline as JSON.

    Raises:
        InputError: If it can't be written.
    """
    write_text(path, json.dumps(insights.to_dict(), indent=2) + "\n")


@contextmanager
def _print_json(columns: Sequence[Column]) -> Iterator[JsonTable]:
    yield JsonTable(columns)
