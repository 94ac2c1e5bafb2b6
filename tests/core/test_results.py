import copy
import dataclasses
import json
import pickle

import numpy as np
import pytest

from mien.core.errors import InputError
from mien.core.geometry import Box
from mien.core.results import (
    CERTAIN_FROM,
    LEAST_SURE_SHARPNESS,
    MOST_SURE_TURN_DEG,
    SMALLEST_SURE_PX,
    Detection,
    Face,
    Picture,
    Quality,
)

BOX = Box(1, 2, 30, 40)
POINTS = np.arange(10, dtype=np.float32).reshape(5, 2)


def make_face(probabilities=None, **changes):
    values = {"box": BOX, "score": 0.9, "landmarks": POINTS, "quality": Quality(30)}
    return Face(probabilities=probabilities or {"angry": 0.2, "happy": 0.7, "sad": 0.1}, **(values | changes))


def test_the_expression_is_the_label_with_the_highest_probability():
    face = make_face()
    assert (face.expression, face.confidence, face.is_certain) == ("happy", 0.7, True)


def test_the_first_of_equal_labels_is_the_expression():
    assert make_face({"sad": 0.5, "happy": 0.5}).expression == "sad"


@pytest.mark.parametrize(("confidence", "is_certain"), [(CERTAIN_FROM, True), (CERTAIN_FROM - 0.01, False)])
def test_a_face_is_certain_from_the_threshold_on(confidence, is_certain):
    rest = (1 - confidence) / 2
    assert make_face({"happy": confidence, "sad": rest, "fear": rest}).is_certain is is_certain


@pytest.mark.parametrize(
    ("quality", "is_sufficient"),
    [
        (Quality(SMALLEST_SURE_PX), True),
        (Quality(SMALLEST_SURE_PX - 0.1), False),
        (Quality(100, LEAST_SURE_SHARPNESS, MOST_SURE_TURN_DEG, 180), True),
        (Quality(100, LEAST_SURE_SHARPNESS - 0.01, 0, 0), False),
        (Quality(100, 0.5, MOST_SURE_TURN_DEG + 1, 0), False),
        (Quality(100, 0.5, -MOST_SURE_TURN_DEG - 1, 0), False),
    ],
)
def test_a_face_that_is_hard_to_see_keeps_its_expression_and_is_not_certain(quality, is_sufficient):
    face = make_face({"happy": 0.99, "sad": 0.01}, quality=quality)
    assert quality.is_sufficient is face.is_certain is is_sufficient
    assert (face.expression, face.confidence) == ("happy", 0.99)
    assert not make_face({"happy": 0.4, "sad": 0.3, "fear": 0.3}, quality=quality).is_certain, "the control"


def test_a_face_becomes_the_json_of_the_architecture():
    assert json.loads(json.dumps(make_face().to_dict())) == {
        "box": [1, 2, 30, 40],
        "score": 0.9,
        "landmarks": [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]],
        "expression": "happy",
        "confidence": 0.7,
        "is_certain": True,
        "probabilities": {"angry": 0.2, "happy": 0.7, "sad": 0.1},
        "quality": {"size_px": 30, "sharpness": None, "turn_deg": None, "tilt_deg": None},
    }
    assert list(make_face().to_dict()) == [
        "box", "score", "landmarks", "expression", "confidence", "is_certain", "probabilities", "quality",
    ]  # fmt: skip


def test_coarse_answers_are_summed_and_follow_the_json_only_when_asked():
    face = make_face({"happy": 0.4, "sad": 0.35, "angry": 0.25})
    assert (face.expression, face.tone) == ("happy", "negative")
    assert face.tones == pytest.approx({"positive": 0.4, "neutral": 0.0, "negative": 0.6, "surprise": 0.0})
    assert face.tone_confidence == pytest.approx(0.6)
    assert face.valence == pytest.approx(0.4 * 0.81 - 0.35 * 0.63 - 0.25 * 0.51)
    coarse = {"tone": "negative", "tone_confidence": face.tone_confidence, "valence": face.valence}
    assert face.to_dict(has_tone=True) == face.to_dict() | coarse
    assert list(face.to_dict(has_tone=True)) == [*face.to_dict(), *coarse]
    picture = Picture("a.jpg", 640, 480, faces=(face,))
    assert picture.to_dict(has_tone=True)["faces"] == [face.to_dict(has_tone=True)]


def test_a_face_with_a_label_beyond_the_seven_has_no_coarse_answers():
    face = make_face({"happy": 0.9, "contempt": 0.1})
    assert (face.tones, face.tone, face.tone_confidence, face.valence) == (None, None, None, None)
    assert json.loads(json.dumps(face.to_dict(has_tone=True)))["tone"] is None


