"""Faces in whole photos: found, cut, classified, in order, whatever the pictures are."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import InputError, UnreadableMediaError
from mien.core.geometry import Box
from mien.inference.expression.classifier import BATCH_SIZE
from mien.inference.expression.model import load_model
from mien.inference.faces.crop import crop_face
from mien.inference.faces.detector import Detector
from mien.inference.recognizer import Recognizer


@pytest.fixture
def recognizer(model_file, detector_file) -> Recognizer:
    return Recognizer.load(model_file, detector=detector_file, threads=1)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (120, 200, 3), np.uint8)


def test_faces_are_found_cut_and_classified(recognizer, photo):
    (face,) = recognizer.predict(photo)
    (found,) = recognizer.detect(photo)
    assert (face.box, face.score) == (found.box, found.score)
    assert np.array_equal(face.landmarks, found.landmarks)
    crop = crop_face(photo, found.box, found.landmarks, 48)
    expected = recognizer.classify(crop[None])[0]
    assert list(face.probabilities.values()) == pytest.approx(expected.tolist(), abs=1e-6)
    assert face.quality.size_px == pytest.approx(min(found.box.width, found.box.height))
    assert face.quality.sharpness is not None
    assert face.quality.tilt_deg == pytest.approx(0, abs=1e-3)


def test_a_lower_score_finds_more_faces(recognizer, photo):
    assert [face.score for face in recognizer.predict(photo, min_score=0.2)] == pytest.approx([0.9, 0.4])
    assert recognizer.predict(photo, min_score=0.95) == []


def test_boxes_of_another_detector_are_read_as_they_are(recognizer, photo):
    boxes = [(10, 20, 40, 40), Box(100, 10, 60, 70)]
    faces = recognizer.predict(photo, boxes=boxes)
    assert [face.box.to_list() for face in faces] == [[10, 20, 40, 40], [100, 10, 60, 70]]
    assert all(face.score is None and face.landmarks is None and face.quality.turn_deg is None for face in faces)
    assert recognizer.predict(photo, boxes=[]) == []
    with pytest.raises(InputError, match="at least 2 pixels"):
        recognizer.predict(photo, boxes=[(0, 0, 1, 1)])
    with pytest.raises(InputError, match=r"x, y, width and height in pixels, got 3 numbers: \(1, 2, 3\)"):
        recognizer.predict(photo, boxes=[(1, 2, 3)])
    for one in ((10, 20, 40, 40), np.array([10, 20, 40, 40]), Box(10, 20, 40, 40), 5):
        with pytest.raises(InputError, match=r"Pass \[box\]"):
            recognizer.predict(photo, boxes=one)
    with pytest.raises(InputError, match="with boxes= nobody looks"):
        recognizer.predict(photo, boxes=boxes, min_score=0.5)


def test_many_pictures_come_in_order_with_their_errors(recognizer, photo, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    sources = [path, broken, photo[:, :, 0], tmp_path / "absent.png", path.read_bytes()]
    pictures = list(recognizer.predict_each(sources))
    assert [picture.source for picture in pictures] == [
        str(path),
        str(broken),
        "picture 2",
        str(tmp_path / "absent.png"),
        "picture 4",
    ]
    assert [picture.error is None for picture in pictures] == [True, False, True, False, True]
    assert pictures[0].faces == pictures[4].faces == tuple(recognizer.predict(path))
    assert (pictures[0].width, pictures[0].height) == (200, 120)


def test_pictures_without_a_face_give_an_empty_list(build_detector, model_file, photo, tmp_path):
    path = tmp_path / "blind.onnx"
    path.write_bytes(build_detector(scores=np.float32([0.1, 0.1])))
    blind = Recognizer.load(model_file, detector=path)
    assert blind.predict(photo) == []
    assert [picture.faces for picture in blind.predict_each([photo] * 3)] == [()] * 3


def test_more_faces_than_a_batch_belong_to_their_pictures(build_detector, model_file, tmp_path):
    count = BATCH_SIZE + 6
    places = np.random.default_rng(1).uniform(0.0, 0.7, (count, 4)).astype(np.float32)
    places[:, 2:] = 0.3
    path = tmp_path / "crowd.onnx"
    path.write_bytes(build_detector(places, np.linspace(0.99, 0.6, count, dtype=np.float32)))
    recognizer = Recognizer.load(model_file, detector=path)
    photos = [np.random.default_rng(seed).integers(0, 256, (90, 90, 3), np.uint8) for seed in range(3)]
    together = [picture.faces for picture in recognizer.predict_each(photos)]
    assert [len(faces) for faces in together] == [count] * 3
    for photo, faces in zip(photos, together, strict=True):
        alone = recognizer.predict(photo)
        rows = np.array([[list(face.probabilities.values()) for face in group] for group in (faces, alone)])
        np.testing.assert_allclose(rows[0], rows[1], atol=1e-5)


def test_sources_are_taken_as_they_are_needed(recognizer, photo):
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield photo

    pictures = recognizer.predict_each(endless())
    assert taken == 0
    next(pictures)
    assert taken <= BATCH_SIZE + 3
    pictures.close()


@pytest.mark.parametrize("given", [0, 1, 3, BATCH_SIZE - 1, BATCH_SIZE, BATCH_SIZE + 3])
def test_what_came_before_a_source_fails_is_answered(recognizer, photo, given):
    def break_off():
        yield from [photo] * given
        raise ConnectionError("network share gone")

    pictures = recognizer.predict_each(break_off())
    assert [next(pictures).source for _ in range(given)] == [f"picture {number}" for number in range(given)]
    with pytest.raises(ConnectionError, match="share gone"):
        next(pictures)


@pytest.mark.parametrize(
    "keywords", [{"min_score": 7}, {"min_score": "0.5"}, {"max_side_px": 1}, {"max_side_px": 640.0}]
)
def test_keywords_are_checked_before_the_first_picture(recognizer, keywords):
    with pytest.raises(InputError, match=next(iter(keywords))):
        recognizer.predict_each([], **keywords)


def test_numbers_of_numpy_are_whole_numbers(recognizer, photo):
    assert recognizer.detect(photo, max_side_px=np.int64(100)) == recognizer.detect(photo, max_side_px=100)


def test_threads_that_come_together_open_one_detector(build_detector, model_file, photo, tmp_path):
    path = tmp_path / "detector.onnx"
    path.write_bytes(build_detector())
    opened = []

    def open_slowly():
        opened.append(1)
        time.sleep(0.1)
        return Detector.load(path)

    recognizer = Recognizer(load_model(model_file), open_slowly)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(recognizer.detect, [photo] * 4))
    assert found == [found[0]] * 4
    assert len(opened) == 1


def test_what_cannot_be_read_is_an_error_of_ours(recognizer, tmp_path):
    with pytest.raises(UnreadableMediaError):
        recognizer.predict(tmp_path / "absent.png")
    with pytest.raises(InputError, match="predict_each takes several"):
        recognizer.predict_each(tmp_path / "absent.png")
    with pytest.raises(InputError, match="min_score"):
        recognizer.predict(np.zeros((9, 9, 3), np.uint8), min_score=2)


def test_the_detector_is_opened_when_it_is_needed(model_file, crops, tmp_path):
    recognizer = Recognizer.load(model_file, detector=tmp_path / "absent.onnx")
    assert len(list(recognizer.predict_crops(crops))) == len(crops)
    assert len(recognizer.predict(crops[0], boxes=[(0, 0, 48, 48)])) == 1
    with pytest.raises(Exception, match=r"absent\.onnx"):
        recognizer.detect(crops[0])
