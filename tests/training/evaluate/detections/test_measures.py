"""A detector's figures against cases worked out by hand, scikit-learn's, and the rules written out slowly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError

from mien.core.errors import DataError
from mien.training.evaluate.detections.matching import FoundFaces, TrueFaces
from mien.training.evaluate.detections.measures import DetectionMeasures, measure_detections

FIVE = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
"""Right eye, left eye, nose tip, mouth corners, in shares of the box: eyes of a 100 px face are 40 px apart."""

BIG = (0, 0, 100, 100)
FAR = (500, 500, 100, 100)
NOWHERE = (1000, 0, 100, 100)


def _points(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, None, :2] + FIVE * boxes[:, None, 2:]).astype(np.float32)


def _found(*rows: tuple[float, ...]) -> FoundFaces:
    """Return one picture's detections from rows of x, y, width, height, score."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    return FoundFaces(table[:, :4], table[:, 4], _points(table[:, :4]))


def _true(*rows: tuple[float, ...]) -> TrueFaces:
    boxes = np.array(rows, np.float32).reshape(-1, 4)
    return TrueFaces(boxes, _points(boxes))


def _measure(found: FoundFaces, true: TrueFaces, min_score: float = 0.5) -> DetectionMeasures:
    return measure_detections([found], [true], min_score=min_score)


def _draw(seed: int, pictures: int = 12) -> tuple[list[FoundFaces], list[TrueFaces]]:
    """Return crowded pictures of faces of 10-90 px, found roughly, twice, and where there are none."""
    random = np.random.default_rng(seed)
    found, true = [], []
    for _ in range(pictures):
        sides = random.uniform(10, 90, (random.integers(0, 12), 1)) * random.uniform(0.8, 1.2, (1, 2))
        boxes = np.hstack([random.uniform(0, 200, (len(sides), 2)), sides])
        near = np.repeat(boxes, random.integers(0, 4, len(boxes)), axis=0)
        near[:, :2] += random.normal(scale=0.12, size=(len(near), 2)) * near[:, 2:]
        near[:, 2:] *= random.uniform(0.75, 1.3, (len(near), 2))
        stray = np.hstack([random.uniform(0, 300, (5, 2)), random.uniform(10, 90, (5, 2))])
        guesses = np.vstack([near, stray])
        scores = random.integers(0, 21, len(guesses)) / 20  # coarse, so that many are equal
        found.append(_found(*np.column_stack([guesses, scores])))
        true.append(_true(*boxes))
    return found, true


# --- the ends of the scale -------------------------------------------------------------------------------------------


def test_perfect_detections_give_one() -> None:
    faces = ((0, 0, 20, 20), (100, 0, 40, 40), (200, 0, 80, 80))
    found = _measure(_found(*((*face, 0.9) for face in faces)), _true(*faces))
    assert (found.n_pictures, found.n_faces_16, found.n_faces_32, found.n_faces_64) == (1, 3, 2, 1)
    assert (found.ap_16, found.ap_32, found.ap_64) == (1.0, 1.0, 1.0)
    assert (found.recall_32, found.precision_32, found.false_faces_per_picture) == (1.0, 1.0, 0.0)
    assert (found.landmark_error_32, found.landmark_error_64, found.min_score) == (0.0, 0.0, 0.5)


def test_no_detection_gives_zero_and_no_precision() -> None:
    found = _measure(_found(), _true(BIG))
    assert (found.ap_16, found.ap_32, found.ap_64, found.recall_32) == (0.0, 0.0, 0.0, 0.0)
    assert found.false_faces_per_picture == 0.0
    assert (found.precision_32, found.landmark_error_32, found.landmark_error_64) == (None, None, None)


def test_without_a_face_there_is_no_average_precision_and_no_recall() -> None:
    found = _measure(_found((*BIG, 0.9)), _true())
    assert (found.n_faces_16, found.ap_16, found.ap_32, found.ap_64, found.recall_32) == (0, None, None, None, None)
    assert (found.precision_32, found.false_faces_per_picture) == (0.0, 1.0)


def test_empty_pictures_count_only_as_pictures() -> None:
    found = measure_detections(
        [_found(), _found((*BIG, 0.9), (*NOWHERE, 0.8)), _found()], [_true(), _true(BIG), _true()], min_score=0.5
    )
    assert (found.n_pictures, found.ap_32, found.precision_32) == (3, 1.0, 0.5)
    assert found.false_faces_per_picture == pytest.approx(1 / 3)
    assert measure_detections([_found()], [_true()], min_score=0.5).false_faces_per_picture == 0.0


