import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks need the train extra")

from mien.training.evaluate.detections.matching import find_iou as find_iou_of_sides  # noqa: E402
from mien.training.models import suppression as module  # noqa: E402
from mien.training.models.face_pyramid import Answers  # noqa: E402
from mien.training.models.suppression import AVERAGED_FROM, OVERLAP, find_iou, suppress  # noqa: E402


def make_answers(count, seed, spread=100.0, pictures=1):
    generator = torch.Generator().manual_seed(seed)
    middles = torch.rand(pictures, count, 2, generator=generator) * spread
    halves = 3 + torch.rand(pictures, count, 2, generator=generator) * 10
    logits = torch.randn(pictures, count, generator=generator)
    landmarks = torch.rand(pictures, count, 5, 2, generator=generator)
    return Answers(logits, torch.cat([middles - halves, middles + halves], dim=2), landmarks)


def logit(scores):
    return torch.logit(torch.tensor(scores))


def measure_overlap(a, b):
    common = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def suppress_plainly(scores, boxes, overlap, least):
    """Return the places that stay, one pair after the other, in plain Python."""
    kept = []
    for place in sorted(range(len(scores)), key=lambda place: (-scores[place], place)):
        if scores[place] > least and all(measure_overlap(boxes[place], boxes[other]) <= overlap for other in kept):
            kept.append(place)
    return kept


def average_plainly(scores, boxes, landmarks, kept, overlap):
    """Return the landmarks of those that stay, each the mean over the boxes near it, weighed by score."""
    means = []
    for place in kept:
        near = [other for other in range(len(scores)) if measure_overlap(boxes[place], boxes[other]) > overlap]
        means.append(np.average(landmarks[near], axis=0, weights=np.array(scores)[near]))
    return np.array(means)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("least", [0.0, 0.5])
def test_what_stays_is_what_a_plain_search_keeps(seed, least):
    answers = make_answers(200, seed, spread=60.0)
    found, sure, points = suppress(answers, 0, least)
    scores, boxes, landmarks = answers.logits[0].sigmoid().tolist(), answers.boxes[0].tolist(), answers.landmarks[0]
    expected = suppress_plainly(scores, boxes, OVERLAP, least)
    assert 20 < len(expected) < 180
    assert torch.equal(found, answers.boxes[0, expected])
    assert torch.allclose(sure, answers.logits[0, expected].sigmoid())
    means = average_plainly(scores, boxes, landmarks.numpy(), expected, AVERAGED_FROM)
    assert np.allclose(points, means, atol=1e-5)
    assert suppress_plainly(scores, boxes, 0.4, least) != expected  # controls
    assert not np.allclose(points, landmarks[expected], atol=1e-3)
    assert not np.allclose(points, average_plainly(scores, boxes, landmarks.numpy(), expected, 0.5), atol=1e-3)


def test_of_equal_scores_the_first_cell_stays():
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60], [0, 4, 10, 10]])[None]
    answers = Answers(torch.zeros(1, 4), boxes, torch.arange(4.0)[None, :, None, None].expand(1, 4, 5, 2))
    found, scores, landmarks = suppress(answers, 0, 0.1)
    assert found.tolist() == [[0, 0, 10, 10], [50, 50, 60, 60]]
    assert scores.tolist() == [0.5, 0.5]
    assert landmarks[:, 0, 0].tolist() == [0.5, 2]  # the last is a double, but no neighbor


def make_neighbors():
    """Return answers of four cells about one face, three of them near, and of one about another."""
    boxes = torch.tensor([[0.0, 0, 20, 20], [1, 0, 21, 20], [0, 1, 20, 21], [0, 6.5, 20, 20], [90, 0, 99, 9]])[None]
    landmarks = torch.tensor([10.0, 14, 8, 99, 50])[None, :, None, None].expand(1, 5, 5, 2)
    return Answers(logit([[0.8, 0.4, 0.2, 0.7, 0.1]]), boxes, landmarks)


def test_landmarks_are_the_mean_of_those_of_near_boxes_by_their_scores(monkeypatch):
    own, other = suppress(make_neighbors(), 0, 0.05)[2][:, 4, 1].tolist()
    assert own == pytest.approx((0.8 * 10 + 0.4 * 14 + 0.2 * 8) / 1.4)
    assert other == pytest.approx(50)
    monkeypatch.setattr(module, "AVERAGED_FROM", 0.65)  # the control: the fourth cell is near then
    own = float(suppress(make_neighbors(), 0, 0.05)[2][0, 4, 1])
    assert own == pytest.approx((0.8 * 10 + 0.4 * 14 + 0.2 * 8 + 0.7 * 99) / 2.1)


