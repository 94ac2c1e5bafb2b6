import sys
from collections.abc import Iterable

import numpy as np
import pytest

from mien.core.errors import InputError
from mien.core.geometry import Box
from mien.core.labels import EXPRESSIONS
from mien.core.moments import Moment, Sighting
from mien.core.results import Face, Quality
from mien.inference.media.captions import Caption
from mien.inference.media.drawing import COLORS, annotate
from mien.inference.media.places import Places
from mien.inference.media.video.overlay import Overlay
from mien.inference.media.video.steady_labels import Framed, SteadyLabels
from mien.inference.media.video.timeline_strip import LARGEST_SHARE, StripScale

SIZE = (640, 480)
BOX = (200.0, 150.0, 120.0, 140.0)


def make_sighting(
    person: int = 1,
    box: tuple[float, float, float, float] = BOX,
    expression: str = "happy",
    confidence: float = 0.9,
    labels: Iterable[str] = EXPRESSIONS,
) -> Sighting:
    others = [label for label in labels if label != expression]
    probabilities = {**dict.fromkeys(others, (1 - confidence) / len(others)), expression: confidence}
    return Sighting(person, Face(Box(*box), 0.9, None, probabilities, Quality(100)), probabilities, expression)


def make_moment(time_s: float, *sightings: Sighting, size: tuple[int, int] = SIZE) -> Moment:
    return Moment(round(time_s * 1000), time_s, *size, sightings)