def test_the_shorter_side_decides_whether_a_face_counts() -> None:
    sides = ((15, 99), (99, 15), (16, 99), (99, 16), (31, 99), (99, 32), (63, 99), (64, 64))
    found = _measure(_found(), _true(*((200 * i, 0, *side) for i, side in enumerate(sides))))
    assert (found.n_faces_16, found.n_faces_32, found.n_faces_64) == (6, 3, 1)


# --- matching --------------------------------------------------------------------------------------------------------


def test_an_overlap_of_half_matches_and_less_does_not() -> None:
    assert _measure(_found((0, 0, 100, 50, 0.9)), _true(BIG)).ap_32 == 1.0
    assert _measure(_found((0, 0, 100, 49.9, 0.9)), _true(BIG)).ap_32 == 0.0


def test_a_face_found_twice_is_a_false_positive() -> None:
    # Hit, double, hit: precision 1 and 2/3 at the hits.
    found = _measure(_found((*BIG, 0.9), (2, 0, 100, 100, 0.8), (*FAR, 0.7)), _true(BIG, FAR))
    assert found.ap_32 == pytest.approx((1 + 2 / 3) / 2)
    assert found.precision_32 == pytest.approx(2 / 3)
    assert found.false_faces_per_picture == 0.0  # it is on a face, after all


def test_the_higher_score_chooses_first_in_whatever_order_they_come() -> None:
    # If the worse (first) took the face, the landmarks would be 10 px off: 10 / 40.
    found = _measure(_found((10, 0, 100, 100, 0.6), (*BIG, 0.9)), _true(BIG))
    assert found.landmark_error_32 == 0.0
    assert found.ap_32 == 1.0


def test_a_detection_takes_the_face_it_overlaps_most() -> None:
    # First: 33/47 with the face listed first, 39/41 with the other. Second: 32/48 with the first, 24/56 with the other.
    found = _measure(_found((1, 0, 40, 40, 0.9), (16, 0, 40, 40, 0.8)), _true((8, 0, 40, 40), (0, 0, 40, 40)))
    assert found.ap_32 == 1.0


def test_where_the_best_face_is_taken_the_next_best_is_free() -> None:
    # Second: 37/43 with the face at 0, which is taken; 35/45 with the one at 8.
    found = _measure(_found((0, 0, 40, 40, 0.9), (3, 0, 40, 40, 0.8)), _true((0, 0, 40, 40), (8, 0, 40, 40)))
    assert found.ap_32 == 1.0


def test_a_face_that_does_not_count_is_never_taken() -> None:
    # At 32 px the detection lies exactly on a face of 31 px, and by 31/32 on one of 32 px: that one it finds.
    found = _measure(_found((0, 0, 31, 32, 0.9)), _true((0, 0, 31, 32), (0, 0, 32, 32)))
    assert found.ap_32 == 1.0
    # The small face's hit is no hit for the large one, which is missed.
    found = _measure(_found((200, 0, 31, 31, 0.9)), _true((200, 0, 31, 31), BIG))
    assert (found.ap_32, found.recall_32, found.ap_16) == (0.0, 0.0, 0.5)


# --- what is ignored -------------------------------------------------------------------------------------------------


def test_a_detection_on_a_small_face_is_ignored() -> None:
    # 28 px: too large a detection (24 px) to be ignored for its own size.
    found = _measure(_found((200, 0, 28, 28, 0.9), (*BIG, 0.8)), _true((200, 0, 28, 28), BIG))
    assert (found.ap_16, found.ap_32, found.precision_32) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(("height", "ap"), [(100, 1.0), (101, 0.5)])
def test_it_is_ignored_from_an_overlap_of_three_tenths_on(height: float, ap: float) -> None:
    # 30 x 30 in 30 x height: 900 / 3000 = 0.3, which is no match; at 16 px the face counts and the miss is a miss.
    found = _measure(_found((200, 0, 30, height, 0.9), (*BIG, 0.8)), _true((200, 0, 30, 30), BIG))
    assert found.ap_32 == ap
    assert found.ap_16 == 0.5 * 0.5  # false positive, hit, and one of the two faces missed