@pytest.mark.parametrize("least", [0.0, 0.3, 0.79])
def test_landmarks_do_not_depend_on_the_least_score(least):
    """A face that is found anyway stays where it is, though its neighbors are too unsure to be faces."""
    first = [part[:1] for part in suppress(make_neighbors(), 0, 0.05)]
    for found, expected in zip(suppress(make_neighbors(), 0, least), first, strict=True):
        assert torch.equal(found[:1], expected)


def test_only_the_best_cells_share_in_landmarks_and_other_faces_keep_their_own(monkeypatch):
    monkeypatch.setattr(module, "MOST_ASKED", 3)  # the best three are 0.8, 0.7 and 0.4
    own, other = suppress(make_neighbors(), 0, 0.05)[2][:, 4, 1].tolist()
    assert own == pytest.approx((0.8 * 10 + 0.4 * 14) / 1.2)
    assert other == 50


def test_boxes_without_an_area_keep_their_landmarks():
    boxes = torch.tensor([[5.0, 5, 5, 5], [5, 5, 5, 5]])[None]
    answers = Answers(logit([[0.6, 0.4]]), boxes, torch.tensor([3.0, 7.0])[None, :, None, None].expand(1, 2, 5, 2))
    assert suppress(answers, 0, 0.1)[2][:, 0, 0].tolist() == [3, 7]


def test_what_was_suppressed_suppresses_nothing():
    """In a row of boxes that each overlap the next, every second one stays."""
    left = torch.arange(5.0) * 2.5
    boxes = torch.stack([left, left * 0, left + 10, left * 0 + 10], dim=1)[None]
    found, _, _ = suppress(Answers(logit([[0.9, 0.8, 0.7, 0.6, 0.5]]), boxes, torch.zeros(1, 5, 5, 2)), 0, 0.1)
    assert found[:, 0].tolist() == [0, 5, 10]


def test_an_overlap_of_just_the_limit_is_no_double(monkeypatch):
    monkeypatch.setattr(module, "OVERLAP", 0.5)
    boxes = torch.tensor([[0.0, 0, 16, 16], [0, 0, 16, 8]])[None]
    answers = Answers(torch.zeros(1, 2), boxes, torch.zeros(1, 2, 5, 2))
    assert len(suppress(answers, 0, 0.1)[0]) == 2
    monkeypatch.setattr(module, "OVERLAP", 0.499)
    assert len(suppress(answers, 0, 0.1)[0]) == 1


def test_a_score_of_just_the_least_is_left_out():
    answers = make_answers(3, 0, spread=1e4)._replace(logits=logit([[0.25, 0.5, 0.75]]))
    assert suppress(answers, 0, 0.5)[1].tolist() == pytest.approx([0.75])
    assert len(suppress(answers, 0, 0.49)[1]) == 2


def test_nothing_found_has_the_right_shapes():
    for answers in (make_answers(10, 0), make_answers(0, 0)):
        boxes, scores, landmarks = suppress(answers, 0, 0.999)
        assert (boxes.shape, scores.shape, landmarks.shape) == ((0, 4), (0,), (0, 5, 2))


def test_the_picture_is_a_choice():
    both = make_answers(50, 3, pictures=2)
    for picture in (0, 1):
        alone = Answers(*(part[picture : picture + 1] for part in both))
        for found, expected in zip(suppress(both, picture, 0.3), suppress(alone, 0, 0.3), strict=True):
            assert torch.equal(found, expected)
    assert not torch.equal(suppress(both, 0, 0.3)[1][:3], suppress(both, 1, 0.3)[1][:3])


def test_only_the_best_faces_are_given(monkeypatch):
    answers = make_answers(60, 1, spread=1e4)
    monkeypatch.setattr(module, "MOST_FACES", 7)
    expected = answers.logits[0].sigmoid().sort(descending=True).values
    assert torch.equal(suppress(answers, 0, 0.0)[1], expected[:7])
    monkeypatch.setattr(module, "MOST_FACES", 750)
    assert torch.equal(suppress(answers, 0, 0.0)[1], expected)


def test_iou_is_the_one_that_is_measured_with():
    one, other = (make_answers(count, seed, spread=30.0).boxes[0] for count, seed in ((40, 1), (30, 2)))
    sides = [torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], dim=1).numpy() for boxes in (one, other)]
    measured = find_iou_of_sides(*sides)
    assert np.allclose(find_iou(one, other), measured, atol=1e-5)
    assert (measured > 0.3).any()


def test_iou_by_hand():
    square = torch.tensor([[0.0, 0, 10, 10]])
    others = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [5, 5, 15, 15], [10, 0, 20, 10], [0, 0, 0, 0]])
    assert find_iou(square, others)[0].tolist() == pytest.approx([1, 1 / 3, 25 / 175, 0, 0])
    assert find_iou(square[:0], others).shape == (0, 5)
    assert find_iou(others[4:], others[4:]).tolist() == [[0]]
