import pytest

torch = pytest.importorskip("torch", reason="training needs the train extra")

from mien.training.fit.faces.loss import LANDMARK_SCALE, Truth, generalized_iou, measure_parts  # noqa: E402
from mien.training.models.face_pyramid import Answers, FacePyramid, cell_middles, decode  # noqa: E402
from mien.training.models.suppression import find_iou, suppress  # noqa: E402

SIDE = 128
MIDDLES, STRIDES = cell_middles(SIDE, SIDE)
FACES = torch.tensor([[16.0, 16, 48, 56], [70, 60, 118, 124]])
POINTS = torch.rand(2, 5, 2, generator=torch.Generator().manual_seed(0)) * 30 + FACES[:, None, :2]
NONE = torch.zeros(0, 4)


def truth(faces=FACES, points=POINTS, ignored=NONE):
    return Truth(faces, points.clone(), torch.as_tensor(ignored, dtype=torch.float32).reshape(-1, 4))


EMPTY = truth(FACES[:0], POINTS[:0])


def cells_of(number, count=4):
    """Return the cells of the fine grid that are nearest to a face's middle."""
    away = (MIDDLES - (FACES[number, :2] + FACES[number, 2:]) / 2).norm(dim=1).masked_fill(STRIDES != 8, 1e9)
    return away.argsort()[:count]


def answer_perfectly(pictures=1):
    """Return answers in which four cells know each face, and the others say that there is none."""
    cells = len(MIDDLES)
    logits, boxes = torch.full((pictures, cells), -20.0), torch.full((pictures, cells, 4), -50.0)
    landmarks = torch.zeros(pictures, cells, 5, 2)
    for number in range(len(FACES)):
        own = cells_of(number)
        logits[:, own], boxes[:, own], landmarks[:, own] = 20.0, FACES[number], POINTS[number]
    return Answers(*(part.requires_grad_() for part in (logits, boxes, landmarks)))


def guess(pictures=1, seed=0):
    raw = torch.randn(pictures, len(MIDDLES), 15, generator=torch.Generator().manual_seed(seed)) * 0.3
    raw[..., 0] -= 3
    raw[..., 1:5] += 1
    return Answers(*(part.detach().requires_grad_() for part in decode(raw, MIDDLES, STRIDES)))


def measure(answers, *truths):
    return measure_parts(answers, truths, MIDDLES, STRIDES)


def changed(answers, **parts):
    return answers._replace(**{name: part.detach().requires_grad_() for name, part in parts.items()})


def test_perfect_answers_cost_nothing():
    parts = measure(answer_perfectly(2), truth(), truth())
    assert all(0 <= part < 1e-5 for part in parts)


def test_each_mistake_costs_in_its_own_part():
    """Control of the test above."""
    perfect = answer_perfectly()
    unsure = measure(changed(perfect, logits=perfect.logits * 0), truth())
    assert unsure.score > 1
    assert max(unsure.box, unsure.landmarks) < 1e-5
    off = measure(changed(perfect, boxes=perfect.boxes + 3), truth())
    assert 0.05 < off.box < 0.5
    assert off.landmarks < 1e-5
    moved = measure(changed(perfect, landmarks=perfect.landmarks + 3), truth())
    assert moved.landmarks > 0.1
    assert max(moved.score, moved.box) < 1e-5


def test_a_false_face_costs():
    perfect = answer_perfectly()
    logits = perfect.logits.detach().clone()
    logits[0, -1] = 5.0
    assert measure(changed(perfect, logits=logits), truth()).score > 0.5


def test_scores_shall_tell_how_well_the_box_fits():
    """A cell whose box has an IoU of 0.75 is best at a score of 0.75."""
    perfect = answer_perfectly()
    boxes, logits = perfect.boxes.detach().clone(), perfect.logits.detach().clone()
    boxes[0, cells_of(0)], logits[0, cells_of(0)] = -50.0, -20.0
    cell = cells_of(0, 1)
    boxes[0, cell] = torch.tensor([16.0, 16, 48, 46])  # three quarters of its height
    costs = []
    for score in (0.5, 0.75, 0.99):
        logits = logits.clone()
        logits[0, cell] = torch.logit(torch.tensor(score))
        costs.append(measure(changed(perfect, boxes=boxes, logits=logits), truth()).score.item())
    assert costs[1] < 1e-4 < min(costs[0], costs[2])


