"""Values of video: a person on a frame, and what a frame shows."""

import json
import pickle

import pytest

from mien.core.errors import InputError
from mien.core.geometry import Box
from mien.core.moments import Moment, Sighting
from mien.core.results import Face, Quality

RAW = {"happy": 0.3, "sad": 0.7}


def face(size_px: float = 60.0) -> Face:
    return Face(Box(1, 2, 60, 60), 0.9, None, RAW, Quality(size_px))


def test_a_sighting_keeps_the_steady_label_though_another_is_likelier() -> None:
    sighting = Sighting(1, face(), {"happy": 0.45, "sad": 0.55}, "happy")
    assert (sighting.expression, sighting.confidence, sighting.face.expression) == ("happy", 0.45, "sad")
    assert not sighting.is_certain
    assert sighting.valence == pytest.approx(0.45 * 0.81 - 0.55 * 0.63)
    with pytest.raises(TypeError):
        sighting.probabilities["happy"] = 1.0


@pytest.mark.parametrize(
    ("size_px", "confidence", "is_certain"), [(60, 0.6, True), (60, 0.49, False), (10, 0.6, False)]
)
def test_certainty_asks_for_confidence_and_a_face_that_is_seen_well(size_px, confidence, is_certain) -> None:
    probabilities = {"happy": confidence, "sad": 1 - confidence}
    assert Sighting(1, face(size_px), probabilities, "happy").is_certain is is_certain


@pytest.mark.parametrize(
    ("person", "probabilities", "expression", "says"),
    [
        (0, RAW, "happy", "from 1 on, got 0"),
        (1, {"happy": 0.3, "sad": 0.3}, "happy", "sum to 1"),
        (1, RAW, "angry", "'angry' is none of the labels"),
    ],
)
def test_a_sighting_that_can_not_be_is_refused(person, probabilities, expression, says) -> None:
    with pytest.raises(InputError, match=says):
        Sighting(person, face(), probabilities, expression)


def test_a_moment_becomes_json() -> None:
    moment = Moment(3, 0.12, 640, 480, (Sighting(2, face(), {"happy": 0.25, "sad": 0.75}, "sad"),))
    assert json.loads(json.dumps(moment.to_dict())) == {
        "frame": 3,
        "time_s": 0.12,
        "width": 640,
        "height": 480,
        "faces": [
            {
                "person": 2,
                "box": [1.0, 2.0, 60.0, 60.0],
                "score": 0.9,
                "expression": "sad",
                "confidence": 0.75,
                "is_certain": True,
                "probabilities": {"happy": 0.25, "sad": 0.75},
                "raw_probabilities": RAW,
            }
        ],
    }


def test_equal_values_are_equal_and_can_be_pickled() -> None:
    moments = [Moment(0, 0.0, 9, 9, (Sighting(1, face(), RAW, "sad"),)) for _ in range(2)]
    assert moments[0] == moments[1]
    assert len(set(moments)) == 1
    assert pickle.loads(pickle.dumps(moments[0])) == moments[0]  # noqa: S301 (our own bytes; a pool of processes does so)
    assert moments[0].sightings[0] != Sighting(2, face(), RAW, "sad")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ((-1, 0.0, 9, 9), "begin at 0, got -1"),
        ((0, float("nan"), 9, 9), "begin at 0, got 0 and nan"),
        ((0, -0.1, 9, 9), "begin at 0"),
        ((0, 0.0, 0, 9), "got 0 x 9"),
    ],
)
def test_a_moment_that_can_not_be_is_refused(values, says) -> None:
    with pytest.raises(InputError, match=says):
        Moment(*values)


def test_a_person_is_on_a_frame_once() -> None:
    twice = (Sighting(1, face(), RAW, "sad"), Sighting(1, face(), RAW, "sad"))
    with pytest.raises(InputError, match=r"once, got the numbers \[1, 1\]"):
        Moment(0, 0.0, 9, 9, twice)
