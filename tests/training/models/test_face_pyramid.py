import math

import pytest

torch = pytest.importorskip("torch", reason="networks need the train extra")

from torch import nn  # noqa: E402

from mien.training.models.face_pyramid import (  # noqa: E402
    ANSWERS,
    STRIDES,
    Context,
    CrossStage,
    FacePyramid,
    cell_middles,
    decode,
)


def build(seed=0):
    """Return a network whose norms have seen a batch: before that, hardly anything reaches its answers."""
    torch.manual_seed(seed)
    network = FacePyramid(16)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the average of all that was seen
    with torch.inference_mode():
        network(torch.randn(8, 3, 64, 96))
    return network.eval()


@pytest.fixture(scope="module")
def network():
    return build()


@pytest.mark.parametrize(("height", "width"), [(32, 32), (32, 96), (160, 224), (352, 32), (64, 128)])
def test_every_cell_answers_whatever_the_multiple_of_32(network, height, width):
    with torch.inference_mode():
        raw = network(torch.rand(2, 3, height, width))
    cells = sum(height // stride * (width // stride) for stride in STRIDES)
    assert raw.shape == (2, cells, ANSWERS)
    assert raw.isfinite().all()
    middles, strides = cell_middles(height, width)
    assert (middles.shape, strides.shape) == ((cells, 2), (cells,))


def test_cells_stand_where_they_are_said_to_stand():
    middles, strides = cell_middles(32, 64)
    assert middles[:9].tolist() == [*([8.0 * x + 4, 4.0] for x in range(8)), [4.0, 12.0]]
    assert middles[32:37].tolist() == [[8, 8], [24, 8], [40, 8], [56, 8], [8, 24]]
    assert middles[40:].tolist() == [[16, 16], [48, 16]]
    assert strides.tolist() == [8] * 32 + [16] * 8 + [32] * 2


class Whereabouts(nn.Module):
    """Stand in for a head: each cell answers where it stands on its grid, and how far apart its cells are."""

    def __init__(self, height):
        super().__init__()
        self.height = height

    def forward(self, grid):
        rows, columns = grid.shape[2:]
        stride = self.height / rows
        y, x = torch.meshgrid(torch.arange(rows) + 0.5, torch.arange(columns) + 0.5, indexing="ij")
        planes = torch.stack([x * stride, y * stride, torch.full_like(x, stride)])
        return torch.cat([planes, torch.zeros(ANSWERS - 3, rows, columns)])[None]


def test_the_order_of_the_answers_is_that_of_the_cells():
    network = FacePyramid(8).eval()
    network.heads = nn.ModuleList(Whereabouts(96) for _ in STRIDES)
    with torch.inference_mode():
        raw = network(torch.rand(1, 3, 96, 160))
    middles, strides = cell_middles(96, 160)
    assert torch.equal(raw[0, :, :2], middles)
    assert torch.equal(raw[0, :, 2], strides)
    turned, _ = cell_middles(160, 96)
    assert not torch.equal(raw[0, :, :2], turned)  # control
    assert not torch.equal(raw[0, :, :2], turned.flip(1))


def test_each_grid_gets_the_features_of_its_own_place():
    """A bright spot changes the fine and the middle grid's answers most of all near where it is."""
    network = build(1)
    for head in network.heads:
        nn.init.normal_(head[-1].weight)
    dark = torch.zeros(1, 3, 256, 320)
    middles, strides = cell_middles(256, 320)
    for x, y in ((60, 40), (250, 60), (100, 200)):
        lit = dark.clone()
        lit[..., y - 6 : y + 6, x - 6 : x + 6] = 3.0
        with torch.inference_mode():
            change = (network(lit) - network(dark))[0].norm(dim=1)
        for stride in STRIDES[:2]:
            of_grid = strides == stride
            most = middles[of_grid][change[of_grid].topk(10).indices].mean(dim=0)
            assert (most - torch.tensor([x, y])).abs().max() < 40


def test_the_middle_and_the_fine_grid_know_what_the_coarse_one_sees():
    """Their own convolutions see less than 200 pixels far."""
    network = build(2)
    for head in network.heads:
        nn.init.normal_(head[-1].weight)
    dark = torch.zeros(1, 3, 320, 320)
    lit = dark.clone()
    lit[..., :64, :64] = 4.0
    middles, strides = cell_middles(320, 320)
    with torch.inference_mode():
        change = (network(lit) - network(dark))[0].norm(dim=1)
    for stride in STRIDES:
        far = (strides == stride) & (middles > 264).all(dim=1)
        assert change[far].max() > 1e-3


def test_decoding_by_hand():
    middles, strides = torch.tensor([[4.0, 12.0], [48.0, 16.0]]), torch.tensor([8.0, 32.0])
    raw = torch.zeros(1, 2, ANSWERS)
    raw[0, :, 0] = torch.tensor([-2.0, 3.0])
    raw[0, 1, 1:5] = torch.tensor([1.0, 2.0, 3.0, 4.0]).log()
    raw[0, 1, 5:] = torch.arange(10.0) - 4
    logits, boxes, landmarks = decode(raw, middles, strides)
    assert logits.tolist() == [[-2.0, 3.0]]
    assert boxes[0, 0].tolist() == [-4, 4, 12, 20]
    assert boxes[0, 1].tolist() == pytest.approx([48 - 32, 16 - 64, 48 + 96, 16 + 128])
    assert landmarks.shape == (1, 2, 5, 2)
    assert landmarks[0, 0].tolist() == [[4, 12]] * 5
    assert landmarks[0, 1].tolist() == [[48 + 32 * (2 * n - 4), 16 + 32 * (2 * n - 3)] for n in range(5)]


def test_any_answer_decodes_to_a_box_with_an_inside_and_no_infinity():
    raw = torch.tensor([-50.0, 0.0, 50.0, 1e30])[:, None].repeat(1, ANSWERS)[None].requires_grad_()
    answers = decode(raw, torch.full((4, 2), 16.0), torch.full((4,), 32.0))
    assert answers.boxes.isfinite().all()
    assert (answers.boxes[..., 2:] >= answers.boxes[..., :2]).all()
    answers.boxes.sum().backward()
    assert raw.grad.isfinite().all()


def test_a_network_has_less_than_half_a_million_parameters():
    sizes = [sum(values.numel() for values in FacePyramid(width).parameters()) for width in (16, 24, 32)]
    assert sizes == sorted(sizes)
    assert 300_000 < sizes[2] < 500_000


def test_depth_adds_convolutions():
    shallow, deep = (sum(isinstance(m, nn.Conv2d) for m in FacePyramid(8, depth).modules()) for depth in (1, 2))
    assert deep - shallow == 4  # one on the fine and the coarse grid, two on the middle one


def test_at_first_faces_are_rare_and_boxes_some_cells_large(network):
    with torch.inference_mode():
        raw = network(torch.randn(1, 3, 128, 128))
    scores = raw[..., 0].sigmoid()
    assert scores.mean() == pytest.approx(0.01, abs=0.005)
    assert scores.max() < 0.1
    assert raw[..., 1:5].mean() == pytest.approx(1.0, abs=0.2)
    assert raw[..., 5:].mean() == pytest.approx(0.0, abs=0.2)
    assert 0.01 < raw[..., 5:].std() < 0.5  # control: they do depend on the picture


def test_every_parameter_learns():
    torch.manual_seed(0)
    network = FacePyramid(8)
    network(torch.rand(2, 3, 64, 96)).square().sum().backward()
    still = [name for name, values in network.named_parameters() if values.grad is None or not values.grad.any()]
    assert not still


def test_pictures_of_a_batch_do_not_mix(network):
    pictures = torch.rand(3, 3, 64, 64)
    with torch.inference_mode():
        together, alone = network(pictures), torch.cat([network(one[None]) for one in pictures])
    assert torch.allclose(together, alone, atol=1e-4)
    assert not torch.allclose(together[0], together[1], atol=1e-2)


@pytest.mark.parametrize("block", [CrossStage(8, 0), CrossStage(8, 3), Context(8)])
def test_blocks_keep_the_shape(block):
    assert block(torch.rand(2, 8, 5, 7)).shape == (2, 8, 5, 7)


def test_the_context_sees_six_cells_each_way():
    torch.manual_seed(0)
    block, values = Context(4).eval(), torch.zeros(1, 4, 33, 33)
    values[..., 16, 16] = 10.0
    with torch.inference_mode():
        change = (block(values) - block(torch.zeros_like(values))).abs().amax(dim=1)[0]
    rows, columns = change.nonzero(as_tuple=True)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (10, 22, 10, 22)


def test_the_first_score_is_the_one_of_rare_faces():
    bias = FacePyramid(8).heads[0][-1].bias
    assert 1 / (1 + math.exp(-bias[0].item())) == pytest.approx(0.01)
    assert bias[1:].tolist() == [1] * 4 + [0] * 10