def test_gradients_flow_to_what_answers():
    answers = guess(2)
    sum(measure(answers, truth(), truth())).backward()
    for part in answers:
        assert part.grad.isfinite().all()
        assert part.grad.any()
    assert (answers.logits.grad != 0).all()  # every cell learns its score
    answering = answers.boxes.grad.any(dim=2)
    assert 2 <= answering[0].sum() <= 20
    assert torch.equal(answers.landmarks.grad.flatten(2).any(dim=2), answering)
    assert (answers.logits.grad[answering] < 0).all()  # up where there is a face
    assert (answers.logits.grad[~answering] > 0).all()


def test_a_step_against_the_gradient_brings_each_part_down():
    for name, field in (("score", "logits"), ("box", "boxes"), ("landmarks", "landmarks")):
        answers = guess()
        before = getattr(measure(answers, truth()), name)
        before.backward()
        values = getattr(answers, field)
        after = measure(changed(answers, **{field: values - 1e-3 * values.grad / values.grad.norm()}), truth())
        assert getattr(after, name) < before


def lie_inside(left, top, right, bottom):
    """Return which cells' middles lie inside a region."""
    x, y = MIDDLES.T
    return (x > left) & (x < right) & (y > top) & (y < bottom)


def gradient_of_scores(**parts):
    answers = guess()
    measure(answers, truth(**parts)).score.backward()
    return answers.logits.grad[0]


def test_ignored_regions_give_no_gradient_to_scores():
    region = [80.0, 0, 120, 40]
    inside = lie_inside(*region)
    gradient = gradient_of_scores(ignored=[region])
    assert inside.sum() > 25
    assert (gradient[inside] == 0).all()
    assert (gradient_of_scores()[inside] != 0).all()  # control
    far = (MIDDLES[:, 0] < 60) | (MIDDLES[:, 1] > 80)
    assert (gradient[far] != 0).all()


def test_of_several_regions_each_is_ignored():
    regions = torch.tensor([[80.0, 0, 120, 40], [0, 90, 30, 128]])
    gradient = gradient_of_scores(ignored=regions)
    for region in regions:
        inside = lie_inside(*region)
        assert inside.any()
        assert (gradient[inside] == 0).all()


def test_a_region_between_the_cells_silences_those_beside_it():
    gradient = gradient_of_scores(ignored=[[93.0, 21, 95, 27]])  # the cell (92, 20) sees it, (76, 20) does not
    seeing, blind = lie_inside(91, 19, 93, 21), lie_inside(75, 19, 77, 21)
    assert seeing.sum() == blind.sum() == 1
    assert gradient[seeing] == 0
    assert gradient[blind] != 0


def test_a_cell_that_answers_for_a_face_learns_even_where_something_is_ignored():
    everywhere = [[0.0, 0, SIDE, SIDE]]
    gradient = gradient_of_scores(ignored=everywhere)
    answers = guess()
    measure(answers, truth()).box.backward()
    answering = answers.boxes.grad[0].any(dim=1)
    assert torch.equal(gradient != 0, answering)


def test_unknown_landmarks_cost_nothing_and_give_no_gradient():
    points = POINTS.clone()
    points[0] = torch.nan
    points[1, 2] = torch.nan
    answers = guess()
    parts = measure(answers, truth(points=points))
    sum(parts).backward()
    gradient = answers.landmarks.grad[0]
    assert all(part.isfinite() for part in parts)
    assert gradient.isfinite().all()
    learning = gradient.any(dim=2)
    assert learning.any(dim=0).tolist() == [True, True, False, True, True]
    known = guess()
    measure(known, truth()).landmarks.backward()
    assert known.landmarks.grad[0].any(dim=2).any(dim=0).all()  # control
    assert learning.any(dim=1).sum() < known.landmarks.grad[0].any(dim=2).any(dim=1).sum()
    assert parts.landmarks < measure(guess(), truth()).landmarks


