from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import CardError, InputError, ModelError
from mien.inference.expression.classifier import BATCH_SIZE
from mien.inference.media.ahead import PICTURES_AHEAD
from mien.inference.recognizer import Recognizer


@pytest.fixture
def recognizer(model_file) -> Recognizer:
    return Recognizer.load(model_file, threads=1)


def test_labels_are_those_of_the_card(build_model, tmp_path) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(build_model(("calm", "tense", "tired")))
    recognizer = Recognizer.load(path)
    assert recognizer.labels == recognizer.card.labels == ("calm", "tense", "tired")
    (picture,) = recognizer.predict_crops([np.zeros((48, 48), np.uint8)])
    assert picture.faces is not None
    assert list(picture.faces[0].probabilities) == ["calm", "tense", "tired"]


def test_the_bundled_model_is_the_default(bundled_model) -> None:
    assert Recognizer.load().card.name == "tiny"


def test_a_picture_of_a_crop_gives_one_face_over_the_whole(recognizer, crops, tmp_path) -> None:
    path = tmp_path / "wide.png"
    Image.fromarray(crops[0]).resize((90, 60)).save(path)
    (picture,) = recognizer.predict_crops([path])
    assert (picture.source, picture.width, picture.height, picture.error) == (str(path), 90, 60, None)
    assert picture.faces is not None
    (face,) = picture.faces
    assert face.box.to_list() == [0, 0, 90, 60]
    assert (face.score, face.landmarks, face.quality.size_px) == (None, None, 60)
    assert sum(face.probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_readings_equal_those_of_classify(recognizer, crops) -> None:
    pictures = recognizer.predict_crops(crops)
    rows = [list(picture.faces[0].probabilities.values()) for picture in pictures]
    np.testing.assert_allclose(rows, recognizer.classify(crops), atol=1e-5)


def test_an_unreadable_picture_keeps_its_place_and_the_rest_go_on(recognizer, crops, tmp_path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    sources = [crops[0], broken, tmp_path / "absent.png", np.zeros((1, 1), np.uint8), crops[1]]
    found = list(recognizer.predict_crops(sources))
    assert [picture.error is None for picture in found] == [True, False, False, False, True]
    assert [picture.source for picture in found] == [
        "picture 0",
        str(broken),
        str(sources[2]),
        "picture 3",
        "picture 4",
    ]
    assert found[1].error["code"] == "unreadable_media"
    assert found[3].error["code"] == "bad_input"
    assert found[4].faces[0].probabilities != found[0].faces[0].probabilities


def test_sources_are_taken_batch_by_batch(recognizer, crops) -> None:
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield crops[taken % 5]

    pictures = recognizer.predict_crops(endless())
    assert taken == 0
    next(pictures)
    assert BATCH_SIZE <= taken <= BATCH_SIZE + PICTURES_AHEAD
    for _ in range(BATCH_SIZE):
        next(pictures)
    assert 2 * BATCH_SIZE <= taken <= 2 * BATCH_SIZE + PICTURES_AHEAD


def test_no_sources_give_no_pictures(recognizer) -> None:
    assert list(recognizer.predict_crops([])) == []


def test_bad_requests_are_refused(recognizer, build_graph, tmp_path) -> None:
    with pytest.raises(InputError):
        recognizer.classify(np.zeros((48, 48)))
    path = tmp_path / "cardless.onnx"
    path.write_bytes(build_graph())
    with pytest.raises(CardError, match=r"cardless\.onnx"):
        Recognizer.load(path)


@pytest.mark.parametrize("model", [None, 3, b"expression", ["expression"]])
def test_what_is_neither_name_nor_path_is_no_model(model) -> None:
    with pytest.raises(ModelError, match=f"told by its name or path, got {type(model).__name__}"):
        Recognizer.load(model)


def test_labels_in_a_list_are_refused() -> None:
    with pytest.raises(InputError, match="labels is one of fer2013, votes"):
        Recognizer.load(labels=["votes"])


@pytest.mark.parametrize("one", ["face.png", b"bytes", Path("face.png"), np.zeros((48, 48), np.uint8), 5, None])
def test_a_single_picture_in_the_place_of_several_is_refused(recognizer, one) -> None:
    with pytest.raises(InputError, match=r"Pass \[picture\]"):
        recognizer.predict_crops(one)