@pytest.mark.parametrize(("side", "ap"), [(23, 1.0), (24, 0.5)])
@pytest.mark.parametrize("is_wide", [True, False])
def test_a_detection_smaller_than_three_quarters_of_the_limit_is_ignored(side: float, ap: float, is_wide: bool) -> None:
    size = (60, side) if is_wide else (side, 60)
    found = _measure(_found((200, 0, *size, 0.9), (*BIG, 0.8)), _true(BIG))
    assert (found.ap_32, found.precision_32) == (ap, ap)
    assert (found.ap_64, found.ap_16) == (1.0, 0.5)  # 48 px and 12 px are their bounds
    assert found.false_faces_per_picture == 1.0  # but people see it


def test_a_small_detection_that_matches_is_a_hit() -> None:
    # 23/32 of a face of 32 px: found, though it is under 24 px.
    assert _measure(_found((0, 0, 32, 23, 0.9)), _true((0, 0, 32, 32))).ap_32 == 1.0


def test_a_double_is_not_excused_by_its_size_or_a_small_face_below_it() -> None:
    faces = _true((0, 0, 32, 32), (*BIG[:2], 31, 31), FAR)
    for double in ((0, 0, 32, 23), (0, 0, 31, 31)):
        found = _measure(_found((0, 0, 32, 32, 0.9), (*double, 0.8), (*FAR, 0.7)), faces)
        assert found.ap_32 == pytest.approx((1 + 2 / 3) / 2)


def test_touching_a_face_that_counts_excuses_nothing() -> None:
    # 40/100 of the face: too little for a match, yet no false face.
    found = _measure(_found((0, 0, 100, 40, 0.9), (*FAR, 0.8)), _true(BIG, FAR))
    assert found.ap_32 == 0.5 * 0.5
    assert (found.precision_32, found.false_faces_per_picture) == (0.5, 0.0)


# --- the area under the curve ----------------------------------------------------------------------------------------


def test_detections_are_pooled_over_pictures_and_precision_is_an_envelope() -> None:
    # By score: miss (0.95, second picture), hit, hit. Precision at the hits 1/2 and 2/3, the envelope 2/3 and 2/3.
    # The mean of the pictures' own would be (1 + 1/2) / 2, and without the envelope it would be 7/12.
    found = measure_detections(
        [_found((*BIG, 0.9)), _found((*BIG, 0.5), (*NOWHERE, 0.95))], [_true(BIG), _true(BIG)], min_score=0.5
    )
    assert found.ap_32 == pytest.approx(2 / 3)


def test_a_missed_face_is_missing_from_the_area() -> None:
    assert _measure(_found((*BIG, 0.9)), _true(BIG, FAR)).ap_32 == 0.5


def test_detections_below_the_least_score_count_for_average_precision_alone() -> None:
    found = _measure(_found((*BIG, 0.9), (*FAR, 0.1), (*NOWHERE, 0.05)), _true(BIG, FAR))
    assert (found.ap_32, found.recall_32, found.precision_32) == (1.0, 0.5, 1.0)
    assert found.false_faces_per_picture == 0.0


@pytest.mark.parametrize("kind", [float, np.float64])
def test_a_detection_at_the_least_score_is_shown(kind: type[float]) -> None:
    # 0.7 as float32 is 0.69999999: compared as float64 it would be below.
    found = _measure(_found((*BIG, 0.7), (*NOWHERE, 0.7)), _true(BIG), min_score=kind(0.7))
    assert (found.recall_32, found.precision_32, found.false_faces_per_picture) == (1.0, 0.5, 1.0)
    assert found.landmark_error_32 == 0.0


@pytest.mark.parametrize(("hit_first", "ap"), [(True, 1.0), (False, 0.5)])
def test_equal_scores_keep_the_order_of_the_pictures(hit_first: bool, ap: float) -> None:
    # Hundreds of them, as a sort that isn't stable would keep a few in order by chance.
    hits, misses = [_found((*BIG, 0.9))] * 200, [_found((*NOWHERE, 0.9))] * 200
    has_face, has_none = [_true(BIG)] * 200, [_true()] * 200
    found = hits + misses if hit_first else misses + hits
    true = has_face + has_none if hit_first else has_none + has_face
    assert measure_detections(found, true, min_score=0.5).ap_32 == ap


def test_of_equal_scores_the_first_handed_in_takes_the_face() -> None:
    exact, shifted = (*BIG, 0.9), (4, 0, 100, 100, 0.9)
    assert _measure(_found(exact, shifted), _true(BIG)).landmark_error_32 == 0.0
    assert _measure(_found(shifted, exact), _true(BIG)).landmark_error_32 == pytest.approx(4 / 40)


