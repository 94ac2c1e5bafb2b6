"""Reading in two halves gives what reading in one gives; between them nothing of the picture is held."""

import gc
import weakref
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from mien.core.errors import InputError
from mien.inference.expression.classifier import BATCH_SIZE
from mien.inference.recognizer import Recognizer


@pytest.fixture
def recognizer(model_file, detector_file) -> Recognizer:
    return Recognizer.load(model_file, detector=detector_file, threads=1)


@pytest.fixture
def photos() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (100 + number, 200, 3), np.uint8) for number in range(5)]


def test_the_halves_give_what_predict_each_gives(recognizer, photos):
    sources = [*photos[:3], b"no picture", *photos[3:]]
    cuts = [recognizer.cut(source, name=f"picture {n}", min_score=0.2) for n, source in enumerate(sources)]
    assert [len(cut.faces) for cut in cuts] == [2, 2, 2, 0, 2, 2]
    expected = list(recognizer.predict_each(sources, min_score=0.2))
    assert [picture.error for picture in expected].count(None) == 5
    assert recognizer.describe(cuts) == expected
    assert recognizer.describe([]) == []


def test_the_halves_give_what_predict_crops_gives(recognizer, crops):
    sources = [crops[0], np.zeros((1, 1), np.uint8), crops[1]]
    cuts = [recognizer.cut(source, name=f"picture {n}", crops=True) for n, source in enumerate(sources)]
    assert cuts[1].error is not None
    assert recognizer.describe(cuts) == list(recognizer.predict_crops(sources))


def test_order_and_company_do_not_change_an_answer(recognizer, photos):
    cuts = [recognizer.cut(photo, name=str(n)) for n, photo in enumerate(photos)]
    alone = [recognizer.describe([cut])[0] for cut in cuts]
    for picture, other in zip(recognizer.describe(cuts[::-1])[::-1], alone, strict=True):
        assert picture.source == other.source
        for face, same in zip(picture.faces, other.faces, strict=True):
            assert list(face.probabilities.values()) == pytest.approx(list(same.probabilities.values()), abs=1e-6)
    assert alone[0] != alone[1]


def test_more_faces_than_a_batch_holds_are_classified_in_several(recognizer, photos, monkeypatch):
    sizes = []
    classify = recognizer._classifier.classify_prepared
    monkeypatch.setattr(
        recognizer._classifier, "classify_prepared", lambda crops: (sizes.append(len(crops)), classify(crops))[1]
    )
    cut = recognizer.cut(photos[0], name="one", min_score=0.2)
    assert len(recognizer.describe([cut] * 50)) == 50
    assert sizes == [BATCH_SIZE, 100 - BATCH_SIZE]


def test_a_cut_is_frozen_and_holds_no_pixels_of_its_picture(recognizer):
    photo = np.random.default_rng(1).integers(0, 256, (120, 200, 3), np.uint8)
    held = weakref.ref(photo)
    cut = recognizer.cut(photo, name="photo")
    del photo
    gc.collect()
    assert held() is None
    assert [face.crop.shape for face in cut.faces] == [(48, 48)]
    with pytest.raises(FrozenInstanceError):
        cut.name = "other"


def test_the_limit_of_pixels_is_that_of_the_call(recognizer, photos):
    assert recognizer.cut(photos[0], name="one", max_pixels=20_000).error is None
    refused = recognizer.cut(photos[1], name="one", max_pixels=20_000)
    assert refused.error is not None
    assert "200 x 101 pixels; pictures are read up to 0.02 million" in str(refused.error)
    bomb = recognizer.cut(b"P5 9000 9000 255\n", name="bomb", max_pixels=50_000_000)
    assert "up to 50 million" in str(bomb.error)  # the header alone was looked at: there are no pixels in it


def test_wrong_keywords_are_refused(recognizer, photos):
    for keywords in ({"max_side_px": 3}, {"min_score": 2.0}, {"crops": True, "min_score": 0.5}):
        with pytest.raises(InputError, match=next(reversed(keywords))):
            recognizer.cut(photos[0], name="one", **keywords)
