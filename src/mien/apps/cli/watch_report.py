"""The page that `mien watch --report` writes: what was seen, and a picture of each episode where it was asked for."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mien.core.atomic import write_text
from mien.core.card import ExpressionCard
from mien.inference.insights.collector import ClipInsights
from mien.inference.insights.settings import InsightSettings
from mien.inference.media.video.reader import Video
from mien.inference.pipeline import Look
from mien.inference.track.smoothing import SmoothingSettings

if TYPE_CHECKING:
    from mien.apps.report.clip.facts import ClipFacts


class Report:
    """Notes while a video runs what its page needs, and writes the page."""

    def __init__(self, facts: ClipFacts, *, has_pictures: bool) -> None:
        """Begin without a frame.

        Args:
            facts: What is known beforehand; the frames' size is found on the first of them.
            has_pictures: Whether to keep a small picture of each episode. Without, no pixel is kept.
        """
        from mien.apps.report.clip.thumbnails import EpisodePictures

        gap_s = facts.settings.longest_gap_s
        self._facts = facts
        self._pictures = EpisodePictures(longest_gap_s=gap_s) if has_pictures else None

    def write(self, look: Look) -> None:
        """Take the next frame."""
        if self._facts.width is None:
            self._facts = replace(self._facts, width=look.moment.width, height=look.moment.height)
        if self._pictures is not None:
            self._pictures.write(look)

    def write_page(self, path: Path, insights: ClipInsights, failure: BaseException | None) -> None:
        """Write the page.

        Args:
            path: Where it goes.
            insights: What was seen.
            failure: What ended it before its time, or None.

        Raises:
            InputError: If it can't be written.
        """
        from mien.apps.report.clip.page import render_clip

        early = None if failure is None else str(failure) or "It was interrupted."
        pictures = None if self._pictures is None else self._pictures.choose(insights.episodes)
        write_text(path, render_clip(replace(self._facts, ended_early=early), insights, pictures))


def name_facts(
    video: Video,
    card: ExpressionCard,
    *,
    detector: str,
    sampling: str,
    smoothing: SmoothingSettings | None,
    settings: InsightSettings,
) -> ClipFacts:
    """Return what a page says of a video before its first frame; see `ClipFacts`."""
    from mien.apps.report.clip.facts import ClipFacts

    return ClipFacts(
        source=video.source if video.is_live else Path(video.source).name,
        width=None,
        height=None,
        card=card,
        detector=detector,
        sampling=sampling,
        smoothing=smoothing,
        command=shlex.join(["mien", *sys.argv[1:]]),
        settings=settings,
    )
