import numpy as np
import pytest

from mien.core.errors import CardError, InputError, ModelError
from mien.inference.faces.detector import Detector

WHOLE = np.float32([[0.1, 0.2, 0.3, 0.4]])


@pytest.fixture
def detector(detector_file):
    return Detector.load(detector_file, threads=1)


def picture(width, height):
    return np.zeros((height, width, 3), np.uint8)


def test_faces_come_in_pixels_of_the_picture_the_surest_first(detector):
    first, second = detector.detect(picture(200, 100), min_score=0.1)
    assert (first.score, second.score) == pytest.approx((0.9, 0.4))
    assert first.box.to_list() == pytest.approx([20, 20, 60, 40], abs=1e-4)
    assert first.landmarks[0].tolist() == pytest.approx([20 + 0.31 * 60, 20 + 0.37 * 40], abs=1e-4)


def test_the_models_own_score_holds_unless_another_is_given(detector):
    assert [one.score for one in detector.detect(picture(64, 64))] == pytest.approx([0.9])
    assert len(detector.detect(picture(64, 64), min_score=0.0)) == 2
    assert detector.detect(picture(64, 64), min_score=1.0) == []


@pytest.mark.parametrize("size", [(2000, 1000), (1000, 2000), (5000, 70), (641, 640)])
def test_large_pictures_are_scaled_and_their_faces_scaled_back(detector, size):
    width, height = size
    (face,) = detector.detect(picture(width, height))
    expected = [0.1 * width, 0.2 * height, 0.3 * width, 0.4 * height]
    assert face.box.to_list() == pytest.approx(expected, rel=1e-4)


def test_a_larger_side_may_be_asked_for(build_detector, tmp_path, monkeypatch):
    seen = []
    path = tmp_path / "fixed.onnx"
    path.write_bytes(build_detector(max_side_px=320))
    detector = Detector.load(path)
    run = detector._session.run
    monkeypatch.setattr(
        detector._session, "run", lambda names, inputs: seen.append(inputs["images"]) or run(names, inputs)
    )
    for side in (None, 64, 1000):
        detector.detect(picture(800, 400), max_side_px=side)
    assert [images.shape for images in seen] == [(1, 160, 320, 3), (1, 32, 64, 3), (1, 400, 800, 3)]


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (3000, 1)])
def test_thin_pictures_are_looked_at(detector, size):
    assert len(detector.detect(picture(*size), min_score=0.0)) <= 2


@pytest.mark.parametrize(
    "keywords", [{"min_score": 1.5}, {"min_score": float("nan")}, {"max_side_px": 31}, {"max_side_px": 640.0}]
)
def test_keywords_out_of_range_are_refused(detector, keywords):
    with pytest.raises(InputError, match=next(iter(keywords))):
        detector.detect(picture(64, 64), **keywords)


def test_answers_that_are_no_faces_are_left_out(build_detector, tmp_path):
    broken = np.float32([[0.1, 0.2, np.nan, 0.4], [0.1, 0.2, 0.0, 0.4], [0.1, 0.2, 0.3, 0.4]])
    path = tmp_path / "broken.onnx"
    path.write_bytes(build_detector(broken, np.float32([0.9, 0.8, 0.7])))
    (face,) = Detector.load(path).detect(picture(100, 100))
    assert face.score == pytest.approx(0.7)


def test_a_model_for_expressions_is_no_detector(model_file):
    with pytest.raises(CardError, match=r"tiny.*is one for expression, here one for faces") as caught:
        Detector.load(model_file)
    assert str(model_file) in str(caught.value)


@pytest.mark.parametrize(("width_px", "is_face"), [(1.9, False), (2.1, True)])
def test_what_is_too_small_to_be_cut_is_no_face(build_detector, tmp_path, width_px, is_face):
    path = tmp_path / "speck.onnx"
    speck = np.float32([[0.1, 0.1, width_px / 200, 0.5]])
    path.write_bytes(build_detector(speck, np.float32([0.9])))
    found = Detector.load(path).detect(np.zeros((100, 200, 3), np.uint8))
    assert len(found) == is_face


def test_a_graph_that_gives_something_else_is_refused(build_detector, tmp_path):
    from mien.core.card import FacesCard
    from mien.inference.runtime.envelope import hash_graph, read_card, write_card

    onnx = pytest.importorskip("onnx")
    data = build_detector()
    card = read_card(data)
    assert isinstance(card, FacesCard)
    proto = onnx.load_from_string(data)
    proto.graph.output[0].name = proto.graph.node[-3].output[0] = "places"
    del proto.metadata_props[:]
    graph = proto.SerializeToString()
    path = tmp_path / "odd.onnx"
    path.write_bytes(write_card(graph, card.model_copy(update={"graph_sha256": hash_graph(graph)})))
    with pytest.raises(CardError, match="has to take 'images', 'min_score' and give 'boxes', 'landmarks', 'scores'"):
        Detector.load(path)


def test_an_absent_detector_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"no-such\.onnx"):
        Detector.load(tmp_path / "no-such.onnx")
