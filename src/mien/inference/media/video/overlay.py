"""What is drawn on the frames of a video: who is there, what each face shows, and how that went lately."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from typing import Final

import numpy as np
from PIL import Image

from mien.core.errors import InputError
from mien.core.moments import Moment, Sighting
from mien.inference.media.captions import Caption, Color
from mien.inference.media.drawing import color_of
from mien.inference.media.outlines import fit_frame, is_on_picture, pixel_box
from mien.inference.media.pictures import RGB
from mien.inference.media.places import Places, Rectangle
from mien.inference.media.video.layers import Layer
from mien.inference.media.video.moving_frames import draw_moving_frame
from mien.inference.media.video.recent import RecentLabels
from mien.inference.media.video.steady_labels import Framed, SteadyLabels
from mien.inference.media.video.timeline_strip import StripScale, TimelineStrip

_LABELS_KEPT: Final = 256


class Overlay:
    """Draws on the frames of one video, one after another.

    Each face has a frame in its expression's color, and a label with the person's number, the steady label's name, the
    smoothed confidence in percent, and a bar, as `annotate` draws them on photos: dashed and with a question mark where
    the label is not certain, smaller where there is little room. On a narrow frame the percent is left out first, then
    the number; a name is cut only where the frame is too narrow for it, or for those of several faces. A label stays on
    its side of the face as long as it can. Along the bottom, at most `LARGEST_SHARE` of the height, a strip shows the
    last seconds of up to `MOST_LANES` persons who were there for half a second; frames under 130 pixels high have none.

    Memory is bounded: what was seen longer ago than the strip reaches is forgotten.
    """

    def __init__(self, *, timeline_s: float = 10.0) -> None:
        """Begin a video.

        Args:
            timeline_s: How many seconds the strip shows. More shows more at once, in narrower pieces.

        Raises:
            InputError: If that is not a positive, finite number.
        """
        if not (isfinite(timeline_s) and timeline_s > 0.0):
            raise InputError(f"a timeline shows a positive number of seconds, got {timeline_s}; 10 suits most videos")
        self._recent = RecentLabels(timeline_s)
        self._strip = TimelineStrip(timeline_s)
        self._labels = SteadyLabels()

    def draw(self, pixels: RGB, moment: Moment) -> RGB:
        """Draw a moment onto a copy of its frame.

        Args:
            pixels: (H, W, 3) uint8; not changed. Frames may change their size within a video.
            moment: What was found on it. Times usually rise; one that is earlier than the last clears the strip. A face
                whose box lies wholly outside is not drawn.

        Returns:
            (H, W, 3) uint8, of the same size: unlike a small photo, a frame is never enlarged.

        Raises:
            InputError: If the pixels are no color frame, or of another size than the moment's.
        """
        _check(pixels, moment)
        drawn = np.array(pixels, order="C")
        self._recent.note(moment)
        scale = StripScale.of(moment.height)
        lanes = self._recent.choose_lanes(scale.lanes)
        sightings = [seen for seen in moment.sightings if is_on_picture(seen.face.box, moment.width, moment.height)]
        framed = self._draw_frames(drawn, sightings, moment.time_s)
        # Labels keep clear of the strip.
        size = (moment.width, moment.height - scale.height(len(lanes)))
        places = Places(size, [item.frame for item in framed])
        for item, caption, place in self._labels.place(framed, places, moment.time_s):
            color = color_of(item.sighting.expression)
            _record_label(caption, round(100 * item.sighting.confidence), color).blend(drawn, *place[:2])
        self._strip.draw(drawn, scale, moment.time_s, lanes)
        return drawn

    def _draw_frames(self, drawn: RGB, sightings: list[Sighting], now_s: float) -> list[Framed]:
        """Draw all frames and return them: a label must not be crossed by a neighbor's frame."""
        size = (drawn.shape[1], drawn.shape[0])
        boxes = [pixel_box(sighting.face.box, 1, size) for sighting in sightings]
        rooms = Places(size, boxes)
        self._labels.begin_frame(size, len(boxes), now_s)
        framed = []
        for number, (sighting, box) in enumerate(zip(sightings, boxes, strict=True)):
            wished = self._labels.choose_line(sighting.person, box, now_s)
            frame, line = fit_frame(box, wished, rooms.room_around(number), size)
            color = color_of(sighting.expression)
            draw_moving_frame(drawn, frame, color, line, is_dashed=not sighting.is_certain)
            framed.append(Framed(sighting, box, frame))
        return framed


@lru_cache(maxsize=_LABELS_KEPT)
def _record_label(caption: Caption, percent: int, color: Color) -> Layer:
    """Return a label as a layer of its caption's size."""
    place: Rectangle = (0, 0, caption.width, caption.height)

    def draw(picture: Image.Image) -> None:
        caption.draw(picture, place, percent / 100, color)

    return Layer.record(caption.width, caption.height, draw)


def _check(pixels: RGB, moment: Moment) -> None:
    """Refuse pixels that are not the moment's."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise InputError(f"a frame is (height, width, 3) uint8, got {pixels.shape} {pixels.dtype}")
    if pixels.shape[:2] != (moment.height, moment.width):
        raise InputError(
            f"the moment is of a frame of {moment.width} x {moment.height} pixels, got one of {pixels.shape[1]} x "
            f"{pixels.shape[0]}; draw on the frame that was read, in its own size"
        )
