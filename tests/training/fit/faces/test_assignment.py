import pytest

torch = pytest.importorskip("torch", reason="training needs the train extra")

from mien.training.fit.faces.assignment import BEST, NEAR_STRIDES, assign  # noqa: E402
from mien.training.models.face_pyramid import ANSWERS, cell_middles, decode  # noqa: E402
from mien.training.models.suppression import find_iou  # noqa: E402

SIDE = 160
MIDDLES, STRIDES = cell_middles(SIDE, SIDE)


def guess(seed):
    """Return scores and boxes as a network gives them that has learned nothing yet."""
    raw = torch.randn(1, len(MIDDLES), ANSWERS, generator=torch.Generator().manual_seed(seed)) * 0.3
    raw[..., 1:5] += 1
    answers = decode(raw, MIDDLES, STRIDES)
    return answers.logits[0] - 4, answers.boxes[0]


def nothing():
    """Return low scores, and boxes that overlap no face."""
    return torch.full((len(MIDDLES),), -4.0), torch.full((len(MIDDLES), 4), -100.0)


def draw_faces(count, seed, smallest=8.5, largest=60.0):
    generator = torch.Generator().manual_seed(seed)
    sides = smallest * (largest / smallest) ** torch.rand(count, 2, generator=generator)
    middles = torch.rand(count, 2, generator=generator) * SIDE
    faces = torch.cat([middles - sides / 2, middles + sides / 2], dim=1).clamp(0, SIDE)
    return faces[(faces[:, 2:] - faces[:, :2]).amin(dim=1) > 8]


def call(logits, boxes, faces):
    return assign(logits, boxes, MIDDLES, STRIDES, torch.as_tensor(faces, dtype=torch.float32).reshape(-1, 4))


def cells_near(x, y, stride):
    """Return the cells of a grid, those first that lie nearest to a point."""
    away = (MIDDLES - torch.tensor([x, y])).norm(dim=1).masked_fill(stride != STRIDES, float("inf"))
    return away.argsort(stable=True)


@pytest.mark.parametrize("count", [1, 3, 12, 40])
def test_every_face_gets_a_cell_and_no_cell_two_faces(count):
    for seed in range(8):
        faces = draw_faces(count, seed)
        chosen = call(*guess(seed), faces)
        assert sorted(set(chosen.faces.tolist())) == list(range(len(faces)))
        assert len(chosen.cells) == len(chosen.cells.unique())
        assert len(chosen.cells) == len(chosen.faces) == len(chosen.ious)


@pytest.mark.parametrize("away", [0.0, 1.0, 4.0, 7.0])
def test_small_faces_side_by_side_each_get_a_cell(away):
    """They all want the same few cells."""
    faces = [[60 + away * n, 60, 69 + away * n, 69] for n in range(5)]
    for logits, boxes in (guess(0), nothing()):
        assert set(call(logits, boxes, faces).faces.tolist()) == set(range(5))


def test_more_faces_in_one_place_than_cells_share_what_there_is():
    chosen = call(*guess(0), [[60.0, 60, 70, 70]] * 60)
    assert len(chosen.cells) == len(chosen.cells.unique()) == len(chosen.faces.unique())
    assert 20 <= len(chosen.cells) < 60


def test_far_cells_answer_for_no_face():
    seen = 0
    for seed in range(8):
        faces = draw_faces(10, seed)
        chosen = call(*guess(seed), faces)
        middles, strides, own = MIDDLES[chosen.cells], STRIDES[chosen.cells, None], faces[chosen.faces]
        is_inside = ((middles > own[:, :2]) & (middles < own[:, 2:])).all(dim=1)
        is_near = ((middles - (own[:, :2] + own[:, 2:]) / 2).abs() <= NEAR_STRIDES * strides).all(dim=1)
        assert (is_inside | is_near).all()
        seen += len(chosen.cells)
    assert seen > 80


def test_large_faces_are_answered_from_near_their_middle():
    chosen = call(*guess(0), [[10.0, 10, 150, 150]])
    away = (MIDDLES[chosen.cells] - 80).abs().amax(dim=1)
    assert (away <= NEAR_STRIDES * STRIDES[chosen.cells]).all()


