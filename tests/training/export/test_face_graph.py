"""The exported graph and the suppression that training measures with find the same faces."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="exporting a detector needs the train extra")

import onnx  # noqa: E402

from mien.inference.runtime.engine import load_engine  # noqa: E402
from mien.training.export.face_graph import INPUT, MIN_SCORE, OUTPUTS, build_face_graph  # noqa: E402
from mien.training.models.face_pyramid import Answers  # noqa: E402
from mien.training.models.registry import build_face_network  # noqa: E402
from mien.training.models.suppression import AVERAGED_FROM, CELLS, find_iou, suppress  # noqa: E402


@pytest.fixture(scope="module")
def find():
    """`find(picture, min_score)` gives what a graph with fresh weights finds, and what each of its cells answers."""
    torch.manual_seed(0)
    network = build_face_network("face-pyramid", options={"width": 16, "depth": 1}).eval()
    with torch.no_grad():
        for head in network.heads:
            head[-1].weight.mul_(3000)  # fresh answers hardly depend on the picture; these do
            head[-1].weight[0].mul_(100)  # no two cells are equally sure
            head[-1].bias[0] = 0.0
            head[-1].bias[1:5] = 2.0  # boxes so large that those of neighbors are near
    model = onnx.load_from_string(build_face_graph(network))
    onnx.checker.check_model(model)
    for name in CELLS:
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = load_engine().InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    def find(picture, min_score):
        given = {INPUT: picture[None], MIN_SCORE: np.array(min_score, np.float32)}
        values = [torch.from_numpy(value) for value in session.run([*OUTPUTS, *CELLS], given)]
        boxes, scores, landmarks = values[3:]
        return values[:3], Answers(torch.logit(scores[:, 0]), boxes, landmarks[None])

    return find


def draw_noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("size", [(90, 120), (1, 1), (160, 33)])
@pytest.mark.parametrize("min_score", [0.0, 0.5])
def test_the_graph_finds_what_training_measures(find, size, min_score):
    (boxes, scores, landmarks), cells = find(draw_noise(*size), min_score)
    corners, sure, points = suppress(cells, 0, min_score)
    assert len(boxes) > 0
    assert torch.allclose(boxes, torch.cat([corners[:, :2], corners[:, 2:] - corners[:, :2]], dim=1), atol=1e-3)
    assert torch.allclose(scores, sure, atol=1e-5)
    assert torch.allclose(landmarks, points, atol=1e-2)


def test_landmarks_of_the_graph_are_means_over_near_cells(find):
    (boxes, _, landmarks), cells = find(draw_noise(90, 120), 0.5)
    corners = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1)
    shares = (find_iou(corners, cells.boxes[0]) > AVERAGED_FROM) * cells.logits.sigmoid()
    expected = (shares @ cells.landmarks[0].flatten(1)) / shares.sum(dim=1, keepdim=True)
    assert torch.allclose(landmarks, expected.unflatten(1, (5, 2)), atol=1e-2)
    own = (cells.boxes[0][None] - corners[:, None]).abs().sum(dim=2).argmin(dim=1)
    assert not torch.allclose(landmarks, cells.landmarks[0, own], atol=0.1)  # the control: the mean is another point


def test_nothing_found_has_the_right_shapes(find):
    found, _ = find(draw_noise(90, 120), 1.0)
    assert [tuple(part.shape) for part in found] == [(0, 4), (0,), (0, 5, 2)]