def test_landmark_errors_count_by_the_size_of_the_face_and_large_ones_linearly():
    perfect = answer_perfectly()

    def cost(share):
        landmarks = perfect.landmarks.detach().clone()
        for number, face in enumerate(FACES):
            side = (face[2:] - face[:2]).prod().sqrt()
            landmarks[0, cells_of(number), 0, 0] += share * side
        return measure(changed(perfect, landmarks=landmarks), truth()).landmarks.item()

    assert cost(LANDMARK_SCALE / 2) == pytest.approx(LANDMARK_SCALE / 8, rel=1e-3)
    assert cost(0.5) == pytest.approx(0.5 - LANDMARK_SCALE / 2, rel=1e-3)


def test_pictures_without_faces_work():
    answers = guess(2)
    parts = measure(answers, EMPTY, EMPTY)
    assert parts.score > 0
    assert parts.box == parts.landmarks == 0
    sum(parts).backward()
    assert (answers.logits.grad > 0).all()
    assert not answers.boxes.grad.any()
    mixed, alone = measure(guess(2), EMPTY, truth()), measure(Answers(*(part[1:] for part in guess(2))), truth())
    assert mixed.box.item() == pytest.approx(alone.box.item())
    assert mixed.score > alone.score


def test_the_cost_is_that_of_a_cell_whatever_the_number_of_pictures():
    one, many = (
        measure(Answers(*(part.expand(n, *part.shape[1:]) for part in guess())), *[truth()] * n) for n in (1, 3)
    )
    assert [part.item() for part in one] == pytest.approx([part.item() for part in many], rel=1e-5)


def test_generalized_iou_by_hand():
    box = [0.0, 0, 10, 10]
    others = torch.tensor([box, [0, 0, 10, 5], [5, 5, 15, 15], [20, 0, 30, 10], [1e4, 1e4, 1e4 + 10, 1e4 + 10]])
    found = generalized_iou(torch.tensor([box]).expand(5, 4), others)
    expected = [1, 0.5, 25 / 175 - 50 / 225, -10 / 30, -1]
    assert found.tolist() == pytest.approx(expected, abs=1e-3)
    assert torch.allclose(generalized_iou(others, torch.tensor([box]).expand(5, 4)), found)
    assert generalized_iou(NONE, NONE).shape == (0,)


def test_a_distant_box_is_drawn_nearer():
    box = torch.tensor([[60.0, 0, 70, 10]], requires_grad=True)
    generalized_iou(box, torch.tensor([[0.0, 0, 10, 10]])).backward()
    assert box.grad[0, [0, 2]].sum() < 0  # greater the farther to the left


def load(photo_set, row):
    """Return a drawn photo's upper left corner as planes, and its faces."""
    faces = photo_set.faces_of(row)
    sides = torch.from_numpy(faces["box"].copy())
    pixels = torch.from_numpy(photo_set.picture(row)[:SIDE, :SIDE].copy()).permute(2, 0, 1).float()
    planes = torch.zeros(3, SIDE, SIDE)
    planes[:, : pixels.shape[1], : pixels.shape[2]] = pixels / 64 - 1
    known = torch.from_numpy(faces["landmarks"].copy())
    return planes, Truth(torch.cat([sides[:, :2], sides[:, :2] + sides[:, 2:]], dim=1), known, NONE)


def test_a_network_learns_two_drawn_pictures_by_heart(photo_set):
    (first, one), (second, two) = load(photo_set, 0), load(photo_set, 7)
    planes, truths = torch.stack([first[:, :96, :128], second[:, :96, :128]]), [one, two]
    middles, strides = cell_middles(96, 128)
    torch.manual_seed(0)
    network = FacePyramid(16)
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    losses = []
    for _ in range(100):
        parts = measure_parts(decode(network(planes), middles, strides), truths, middles, strides)
        loss = parts.score + 2 * parts.box + 0.5 * parts.landmarks
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
    network.eval()
    with torch.inference_mode():
        answers = decode(network(planes), middles, strides)
    for number, known in enumerate(truths):
        boxes, scores, landmarks = suppress(answers, number, 0.3)
        overlap, found = find_iou(known.boxes, boxes).max(dim=1)
        assert len(boxes) == len(known.boxes)
        assert overlap.min() > 0.7
        assert scores.min() > 0.5
        sizes = (known.boxes[:, 2:] - known.boxes[:, :2]).prod(dim=1).sqrt()
        errors = (landmarks[found] - known.landmarks).norm(dim=2) / sizes[:, None]
        assert errors.max() < 0.1