def make_paper(size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.full((size[1], size[0], 3), 150, np.uint8)


def is_colored(pixels: np.ndarray, expression: str) -> np.ndarray:
    return np.abs(pixels.astype(int) - COLORS[expression]).max(axis=-1) < 12


def lane_of(drawn: np.ndarray, lane: int = 0, lanes: int = 1) -> np.ndarray:
    """Return the highest row of a lane, without the number and the margin: no letter is so tall."""
    scale = StripScale.of(drawn.shape[0])
    row = drawn.shape[0] - scale.height(lanes) + scale.pad + lane * scale.lane
    return drawn[row, 30 : drawn.shape[1] - scale.pad - 2]


def find_label(drawn: np.ndarray) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the only label: its panel is dark on paper, above the strip."""
    panel = (drawn[:400].max(axis=2) < 60) & (drawn[:400].min(axis=2) > 20)
    rows, columns = np.flatnonzero(panel.sum(axis=1) > 30), np.flatnonzero(panel.sum(axis=0) > 8)
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def test_the_frame_given_is_not_drawn_upon_and_keeps_its_size() -> None:
    paper = make_paper((160, 120))
    before = paper.copy()
    drawn = Overlay().draw(paper, make_moment(0.0, make_sighting(box=(20, 30, 40, 40)), size=(160, 120)))
    assert drawn.shape == paper.shape
    assert drawn.dtype == np.uint8
    assert (drawn != before).any()
    np.testing.assert_array_equal(paper, before)


def test_a_read_only_frame_and_one_that_lies_scattered_in_memory_are_drawn() -> None:
    paper = make_paper((480, 640)).transpose(1, 0, 2)
    paper.flags.writeable = False
    moment = make_moment(0.0, make_sighting())
    np.testing.assert_array_equal(Overlay().draw(paper, moment), Overlay().draw(make_paper(), moment))


def test_with_nobody_ever_the_frame_stays_as_it_is() -> None:
    np.testing.assert_array_equal(Overlay().draw(make_paper(), make_moment(0.0)), make_paper())


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("confidence", [0.9, 0.4])
def test_frames_look_as_on_photos(expression, confidence) -> None:
    sighting = make_sighting(expression=expression, confidence=confidence)
    drawn, photo = Overlay().draw(make_paper(), make_moment(0.0, sighting)), annotate(make_paper(), [sighting.face])
    left, top, right, bottom = 190, 140, 330, 300
    corner, whole = np.s_[150:160, 200:210], np.s_[top:bottom, left:right]
    assert np.abs(drawn[corner].astype(int) - photo[corner]).max() <= 4
    share = is_colored(drawn[whole], expression).sum() / is_colored(photo[whole], expression).sum()
    assert 0.8 < share < 1.2
    assert (drawn[180:260, 220:300] == 150).all(), "the face itself stays free"


def test_dashes_are_fewer_than_a_whole_line() -> None:
    certain, doubtful = (
        Overlay().draw(make_paper(), make_moment(0.0, make_sighting(confidence=confidence)))
        for confidence in (0.9, 0.4)
    )
    side = np.s_[150:290, 198:208]
    assert 0.3 < is_colored(doubtful[side], "happy").sum() / is_colored(certain[side], "happy").sum() < 0.8


def test_the_label_names_the_person_and_says_the_steady_label_not_the_raw_one() -> None:
    def label(sighting: Sighting) -> np.ndarray:
        drawn = Overlay().draw(make_paper(), make_moment(0.0, sighting))
        left, top, right, bottom = find_label(drawn)
        return drawn[top:bottom, left:right]

    one, steady = make_sighting(1), make_sighting(1)
    raw = make_sighting(1, expression="sad").face
    assert not np.array_equal(label(one), label(make_sighting(2)))
    np.testing.assert_array_equal(label(one), label(Sighting(1, raw, steady.probabilities, "happy")))


def test_the_label_keeps_its_width_while_the_confidence_changes() -> None:
    overlay = Overlay()
    widths = set()
    for number, confidence in enumerate((0.92, 1.0, 0.55, 0.4, 0.96)):
        left, _, right, _ = find_label(
            overlay.draw(make_paper(), make_moment(number / 10, make_sighting(confidence=confidence)))
        )
        widths.add(right - left)
    assert len(widths) == 1


def test_the_label_moves_with_its_face_and_no_further() -> None:
    overlay, before = Overlay(), None
    for number in range(0, 120, 2):  # up to the frame's upper edge, beyond it, and back
        top = 60.0 - number if number < 60 else number - 60.0
        left, upper, _, _ = find_label(
            overlay.draw(make_paper(), make_moment(number / 30, make_sighting(box=(200.0 + number, top, 120.0, 140.0))))
        )
        if before is not None:
            assert abs(left - before[0]) <= 3
            jumped = abs(upper - before[1]) > 4
            assert not jumped or not before[2], "from above to below at most once, and not back"
            before = (left, upper, before[2] or jumped)
        else:
            before = (left, upper, False)
    assert before is not None
    assert before[2], "the control: at the upper edge there is no room above the face"


def test_letters_keep_their_size_while_a_face_breathes() -> None:
    overlay, size = Overlay(), (1920, 1080)
    heights = set()
    for number in range(40):
        side = 180.0 + 6 * (number % 3)
        drawn = overlay.draw(
            make_paper(size), make_moment(number / 30, make_sighting(box=(600, 200, side, side)), size=size)
        )
        _, top, _, bottom = find_label(drawn)
        heights.add(bottom - top)
    assert len(heights) == 1
    fresh = [
        find_label(
            Overlay().draw(make_paper(size), make_moment(0.0, make_sighting(box=(600, 200, side, side)), size=size))
        )
        for side in (130.0, 230.0)
    ]
    assert fresh[0][3] - fresh[0][1] < fresh[1][3] - fresh[1][1], "the control: letters do follow the face's size"


def test_a_label_made_small_by_a_neighbor_grows_again_when_the_neighbor_is_gone() -> None:
    first = make_sighting(1, (200, 5, 60, 465))
    neighbors = make_sighting(2, (100, 5, 96, 465)), make_sighting(3, (264, 5, 60, 465))
    overlay = Overlay()

    def draw(time_s: float, *sightings: Sighting) -> np.ndarray:
        return overlay.draw(make_paper(), make_moment(time_s, *sightings))[:400]

    alone = Overlay().draw(make_paper(), make_moment(0.0, first))[:400]
    draw(0.0, first, *neighbors)
    assert (draw(0.1, first) != alone).any(), "not at once: the neighbor may be back with the next frame"
    for number in range(2, 10):
        draw(number / 10, first)
    assert ((draw(3.0, first).max(axis=2) < 60).sum()) == (alone.max(axis=2) < 60).sum()


def test_the_strip_shows_the_last_seconds_with_gaps() -> None:
    overlay = Overlay(timeline_s=10.0)
    story = {0: "happy", 3: None, 5: "sad", 8: "neutral"}
    label, drawn = None, None
    for number in range(101):
        label = story.get(number // 10, label) if number % 10 == 0 else label
        present = [make_sighting(expression=label)] if label else []
        drawn = overlay.draw(make_paper(), make_moment(number / 10, *present))
    assert drawn is not None
    lane = lane_of(drawn)
    shares = {name: is_colored(lane, name).mean() for name in ("happy", "sad", "neutral")}
    assert shares == pytest.approx({"happy": 0.29, "sad": 0.3, "neutral": 0.2}, abs=0.03)
    assert is_colored(lane[: len(lane) // 5], "happy").all(), "the oldest at the left"
    assert is_colored(lane[-20:], "neutral").all(), "now at the right edge"
    gap = lane[round(0.33 * len(lane)) : round(0.47 * len(lane))]
    assert not any(is_colored(gap, name).any() for name in EXPRESSIONS)


def test_without_a_face_only_the_strip_is_drawn_until_its_time_is_over() -> None:
    overlay = Overlay(timeline_s=2.0)
    overlay.draw(make_paper(), make_moment(0.0, make_sighting()))
    overlay.draw(make_paper(), make_moment(0.5, make_sighting()))
    drawn = overlay.draw(make_paper(), make_moment(1.0))
    strip = StripScale.of(SIZE[1]).height(1)
    assert (drawn[:-strip] == 150).all()
    assert is_colored(lane_of(drawn), "happy").mean() == pytest.approx(0.25, abs=0.03)
    np.testing.assert_array_equal(overlay.draw(make_paper(), make_moment(3.0)), make_paper())


def test_what_is_not_certain_is_hollow() -> None:
    overlay = Overlay()
    for number in range(30):
        drawn = overlay.draw(make_paper(), make_moment(number / 10, make_sighting(confidence=0.4)))
    scale = StripScale.of(SIZE[1])
    lane = drawn[-scale.pad - scale.lane : -scale.pad - 1, 580:620]
    filled = is_colored(lane, "happy").mean(axis=1)
    assert filled[0] == filled[-1] == 1.0
    assert (filled[3:-3] == 0.0).all()


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (1280, 720), (1920, 1080), (720, 1280)])
def test_the_strip_takes_little_of_the_height(size) -> None:
    overlay = Overlay()
    crowd = [make_sighting(person, (10.0 * person, 10.0, 8.0, 8.0)) for person in range(1, 9)]
    for time_s in (0.0, 0.5):
        overlay.draw(make_paper(size), make_moment(time_s, *crowd, size=size))
    drawn = overlay.draw(make_paper(size), make_moment(1.0, size=size))
    changed = (drawn != 150).any(axis=(1, 2))
    assert 0 < changed.sum() <= LARGEST_SHARE * size[1]
    assert changed[-changed.sum() :].all()


def test_a_person_keeps_the_lane_through_a_short_absence_and_loses_it_to_others_later() -> None:
    size = (320, 240)  # room for two
    assert StripScale.of(size[1]).lanes == 2
    colors = {1: "happy", 2: "sad", 3: "disgust"}
    overlay = Overlay()

    def draw(time_s: float, *persons: int) -> np.ndarray:
        sightings = [make_sighting(p, (60.0 * p, 60.0, 30.0, 30.0), colors[p]) for p in persons]
        return overlay.draw(make_paper(size), make_moment(time_s, *sightings, size=size))

    for number in range(10):
        draw(number / 10, 1, 2, 3)
    short = draw(1.5, 2, 3)
    assert is_colored(lane_of(short, 0, 2), "happy").any()
    late = draw(3.0, 2, 3)
    assert is_colored(lane_of(late, 0, 2), "sad").any()
    assert is_colored(lane_of(late, 1, 2), "disgust").any()
    assert not is_colored(lane_of(late, 0, 2), "happy").any()


def test_another_size_within_a_video_keeps_the_history() -> None:
    overlay = Overlay()
    for number in range(50):
        overlay.draw(make_paper(), make_moment(number / 10, make_sighting()))
    small = (320, 240)
    drawn = overlay.draw(make_paper(small), make_moment(5.0, make_sighting(box=(100.0, 60.0, 60.0, 70.0)), size=small))
    assert drawn.shape == (240, 320, 3)
    assert is_colored(lane_of(drawn), "happy").mean() == pytest.approx(0.5, abs=0.06)


def test_a_time_before_the_last_clears_the_strip() -> None:
    overlay = Overlay()
    for number in range(50):
        overlay.draw(make_paper(), make_moment(number / 10, make_sighting()))
    drawn = overlay.draw(make_paper(), make_moment(0.0, make_sighting(expression="sad")))
    assert not is_colored(lane_of(drawn), "happy").any()
    assert is_colored(lane_of(drawn)[-2:], "sad").all()


def measure(value: object, seen: set[int]) -> int:
    """Return the bytes of a value and of all that it holds."""
    if id(value) in seen:
        return 0
    seen.add(id(value))
    size = sys.getsizeof(value)
    if isinstance(value, dict):
        return size + sum(measure(item, seen) for pair in value.items() for item in pair)
    if isinstance(value, str | bytes | int | float | np.ndarray):
        return size
    if isinstance(value, Iterable):
        return size + sum(measure(item, seen) for item in value)
    names = vars(value) if hasattr(value, "__dict__") else getattr(value, "__slots__", ())
    return size + sum(measure(getattr(value, name), seen) for name in names)


def test_the_measure_of_memory_sees_what_is_held() -> None:
    overlay = Overlay()
    before = measure(overlay, set())
    for number in range(20):
        overlay.draw(make_paper((160, 160)), make_moment(number / 10, make_sighting(number + 1), size=(160, 160)))
    assert measure(overlay, set()) > before + 5_000


@pytest.mark.parametrize(("step_s", "frames"), [(1 / 30, 1_500), (1e-5, 1_000), (0.0, 1_000)])
def test_memory_is_bounded(step_s, frames) -> None:
    """People come and go, labels flicker, and time runs as usual, hardly, or not at all."""
    overlay, rng, size = Overlay(timeline_s=2.0), np.random.default_rng(0), (160, 160)
    paper, sizes = make_paper(size), []
    for number in range(frames):
        labels = rng.choice(EXPRESSIONS, 2)
        sightings = [make_sighting(1, (10.0, 90.0, 30.0, 30.0), str(labels[0]))]
        if number % 5:
            sightings.append(make_sighting(2 + number // 5, (90.0, 90.0, 30.0, 30.0), str(labels[1]), 0.4))
        overlay.draw(paper, Moment(number, number * step_s, *size, tuple(sightings)))
        if number in {frames * 3 // 4, frames - 1}:
            sizes.append(measure(overlay, set()))
    assert sizes[1] < 1.2 * sizes[0]
    assert sizes[1] < 200_000


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (40, 30), (20, 400), (641, 479)])
@pytest.mark.parametrize(
    "box", [(0, 0, 2, 2), (-50, -50, 900, 900), (600, 600, 5, 5), (0.4, 0.4, 0.1, 0.1), (-30, 5, 40, 300)]
)
@pytest.mark.parametrize("confidence", [0.9, 0.4])
def test_no_size_of_frame_or_box_fails(size, box, confidence) -> None:
    overlay = Overlay()
    for number in range(3):
        moment = make_moment(number / 10, make_sighting(12345, box, confidence=confidence), size=size)
        assert overlay.draw(make_paper(size), moment).shape == (size[1], size[0], 3)


def test_a_face_outside_the_frame_is_not_drawn() -> None:
    drawn = Overlay().draw(make_paper(), make_moment(0.0, make_sighting(box=(700.0, 10.0, 50.0, 50.0))))
    assert (drawn[: -StripScale.of(SIZE[1]).height(1)] == 150).all()


SENTENCE = "a label that nobody would ever think of, as long as a whole sentence may be"


def lay_out(size: tuple[int, int], person: int = 1, **seen: object) -> Caption:
    """Return the label of the only person on a frame."""
    sighting = make_sighting(person, (size[0] * 0.35, 40.0, 40.0, 50.0), **seen)  # type: ignore[arg-type]
    box = (round(size[0] * 0.35), 40, round(size[0] * 0.35) + 40, 90)
    labels = SteadyLabels()
    labels.begin_frame(size, 1, 0.0)
    labels.choose_line(person, box, 0.0)
    ((_, caption, _),) = labels.place([Framed(sighting, box, box)], Places(size, [box]), 0.0)
    return caption


@pytest.mark.parametrize(("width", "is_cut"), [(240, True), (320, True), (640, False)])
def test_a_long_label_of_ones_own_takes_the_whole_width_before_it_is_cut(width, is_cut) -> None:
    caption = lay_out((width, 240), expression=SENTENCE, labels=(SENTENCE, "calm"))
    assert caption.width <= width
    assert caption.name.endswith("…") is is_cut
    assert SENTENCE.startswith(caption.name.removesuffix("…")) is is_cut
    assert (caption.width >= 0.97 * width) is is_cut


def test_long_labels_of_neighbors_are_cut_so_that_each_has_one() -> None:
    people = [
        make_sighting(n + 1, (40.0 + 300 * n, 5.0, 90.0, 380.0), SENTENCE, labels=(SENTENCE, "calm")) for n in (0, 1)
    ]
    drawn = Overlay().draw(make_paper(), make_moment(0.0, *people))
    dark = (drawn.max(axis=2) < 60) & (drawn.min(axis=2) > 20)
    for left, right in ((140, 330), (440, 640)):
        assert dark[5:385, left:right].sum() > 1000 or dark[385:, left - 100 : right - 100].sum() > 1000


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("confidence", [0.9, 0.3])
def test_on_a_narrow_frame_the_percent_gives_way_and_the_word_does_not(expression, confidence) -> None:
    said = f"{expression}{'' if confidence > 0.5 else '?'}"
    for person in (1, 23):
        narrow = lay_out((176, 144), person, expression=expression, confidence=confidence)
        assert (narrow.name, narrow.is_whole) == (f"{person}  {said}", True)
        wide = lay_out((320, 240), person, expression=expression, confidence=confidence)
        assert (wide.name, wide.percent) == (f"{person}  {said}", f"{confidence:.0%}")
    assert lay_out((176, 144), expression="surprise", confidence=confidence).percent == "", "the control: no room"
    assert lay_out((90, 100), 123456789012, expression=expression, confidence=confidence).name == said


def test_who_is_seen_for_a_moment_has_no_lane() -> None:
    def watch(until_s: float, step_s: float = 0.1) -> np.ndarray:
        overlay = Overlay()
        for number in range(round(2.0 / step_s) + 1):
            time_s = number * step_s
            seen = [make_sighting(1, expression="happy")] * (time_s < 1.95)
            fleeting = [make_sighting(2, (20.0, 20.0, 60.0, 70.0), "disgust")] * (0.95 < time_s < 1.0 + until_s)
            drawn = overlay.draw(make_paper(), make_moment(time_s, *seen, *fleeting))
        return drawn

    strip = StripScale.of(SIZE[1])
    short, long = watch(0.45), watch(0.55)
    assert (short[: -strip.height(1)] == 150).all(), "one lane"
    assert is_colored(lane_of(short), "happy").mean() == pytest.approx(0.19, abs=0.02)
    assert is_colored(lane_of(long, 1, 2), "disgust").mean() == pytest.approx(0.05, abs=0.01), "its beginning, too"


def test_who_flickers_has_no_lane_and_on_a_short_strip_a_moment_is_enough() -> None:
    overlay = Overlay()
    for number in range(50):
        drawn = overlay.draw(make_paper(), make_moment(number / 10, *([make_sighting()] * (number % 2))))
    assert (drawn[400:] == 150).all()
    overlay = Overlay(timeline_s=0.4)
    for number in range(3):
        drawn = overlay.draw(make_paper(), make_moment(number / 20, make_sighting()))
    assert is_colored(lane_of(drawn), "happy").any()


def test_twelve_faces_stay_free_of_labels_and_keep_their_places() -> None:
    boxes = [(30.0 + 150 * (n % 4), 40.0 + 130 * (n // 4), 60.0, 70.0) for n in range(12)]
    overlay, rng, counts = Overlay(), np.random.default_rng(0), []
    for number in range(20):
        crowd = [
            make_sighting(n + 1, (box[0] + rng.integers(-1, 2), box[1], box[2], box[3])) for n, box in enumerate(boxes)
        ]
        drawn = overlay.draw(make_paper(), make_moment(number / 10, *crowd))
        assert all(
            (drawn[round(y) + 15 : round(y) + 55, round(x) + 15 : round(x) + 45] == 150).all() for x, y, _, _ in boxes
        )
        counts.append(int((drawn[:400].max(axis=2) < 60).sum()))
    assert min(counts) > 12_000, "the control: there are labels"
    assert max(counts) - min(counts) < 0.05 * max(counts), "none comes and goes"


def test_pixels_of_another_frame_are_refused() -> None:
    with pytest.raises(InputError, match="640 x 480 pixels, got one of 320 x 240"):
        Overlay().draw(make_paper((320, 240)), make_moment(0.0))
    with pytest.raises(InputError, match=r"got \(480, 640\) uint8"):
        Overlay().draw(make_paper()[..., 0], make_moment(0.0))
    with pytest.raises(InputError, match="float64"):
        Overlay().draw(make_paper().astype(float), make_moment(0.0))


@pytest.mark.parametrize("timeline_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_timeline_without_length_is_refused(timeline_s) -> None:
    with pytest.raises(InputError, match="positive number of seconds"):
        Overlay(timeline_s=timeline_s)
