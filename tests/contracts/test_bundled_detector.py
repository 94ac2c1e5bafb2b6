"""The bundled detector is the one that our documents speak of, and does what they promise."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

import mien
from mien.apps.cli.demo import draw_sheet, find_face, read_mean_faces
from mien.core.geometry import iou
from mien.inference.faces.detector import Detector
from mien.training.evaluate.round_trip import take_round_trip

RUN = Path(__file__).parents[2] / "docs" / "runs" / "faces-landmarks" / "mean"
WEIGHTS = Path(mien.__file__).parent / "inference" / "runtime" / "weights" / "faces.onnx"


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load(threads=2)


@pytest.fixture(scope="module")
def recognizer() -> mien.Recognizer:
    return mien.Recognizer.load(threads=2)


def test_it_is_small(detector) -> None:
    assert WEIGHTS.stat().st_size < 2 * 2**20
    assert detector.card.parameters < 500_000


def test_the_card_holds_the_documented_figures(detector) -> None:
    documents = [json.loads(path.read_text()) for path in sorted(RUN.glob("metrics-*.json"))]
    assert {document["split"] for document in documents} == set(detector.card.metrics) >= {"validation"}
    for document in documents:
        stamped = detector.card.metrics[document["split"]]
        assert stamped.n == document["n_pictures"]
        for name in ("ap_16", "ap_32", "ap_64", "false_faces_per_picture", "landmark_error"):
            assert getattr(stamped, name) == document[name]


def test_the_card_names_the_documented_recipe_and_threshold(detector) -> None:
    assert detector.card.recipe_sha256 == hashlib.sha256((RUN / "recipe.toml").read_bytes()).hexdigest()
    assert detector.card.commit == json.loads((RUN / "environment.json").read_text())["commit"]
    assert detector.card.min_score == round(json.loads((RUN / "threshold.json").read_text())["min_score"], 4)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_a_real_photo_has_one_face_where_it_is(recognizer, scale) -> None:
    picture = data.astronaut()
    side = round(512 * scale)
    (face,) = recognizer.predict(np.asarray(Image.fromarray(picture).resize((side, side))))
    x, y = face.box.x + face.box.width / 2, face.box.y + face.box.height / 2
    assert np.hypot(x / scale - 224, y / scale - 115) < 20, "her face, as one sees it in the picture"
    assert 70 < face.box.height / scale < 160
    right_eye, left_eye, nose, *_ = face.landmarks
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_eye[1] < nose[1]
    assert face.expression == "happy"


@pytest.mark.parametrize("name", ["coffee", "cat", "brick", "text"])
def test_pictures_without_a_face_have_none(detector, name) -> None:
    picture = getattr(data, name)()
    assert detector.detect(np.asarray(Image.fromarray(picture).convert("RGB"))) == []


@pytest.mark.parametrize("shade", [0, 127, 255])
def test_blank_pictures_have_none(detector, shade) -> None:
    assert detector.detect(np.full((480, 640, 3), shade, np.uint8)) == []


@pytest.mark.parametrize("cell_px", [1, 4, 16, 64])
def test_noise_has_none(detector, cell_px) -> None:
    cells = np.random.default_rng(cell_px).integers(0, 256, (480 // cell_px + 1, 640 // cell_px + 1, 3), np.uint8)
    noise = np.kron(cells, np.ones((cell_px, cell_px, 1), np.uint8))[:480, :640]
    assert detector.detect(noise) == []


def test_all_seven_faces_of_the_demo_are_found(recognizer) -> None:
    sheet, tiles = draw_sheet(read_mean_faces())
    faces = recognizer.predict(sheet)
    assert len(faces) == 7
    assert all(find_face(faces, tile) for tile in tiles)


def test_large_faces_of_annotated_photos_are_found(detector) -> None:
    folder = Path(os.environ.get("MIEN_DATA_DIR", "")) / "faces"
    if not (folder / "annotations.jsonl").exists():
        pytest.skip("MIEN_DATA_DIR names no folder with faces")
    lines = (json.loads(line) for line in (folder / "annotations.jsonl").read_text().splitlines())
    photos = [line for line in lines if line["split"] == "test"][::10]
    found = wanted = false = 0
    for photo in photos:
        with Image.open(folder / photo["file"]) as picture:
            seen = detector.detect(np.asarray(picture.convert("RGB")))
        boxes = [mien.Box(*face["box"]) for face in photo["faces"]]
        scale = min(1, 640 / max(photo["width"], photo["height"]))
        large = [box for box in boxes if min(box.width, box.height) * scale >= 64]
        wanted += len(large)
        found += sum(any(iou(box, one.box) >= 0.5 for one in seen) for box in large)
        false += sum(all(iou(box, one.box) < 0.3 for box in boxes) for one in seen)
    assert len(photos) == 35
    assert found >= 0.7 * wanted
    assert false <= 0.2 * len(photos)


def test_faces_survive_the_way_through_a_photo(recognizer, fer2013) -> None:
    trip = take_round_trip(recognizer, fer2013, fer2013.rows_of("validation")[::12])
    assert trip.found >= 0.75
    assert trip.accuracy >= trip.accuracy_untouched - 0.06