# --- false faces -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "false"), [(20, 0.0), (20.5, 1.0)])
def test_a_false_face_touches_no_face_of_any_size(height: float, false: float) -> None:
    # A face of 6 x 1 = 6 px in 1 x 20: 6/20 = 0.3.
    found = _measure(_found((0, 0, 1, height, 0.9)), _true((0, 0, 1, 6)))
    assert (found.n_faces_16, found.false_faces_per_picture) == (0, false)


def test_false_faces_are_counted_per_picture() -> None:
    stray = [(*NOWHERE, 0.9), (0, 900, 50, 50, 0.6), (900, 900, 50, 50, 0.4)]
    found = measure_detections([_found(*stray), _found(), _found((*BIG, 0.9))], [_true(BIG)] * 3, min_score=0.5)
    assert found.false_faces_per_picture == pytest.approx(2 / 3)


# --- landmarks -------------------------------------------------------------------------------------------------------


def _shift(faces: tuple[tuple[float, ...], ...], by: list[np.ndarray]) -> FoundFaces:
    """Return detections exactly on `faces`, whose points are moved `by` (5, 2) pixels."""
    found = _found(*((*face, 0.9) for face in faces))
    return FoundFaces(found.boxes, found.scores, found.landmarks + np.array(by, np.float32))


def test_landmark_error_is_the_mean_over_five_points_in_distances_of_the_true_eyes() -> None:
    moved = np.zeros((5, 2))
    moved[0], moved[2] = (-6, 8), (0, 5)  # 10 px and 5 px; the found eyes are no longer 40 px apart
    found = _measure(_shift((BIG,), [moved]), _true(BIG))
    assert found.landmark_error_32 == pytest.approx((10 + 5) / 5 / 40)


def test_landmark_error_is_the_median_over_the_faces_of_its_limit() -> None:
    # Faces of 40, 50, 100 px with eyes 16, 20, 40 px apart, each moved 4 px: 0.25, 0.2, 0.1.
    faces = ((0, 0, 40, 40), (200, 0, 50, 50), (400, 0, 100, 100), (600, 0, 20, 20))
    found = _measure(_shift(faces, [np.tile((0, 4), (5, 1))] * 4), _true(*faces))
    assert found.landmark_error_32 == pytest.approx(0.2)
    assert found.landmark_error_64 == pytest.approx(0.1)


def test_landmark_error_leaves_out_faces_that_are_not_found_at_the_least_score_or_have_no_landmarks() -> None:
    true = _true(BIG, FAR, (0, 500, 100, 100))
    true.landmarks[1] = np.nan
    true.landmarks[2, 4, 1] = np.nan
    found = _shift((BIG, FAR, (0, 500, 100, 100)), [np.full((5, 2), 3.0)] * 3)
    assert _measure(found, true).landmark_error_32 == pytest.approx(np.hypot(3, 3) / 40)
    assert _measure(found, true, min_score=0.95).landmark_error_32 is None
    only = TrueFaces(true.boxes[1:], true.landmarks[1:])
    assert _measure(found, only).landmark_error_64 is None
    assert _measure(found, only).recall_32 == 1.0


@pytest.mark.parametrize(("distance", "error"), [(2.0, 0.5), (1.9, None)])
def test_a_face_seen_from_the_side_whose_eyes_are_under_two_pixels_apart_is_left_out(
    distance: float, error: float | None
) -> None:
    true = _true(BIG)
    true.landmarks[0, 1] = true.landmarks[0, 0] + np.float32([distance, 0])
    found = FoundFaces(true.boxes, np.float32([0.9]), true.landmarks + np.float32([0, 1]))
    assert _measure(found, true).landmark_error_32 == (None if error is None else pytest.approx(error))


