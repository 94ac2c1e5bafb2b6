"""A small picture for each episode, kept while a video runs: only where somebody asked for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heappush, heapreplace
from io import BytesIO
from itertools import count
from typing import Protocol

from PIL import Image

from mien.core.arguments import check_whole
from mien.core.geometry import Box
from mien.core.moments import Moment, Sighting
from mien.inference.insights.episodes import Episode
from mien.inference.insights.settings import InsightSettings
from mien.inference.media.pictures import RGB

MARGIN = 1.3
"""Side of a picture by the longer side of the face's box: some of the head is on it."""

JPEG_QUALITY = 82
_ROUNDING_S = 1e-6


class _Frame(Protocol):
    @property
    def pixels(self) -> RGB: ...


class Look(Protocol):
    """A frame and what was seen on it, such as `mien.inference.pipeline.Look`."""

    @property
    def frame(self) -> _Frame:
        """With `pixels`: (H, W, 3) uint8 RGB."""

    @property
    def moment(self) -> Moment:
        """Who is on it."""


@dataclass(slots=True)
class _Kept:
    """The best picture so far of one person's stretch."""

    person: int
    expression: str
    start_s: float
    last_s: float
    peak_s: float
    peak: float
    picture: Image.Image

    @property
    def length_s(self) -> float:
        return self.last_s - self.start_s


@dataclass(frozen=True, slots=True)
class _Finished:
    peak_s: float
    peak: float
    jpeg: bytes


class EpisodePictures:
    """Keeps the face of the surest frame of each stretch in which a person shows one expression.

    Memory is bounded: at most `max_pictures` of stretches that are over, about 4 kB each, those of the longest ones;
    and as many of stretches that go on, about 30 kB each.
    """

    def __init__(
        self,
        max_pictures: int = 200,
        size_px: int = 96,
        *,
        longest_gap_s: float = InsightSettings().longest_gap_s,
    ) -> None:
        """Begin without pictures.

        Args:
            max_pictures: Higher takes more memory, and makes the page larger.
            size_px: Side of each square picture. Higher shows more, and bytes grow with its square.
            longest_gap_s: That of `InsightSettings`, so that stretches end where episodes do.

        Raises:
            InputError: If a number or a size is under 1.
        """
        self._max_pictures = check_whole("max_pictures", max_pictures, 1)
        self._size_px = check_whole("size_px", size_px, 1)
        self._longest_gap_s = longest_gap_s
        self._running: dict[int, _Kept] = {}
        self._finished: list[tuple[float, int, tuple[int, str], _Finished]] = []  # a heap, the shortest stretch first
        self._numbers = count()  # so that a heap never compares pictures

    def write(self, look: Look) -> None:
        """Take the next frame and what was seen on it; the frame itself is not kept."""
        moment = look.moment
        for person, kept in list(self._running.items()):
            if moment.time_s - kept.last_s > self._longest_gap_s + _ROUNDING_S:
                self._finish(person)
        for sighting in moment.sightings:
            kept_one = self._running.get(sighting.person)
            if kept_one is not None and kept_one.expression != sighting.expression:
                self._finish(sighting.person)
                kept_one = None
            if kept_one is None:
                self._begin(sighting, moment.time_s, look.frame.pixels)
                continue
            kept_one.last_s = moment.time_s
            if sighting.confidence > kept_one.peak:
                kept_one.peak_s, kept_one.peak = moment.time_s, sighting.confidence
                kept_one.picture = cut_square(look.frame.pixels, sighting.face.box, self._size_px)

    def choose(self, episodes: Sequence[Episode]) -> Mapping[int, bytes]:
        """Find the picture of each episode that has one.

        A picture belongs to an episode of the same person and expression within whose time it was taken; of several
        it is the surest.

        Args:
            episodes: Such as `ClipInsights.episodes`.

        Returns:
            By position in `episodes` the bytes of a JPEG file.
        """
        found: dict[tuple[int, str], list[_Finished]] = {}
        for _, _, key, finished in self._finished:
            found.setdefault(key, []).append(finished)
        for kept in self._running.values():
            found.setdefault((kept.person, kept.expression), []).append(_encode(kept))
        chosen: dict[int, bytes] = {}
        for place, episode in enumerate(episodes):
            inside = [
                one
                for one in found.get((episode.person, episode.expression), [])
                if episode.start_s - _ROUNDING_S <= one.peak_s <= episode.end_s + _ROUNDING_S
            ]
            if inside:
                chosen[place] = max(inside, key=lambda one: (one.peak, -one.peak_s)).jpeg
        return chosen

    def _begin(self, sighting: Sighting, time_s: float, pixels: RGB) -> None:
        if len(self._running) < self._max_pictures:
            picture = cut_square(pixels, sighting.face.box, self._size_px)
            self._running[sighting.person] = _Kept(
                sighting.person, sighting.expression, time_s, time_s, time_s, sighting.confidence, picture
            )

    def _finish(self, person: int) -> None:
        """Close a stretch; of too many, the shortest is forgotten."""
        kept = self._running.pop(person)
        if len(self._finished) == self._max_pictures and kept.length_s <= self._finished[0][0]:
            return
        entry = (kept.length_s, next(self._numbers), (kept.person, kept.expression), _encode(kept))
        if len(self._finished) < self._max_pictures:
            heappush(self._finished, entry)
        else:
            heapreplace(self._finished, entry)


def cut_square(pixels: RGB, box: Box, size_px: int) -> Image.Image:
    """Cut a face out of its frame, with a margin.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        box: In pixels of the frame. A square that would reach over the frame's border is moved inside, and made smaller
            if it does not fit.
        size_px: Side of what comes out.

    Returns:
        A picture that shares no memory with the frame.
    """
    height, width = pixels.shape[:2]
    side = max(min(round(MARGIN * max(box.width, box.height)), width, height), 1)
    left = min(max(round(box.x + (box.width - side) / 2), 0), width - side)
    top = min(max(round(box.y + (box.height - side) / 2), 0), height - side)
    square = Image.fromarray(pixels[top : top + side, left : left + side])
    return square.resize((size_px, size_px), Image.Resampling.BICUBIC, reducing_gap=2.0)


def _encode(kept: _Kept) -> _Finished:
    buffer = BytesIO()
    kept.picture.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return _Finished(kept.peak_s, kept.peak, buffer.getvalue())
