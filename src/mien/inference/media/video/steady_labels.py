"""Where labels stand in a video: a label moves with its face, and changes side or form only where it must."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final, NamedTuple

from mien.core.moments import Sighting
from mien.inference.media.captions import CROWDED, Caption, Form, Scale, TextRange, label_forms
from mien.inference.media.places import Anchor, Places, Rectangle, anchors_of

_OTHER_SIZE: Final = 0.12  # letters keep their size until another one suits the face better by this share
_CROWD_ENDS: Final = 0.75  # of the crowd's limit: a crowd is not over with the first face that turns away
_TRIED_EVERY_S: Final = 1.0  # a label that had to be made small looks so often for a better place
_REMEMBERED_S: Final = 1.0  # for so long a face that was lost finds its label on the same side
_MOST_REMEMBERED: Final = 256
_ROOMY: Final = 3
_WIDE: Final = 0.45  # of the frame's width: more only where a word would be cut, as a label may be a sentence
_WIDE_LETTERS: Final = 8.0  # as many letters' sizes are not too wide on any frame: a number and one of our words


class Framed(NamedTuple):
    """A person with a frame around the face.

    Attributes:
        sighting: Who it is, and what the label says.
        box: Left, top, right, bottom of the face, pixels.
        frame: Likewise of the frame around it.
    """

    sighting: Sighting
    box: Rectangle
    frame: Rectangle


@dataclass(slots=True)
class _Habit:
    """How one person's label stood last.

    Attributes:
        text: Size of letters that suits the face, pixels.
        seen_s: When that was, in seconds from the beginning of the video.
        rank: Which of the forms, the best being 0; None before the first time.
        anchor: Where beside the frame; None for a label on its foot.
        spot: The place on the frame that is drawn now; None where there is no room.
        tried_s: When a better place was looked for the last time.
    """

    text: float
    seen_s: float
    rank: int | None = None
    anchor: Anchor | None = None
    spot: Rectangle | None = None
    tried_s: float = 0.0


class SteadyLabels:
    """Lays labels out, frame after frame, and remembers how it did."""

    def __init__(self) -> None:
        """Begin without anybody."""
        self._habits: dict[int, _Habit] = {}  # in the order in which persons were last seen
        self._size = (0, 0)
        self._is_crowded = False

    def begin_frame(self, size: tuple[int, int], count: int, now_s: float) -> None:
        """Forget who is gone, and all habits if frames have another size now.

        Args:
            size: Width and height of the frame, pixels.
            count: Of faces on it.
            now_s: The frame's time, seconds.
        """
        if size != self._size:
            self._habits.clear()
            self._size, self._is_crowded = size, False
        is_crowded = TextRange.of(*size).area_of_labels(count) > size[0] * size[1] * CROWDED * (
            _CROWD_ENDS if self._is_crowded else 1.0
        )
        if is_crowded != self._is_crowded:
            self._is_crowded = is_crowded
            for habit in self._habits.values():
                habit.rank = None
        for person in list(self._habits)[:-_MOST_REMEMBERED]:
            del self._habits[person]
        for person, habit in list(self._habits.items()):
            if not 0.0 <= now_s - habit.seen_s <= _REMEMBERED_S:
                del self._habits[person]

    def choose_line(self, person: int, box: Rectangle, now_s: float) -> int:
        """Return the thickness of a person's frame, which suits the letters; call it before `place`."""
        wished = TextRange.of(*self._size).choose(box)
        habit = self._habits.pop(person, None) or _Habit(wished, now_s)
        if abs(wished - habit.text) > _OTHER_SIZE * habit.text:
            habit.text = wished
        habit.seen_s = now_s
        self._habits[person] = habit
        return Scale.of(habit.text).line

    def place(self, framed: Sequence[Framed], places: Places, now_s: float) -> list[tuple[Framed, Caption, Rectangle]]:
        """Return the labels with their places; faces without room for any are left out.

        Args:
            framed: All persons on the frame, as they are numbered in `places`.
            places: With the frames of all persons.
            now_s: The frame's time, seconds.
        """
        # Who has a place keeps it, before anybody looks for a new one.
        homeless = [number for number, item in enumerate(framed) if not self._keep(number, item, places)]
        for number in sorted(homeless, key=lambda number: _area(framed[number].box), reverse=True):
            self._search(number, framed[number], places, now_s)
        for number, item in enumerate(framed):
            self._improve(number, item, places, now_s)
        found = []
        for item in framed:
            habit = self._habits[item.sighting.person]
            if habit.spot is not None and habit.rank is not None:
                caption = self._measure(item, self._forms(habit)[habit.rank])
                found.append((item, caption, habit.spot))
        return found

    def _forms(self, habit: _Habit) -> list[Form]:
        forms = list(label_forms(TextRange.of(*self._size), habit.text, is_crowded=self._is_crowded))
        return [*forms, *(form._replace(is_brief=True) for form in forms)]

    def _measure(self, item: Framed, form: Form) -> Caption:
        sighting, width = item.sighting, self._size[0]
        said = _Said(sighting.expression, round(sighting.confidence, 2), sighting.is_certain)
        return _lay_out(said, form, width, sighting.person, round(max(_WIDE * width, _WIDE_LETTERS * form.text)))

    def _keep(self, number: int, item: Framed, places: Places) -> bool:
        """Take the place of the last frame, if it is still free; whoever had none goes on without."""
        habit = self._habits[item.sighting.person]
        habit.spot = None
        if habit.rank is None:
            return False
        forms = self._forms(habit)
        if habit.rank == len(forms):
            return True
        habit.spot = self._take(number, item, forms[habit.rank], habit.anchor, places, clear=0)
        return habit.spot is not None

    def _search(self, number: int, item: Framed, places: Places, now_s: float, below: int | None = None) -> bool:
        """Take the best free place, of a form that ranks better than `below` if given, and remember it."""
        habit = self._habits[item.sighting.person]
        forms = self._forms(habit)
        habit.tried_s = now_s
        # A place with more room around it isn't lost with the next step of a neighbor.
        for clear, (rank, form) in product((_ROOMY, 1), enumerate(forms[:below])):
            label = self._measure(item, form)
            if form.is_brief and label == self._measure(item, form._replace(is_brief=False)):
                continue  # there is nothing to cut, and so no place that was not tried before
            anchors: list[Anchor | None] = [None]
            if form.covers is None:
                # The same side as ever comes first.
                anchors = sorted(anchors_of(item.frame, label.width), key=lambda anchor: anchor != habit.anchor)
            for anchor in anchors:
                if (spot := self._take(number, item, form, anchor, places, clear)) is not None:
                    habit.rank, habit.anchor, habit.spot = rank, anchor, spot
                    return True
        if below is None:
            habit.rank = len(forms)
        return False

    def _improve(self, number: int, item: Framed, places: Places, now_s: float) -> None:
        """Now and then look for a better form than the one the label has."""
        habit = self._habits[item.sighting.person]
        if not habit.rank or now_s - habit.tried_s < _TRIED_EVERY_S:
            return
        old = habit.spot
        if old is not None:
            places.release(old)
        if not self._search(number, item, places, now_s, below=habit.rank) and old is not None:
            places.take(old)

    def _take(
        self,
        number: int,
        item: Framed,
        form: Form,
        anchor: Anchor | None,
        places: Places,
        clear: int,
    ) -> Rectangle | None:
        """Take one place; `clear` is the room around it, in thicknesses of the frame's line."""
        label = self._measure(item, form)
        gap = label.scale.line
        if form.covers is not None:
            return places.take_inside(number, label.width, label.height, 3 * gap, form.covers)
        if anchor is None:
            return None
        return places.take_at(number, anchor, label.width, label.height, gap, clear * gap)


def _area(box: Rectangle) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


class _Said(NamedTuple):
    """What a label says, in the whole percents that it shows."""

    expression: str
    confidence: float
    is_certain: bool


@lru_cache(maxsize=1024)
def _lay_out(said: _Said, form: Form, widest: int, person: int, wished: int) -> Caption:
    """Measure a caption once, not for each place that is tried."""
    return Caption.measure(said, form, widest, person, wished)