# --- against others --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_equals_scikit_learns(seed: int) -> None:
    """scikit-learn knows no missed faces (its recall ends at 1), takes no envelope, and joins equal scores."""
    metrics = pytest.importorskip("sklearn.metrics", reason="the report extra brings scikit-learn")
    random = np.random.default_rng(seed)
    scores = random.permutation(np.linspace(0.03, 0.97, 200)).astype(np.float32)
    is_hit = random.random(200) < scores
    found = [_found((*(BIG if hit else NOWHERE), score)) for hit, score in zip(is_hit, scores, strict=True)]
    true = [_true(BIG) if hit else _true() for hit in is_hit]
    missed = 17
    found, true = [*found, *[_found()] * missed], [*true, *[_true(BIG)] * missed]
    ours = measure_detections(found, true, min_score=0.5).ap_32
    assert ours is not None

    share_found = is_hit.sum() / (is_hit.sum() + missed)
    without_envelope = metrics.average_precision_score(is_hit, scores) * share_found
    precision, recall, _ = metrics.precision_recall_curve(is_hit, scores)  # by rising score: recall falls
    envelope = np.maximum.accumulate(precision)
    assert ours == pytest.approx((-np.diff(recall) * envelope[:-1]).sum() * share_found)
    assert without_envelope < ours < without_envelope + 0.05

    # Where precision never rises the envelope is the curve: every hit scores above every miss but the last hit.
    falling = np.where(is_hit, 0.5 + scores / 2, scores / 2).astype(np.float32)
    falling[np.flatnonzero(is_hit)[0]] = 0.001
    found = [_found((*(BIG if hit else NOWHERE), score)) for hit, score in zip(is_hit, falling, strict=True)]
    ours = measure_detections(found, true[:200], min_score=0.5).ap_32
    assert ours == pytest.approx(metrics.average_precision_score(is_hit, falling))
    assert ours < 1.0


def _iou(one: list[float], other: list[float]) -> float:
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def _slow_average_precision(found: list[FoundFaces], true: list[TrueFaces], limit: float) -> float:
    """Follow the rules one detection after the other, over all pictures at once."""
    pool = [
        (-float(score), number, box.tolist())
        for number, picture in enumerate(found)
        for box, score in zip(picture.boxes, picture.scores, strict=True)
    ]
    faces = [[(box.tolist(), min(box[2:]) >= limit) for box in picture.boxes] for picture in true]
    n_faces = sum(counts for picture in faces for _, counts in picture)
    taken: set[tuple[int, int]] = set()
    curve, hits, answers = [], 0, 0
    for _, number, box in sorted(pool, key=lambda row: row[0]):
        overlaps = [(_iou(box, face), counts, (number, i)) for i, (face, counts) in enumerate(faces[number])]
        matching = [(iou, key) for iou, counts, key in overlaps if counts and iou >= 0.5]
        free = [(iou, key) for iou, key in matching if key not in taken]
        if free:
            taken.add(max(free)[1])
            hits += 1
        elif not matching and (
            min(box[2:]) < 0.75 * limit or any(iou >= 0.3 and not counts for iou, counts, _ in overlaps)
        ):
            continue
        answers += 1
        curve.append((hits / n_faces, hits / answers))
    levels = sorted({0.0, *(recall for recall, _ in curve)})
    return sum(
        (high - low) * max(precision for recall, precision in curve if recall >= high) for low, high in pairwise(levels)
    )


@pytest.mark.parametrize("seed", range(8))
def test_average_precision_equals_the_rules_written_out_slowly(seed: int) -> None:
    found, true = _draw(seed)
    ours = measure_detections(found, true, min_score=0.5)
    expected = [_slow_average_precision(found, true, limit) for limit in (16, 32, 64)]
    assert [ours.ap_16, ours.ap_32, ours.ap_64] == pytest.approx(expected)
    assert len(set(expected)) == 3  # the limits are told apart
    assert all(0.05 < value < 0.95 for value in expected)


# --- what is refused -------------------------------------------------------------------------------------------------


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(DataError, match="got 0 and 0"):
        measure_detections([], [], min_score=0.5)
    with pytest.raises(DataError, match="got 1 and 2"):
        measure_detections([_found()], [_true(), _true()], min_score=0.5)


@pytest.mark.parametrize("min_score", [-0.1, 1.1, float("nan")])
def test_an_impossible_least_score_is_refused(min_score: float) -> None:
    with pytest.raises(DataError, match="min_score must lie in 0-1"):
        measure_detections([_found()], [_true()], min_score=min_score)


def test_figures_are_frozen_and_know_no_other_field() -> None:
    found = _measure(_found(), _true(BIG))
    with pytest.raises(ValidationError, match="frozen"):
        found.ap_32 = 1.0  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        DetectionMeasures.model_validate(found.model_dump() | {"ap_128": 1.0})
    assert DetectionMeasures.model_validate_json(found.model_dump_json()) == found