def test_even_a_perfect_cell_that_is_far_is_not_taken():
    face = torch.tensor([[20.0, 20, 50, 60]])
    logits, boxes = nothing()
    logits[:], boxes[:] = 5.0, face
    chosen = call(logits, boxes, face)
    assert len(chosen.cells) == BEST
    middles, strides = MIDDLES[chosen.cells], STRIDES[chosen.cells, None]
    assert ((middles - torch.tensor([35.0, 40.0])).abs() <= NEAR_STRIDES * strides).all()


@pytest.mark.parametrize("good", [1, 3, 6])
def test_as_many_cells_answer_as_fit_the_face(good):
    logits, boxes = nothing()
    face = torch.tensor([[64.0, 64, 96, 104]])
    cells = cells_near(80, 84, 8)[:good]
    boxes[cells] = face
    chosen = call(logits, boxes, face)
    assert sorted(chosen.cells.tolist()) == sorted(cells.tolist())
    assert chosen.ious.tolist() == [1.0] * good


def test_a_face_that_nothing_fits_has_one_cell():
    chosen = call(*nothing(), [[64.0, 64, 96, 104]])
    assert chosen.faces.tolist() == [0]
    assert chosen.ious.tolist() == [0]


def test_of_cells_that_fit_alike_the_surer_one_answers():
    face = torch.tensor([[64.0, 64, 96, 96]])
    for sure in range(4):
        logits, boxes = nothing()
        cells = cells_near(80, 80, 8)[:4]
        boxes[cells] = torch.tensor([64.0, 64, 96, 77])  # an IoU of 0.4: one and a half cells, rounded
        logits[cells[sure]] = 2.0
        chosen = call(logits, boxes, face)
        assert cells[sure] in chosen.cells.tolist()
        assert len(chosen.cells) == 2


def test_a_cell_that_two_faces_want_goes_to_the_one_it_fits_better():
    faces = torch.tensor([[64.0, 64, 96, 96], [72.0, 64, 104, 96]])
    for owner in (0, 1):
        logits, boxes = nothing()
        cell = cells_near(84, 80, 8)[0]
        boxes[cell], logits[cell] = faces[owner], 3.0
        chosen = call(logits, boxes, faces)
        assert chosen.faces[chosen.cells == cell].tolist() == [owner]
        assert set(chosen.faces.tolist()) == {0, 1}  # the other one is left with another cell


@pytest.mark.parametrize(("side", "is_taken"), [(9, True), (17, False)])
def test_a_cell_beside_a_small_face_may_answer_as_well_as_one_inside(side, is_taken):
    middle = 60 - 0.5 - side / 2  # the cell at (60, 60) is near, and just outside
    face = torch.tensor([[middle - side / 2, middle - side / 2, middle + side / 2, middle + side / 2]])
    logits, boxes = nothing()
    beside = cells_near(60, 60, 8)[0]
    boxes[beside] = face
    chosen = call(logits, boxes, face).cells
    assert len(chosen) == 1
    assert (chosen[0] == beside) == is_taken


def test_the_ious_are_those_of_the_cells_boxes():
    logits, boxes = guess(3)
    faces = draw_faces(10, 3)
    chosen = call(logits, boxes, faces)
    expected = find_iou(boxes[chosen.cells], faces).gather(1, chosen.faces[:, None]).squeeze(1)
    assert torch.allclose(chosen.ious, expected)
    assert chosen.ious.max() > 0.3


def test_a_picture_without_faces_has_no_answering_cells():
    chosen = call(*guess(0), [])
    assert [part.shape for part in chosen] == [(0,)] * 3
    assert chosen.cells.dtype == chosen.faces.dtype == torch.long


def test_a_face_out_of_reach_of_all_cells_has_none():
    assert len(call(*guess(0), [[500.0, 500, 510, 510]]).cells) == 0
    assert set(call(*guess(0), [[500.0, 500, 510, 510], [20, 20, 60, 60]]).faces.tolist()) == {1}


def test_no_gradient_is_kept():
    logits, boxes = (part.requires_grad_() for part in guess(0))
    assert not call(logits, boxes, [[64.0, 64, 96, 96]]).ious.requires_grad