def test_numbers_of_numpy_become_plain_json():
    half = np.float32(0.5)
    face = make_face({"sad": half, "happy": half}, score=half, quality=Quality(np.int64(30), half, half, half))
    json.dumps(face.to_dict())
    assert type(face.confidence) is float


def test_a_crop_has_neither_score_nor_landmarks():
    values = make_face(score=None, landmarks=None).to_dict()
    assert (values["score"], values["landmarks"]) == (None, None)


@pytest.mark.parametrize(
    "probabilities",
    [
        {"happy": 0.5, "sad": 0.4},
        {"happy": 1.2, "sad": -0.2},
        {"happy": float("nan"), "sad": 1.0},
        {"happy": float("inf"), "sad": 0.0},
    ],
)
def test_numbers_that_are_no_probabilities_are_refused(probabilities):
    with pytest.raises(InputError, match="sum to 1"):
        make_face(probabilities)


def test_a_face_without_labels_is_refused():
    with pytest.raises(InputError, match="sum to 1"):
        Face(BOX, None, None, {}, Quality(30))


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_a_score_out_of_range_is_refused(score):
    with pytest.raises(InputError, match="between 0 and 1"):
        make_face(score=score)


@pytest.mark.parametrize("landmarks", [POINTS[:4], POINTS.ravel(), np.full((5, 2), np.nan)])
def test_landmarks_that_are_not_five_points_are_refused(landmarks):
    with pytest.raises(InputError, match="five finite points"):
        make_face(landmarks=landmarks)


def test_nothing_of_a_face_can_be_changed():
    points, probabilities = POINTS.copy(), {"happy": 1.0}
    face = make_face(probabilities, landmarks=points)
    points[:], probabilities["happy"] = 99, 0.0
    assert (face.landmarks == POINTS).all()
    assert face.confidence == 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        face.score = 0.1
    with pytest.raises(TypeError):
        face.probabilities["happy"] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        face.landmarks[0] = 0


def test_faces_are_equal_if_all_they_hold_is():
    face = make_face()
    assert face == make_face()
    assert hash(face) == hash(make_face())
    assert face != make_face(landmarks=POINTS + 1)
    assert face != make_face(score=0.8)
    assert face != "happy"


def test_a_face_can_be_copied_and_sent_to_another_process():
    face = make_face()
    assert pickle.loads(pickle.dumps(face)) == face  # noqa: S301
    assert copy.deepcopy(face) == face


@pytest.mark.parametrize("send", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])  # noqa: S301
def test_what_was_copied_can_be_changed_as_little(send):
    found = send(Detection(BOX, 0.9, POINTS))
    assert found == Detection(BOX, 0.9, POINTS)
    failed = Picture("a.jpg", error={"code": "x", "message": "y"})
    assert send(failed) == failed
    for landmarks in (found.landmarks, send(make_face()).landmarks):
        with pytest.raises(ValueError, match="read-only"):
            landmarks[0] = 0
    with pytest.raises(TypeError):
        send(failed).error["code"] = "z"


def test_pictures_can_be_members_of_a_set_and_are_no_longer_their_makers():
    faces, error = [make_face()], {"code": "x", "message": "y"}
    read, failed = Picture("a.jpg", 640, 480, faces=faces), Picture("a.jpg", error=error)
    assert len({read, failed, Picture("a.jpg", 640, 480, faces=tuple(faces))}) == 2
    faces.clear()
    error["code"] = "z"
    assert (len(read.faces), failed.error["code"]) == (1, "x")


@pytest.mark.parametrize("name", ["size_px", "sharpness", "turn_deg", "tilt_deg"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_quality_that_is_no_number_is_refused(name, value):
    with pytest.raises(InputError, match=f"{name} of a face's quality is a finite number, got {value}"):
        Quality(**({"size_px": 30} | {name: value}))


def test_a_picture_becomes_a_line():
    picture = Picture("a.jpg", 640, 480, faces=[make_face()])
    assert picture.to_dict() == {
        "source": "a.jpg",
        "width": 640,
        "height": 480,
        "faces": [make_face().to_dict()],
    }


def test_a_picture_without_a_face_has_an_empty_list():
    assert Picture("a.jpg", 640, 480, faces=()).to_dict()["faces"] == []


def test_a_picture_that_could_not_be_read_has_its_error_instead():
    error = {"code": "unreadable_media", "message": "cut short"}
    assert Picture("a.jpg", error=error).to_dict() == {"source": "a.jpg", "error": error}


def test_a_picture_is_either_read_or_not():
    with pytest.raises(InputError, match="not both and not neither"):
        Picture("a.jpg", 1, 1)
    with pytest.raises(InputError, match="not both and not neither"):
        Picture("a.jpg", 1, 1, faces=(), error={"code": "x", "message": "y"})
    for width, height in ((None, 480), (-3, 480), (640, 0)):
        with pytest.raises(InputError, match=f"{width} x {height}"):
            Picture("a.jpg", width, height, faces=())
