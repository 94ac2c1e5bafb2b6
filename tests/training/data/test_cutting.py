import hashlib
import io
import json

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import DataError, ModelError, UnreadableMediaError
from mien.core.geometry import Box
from mien.core.results import Detection
from mien.inference.expression.resampling import resize, to_gray
from mien.inference.faces.crop import crop_face
from mien.inference.faces.detector import Detector
from mien.inference.recognizer import Recognizer
from mien.inference.runtime import bundled
from mien.training.data.doctor import examine
from mien.training.data.importing import import_data
from mien.training.data.manifest import CutFaces
from mien.training.data.sources.cutting import CLEARLY_LARGER, FaceCutter, choose_face
from mien.training.data.sources.pictures import PictureForm, read_pictures
from mien.training.data.table import SPLITS, open_dataset

FACTS = CutFaces(detector="fake", detector_sha256="0" * 64, choice="c", crop="r")
SIZE = (120, 160, 3)
PLACE = (0.10, 0.20, 0.30, 0.40)
"""Where the fixed detector surely finds a face, in shares of the photo's width and height."""


def find(*boxes):
    return [Detection(Box(*box), 0.9, np.full((5, 2), 7.0, np.float32)) for box in boxes]


class FakeDetector:
    """Finds what it is told to."""

    def __init__(self, *boxes):
        self.found = find(*boxes)

    def detect(self, picture):
        return self.found


def draw(number, scale=1):
    """Paste a face of noise, another for each number, where the fixed detector looks, on a gray ground."""
    height, width = SIZE[0] * scale, SIZE[1] * scale
    photo = np.full((height, width, 3), 90, np.uint8)
    x, y, w, h = (round(share * side) for share, side in zip(PLACE, (width, height) * 2, strict=True))
    photo[y : y + h, x : x + w] = np.random.default_rng(number).integers(0, 256, (h, w, 3), dtype=np.uint8)
    return photo


@pytest.fixture
def photos(write_pictures):
    """Twenty photos of two classes, of two sizes."""
    names = [f"{('happy', 'sad')[number % 2]}/{number:02}.png" for number in range(20)]
    return write_pictures("photos", {name: draw(number, 1 + number % 3) for number, name in enumerate(names)})


@pytest.mark.parametrize(
    ("boxes", "chosen"),
    [
        ([], None),
        ([(0, 0, 9, 9)], 0),
        ([(50, 0, 10, 10), (0, 0, 20, 10)], 1),  # twice the area
        ([(50, 0, 10, 10.1), (0, 0, 20, 10)], None),  # a little less
        ([(0, 0, 40, 40), (50, 0, 10, 10), (80, 0, 10, 10)], 0),
        ([(0, 0, 10, 10), (50, 0, 10, 10), (80, 0, 10, 10)], None),
    ],
)
def test_the_face_taken_is_the_only_one_or_clearly_the_largest(boxes, chosen):
    assert CLEARLY_LARGER == 2
    faces = find(*boxes)
    assert choose_face(faces) is (None if chosen is None else faces[chosen])


@pytest.mark.parametrize(
    ("boxes", "faces", "problem"),
    [
        ([], 0, "no face"),
        ([(0, 0, 30, 40), (60, 0, 30, 40), (100, 0, 30, 40)], 3, "several faces: 3"),
    ],
)
def test_a_photo_without_one_clear_face_gives_a_reason(boxes, faces, problem):
    assert FaceCutter(FakeDetector(*boxes), FACTS).cut(draw(0), 48) == (None, faces, problem)


@pytest.mark.parametrize(("color", "size_px"), [("gray", 48), ("rgb", 64)])
def test_stored_crops_are_to_the_bit_what_live_pictures_are_cut_to(
    photos, detector_file, build_model, tmp_path, monkeypatch, color, size_px
):
    manifest = import_data(
        photos, tmp_path / "out", faces=True, detector=detector_file, color=color, size_px=size_px, split="80/10/10"
    )
    dataset, detector = open_dataset(tmp_path / "out"), Detector.load(detector_file)
    assert len(dataset.table) == 20
    (tmp_path / "model.onnx").write_bytes(build_model(color=color, size_px=size_px))
    recognizer = Recognizer.load(tmp_path / "model.onnx", detector=detector_file)
    shown = []
    monkeypatch.setattr(
        recognizer._classifier, "classify_prepared", lambda crops: shown.extend(crops) or np.ones((len(crops), 7)) / 7
    )
    for file, image in zip(dataset.files(), dataset.images, strict=True):
        photo = np.asarray(Image.open(photos / file.file))
        (face,) = detector.detect(photo)
        crop = crop_face(photo, face.box, face.landmarks, size_px)
        assert np.array_equal(image, to_gray(crop) if color == "gray" else crop)
        recognizer.predict(photo)
        assert np.array_equal(image, shown.pop())
        whole = resize(photo, size_px)  # the control: what would be stored without --faces
        assert np.abs(image.astype(int) - (to_gray(whole) if color == "gray" else whole)).mean() > 20
        assert (file.width, file.height, file.faces) == (photo.shape[1], photo.shape[0], 1)
    assert manifest.faces == CutFaces(
        detector="fixed",
        detector_sha256=hashlib.sha256(detector_file.read_bytes()).hexdigest(),
        choice="the only face, or the largest if its box has at least 2 times the area of the next",
        crop="turned upright by its five landmarks, and framed as FER2013 frames faces",
    )
    assert dataset.manifest == manifest


def test_parts_zips_and_twins_are_as_ever(write_pictures, detector_file, tmp_path):
    """The same face on another ground is another photo, but where the crop shows nothing of it the same picture."""
    other = draw(1)
    other[:, 150:] = 0  # far from the face
    pictures = {f"train/{label}/{number}.png": draw(10 * place + number)
                for place, label in enumerate(("happy", "sad")) for number in range(4)}  # fmt: skip
    held_out = {"test/happy/other.png": other, "test/sad/1.png": draw(77), "test/sad/broken.png": b"no picture"}
    pictures |= {f"val/{label}/1.png": draw(90 + place) for place, label in enumerate(("happy", "sad"))} | held_out
    hashes = set()
    for name in ("faces", "faces.zip"):
        out = tmp_path / f"out {name}"
        hashes.add(import_data(write_pictures(name, pictures), out, faces=True, detector=detector_file).sha256)
        dataset = open_dataset(out)
        assert [len(dataset.rows_of(split)) for split in SPLITS] == [8, 2, 2]
        twins = dict(zip([file.file for file in dataset.files() if file.row is not None], dataset.table["twins"],
                         strict=True))  # fmt: skip
        assert twins["test/happy/other.png"] == twins["train/happy/1.png"]
        assert len(set(twins.values())) == len(twins) - 1
    assert len(hashes) == 1
    diagnosis = examine(dataset)
    assert (diagnosis.twins_in_train.test, diagnosis.unreadable, diagnosis.wrong_size) == (1, 1, 0)


def test_the_doctor_counts_what_was_left_out(photos, detector_file, tmp_path, monkeypatch):
    (photos / "happy" / "broken.png").write_bytes(b"")
    detect = Detector.detect

    def sometimes(self, picture):
        found = detect(self, picture)
        return {120: found, 240: [], 360: 2 * found}[picture.shape[0]]

    monkeypatch.setattr(Detector, "detect", sometimes)
    import_data(photos, tmp_path / "out", faces=True, detector=detector_file, split="50/25/25")
    dataset = open_dataset(tmp_path / "out")
    left_out = {file.file: (file.problem, file.faces) for file in dataset.files() if file.row is None}
    assert left_out.pop("happy/broken.png") == ("the picture is empty (0 bytes).", None)
    assert set(left_out.values()) == {("no face", 0), ("several faces: 2", 2)}
    diagnosis = examine(dataset)
    assert (diagnosis.rows, diagnosis.unreadable, diagnosis.without_face, diagnosis.several_faces) == (7, 1, 7, 6)
    assert diagnosis.found.without_face[:2] == ("happy/04.png", "happy/10.png")
    assert diagnosis.found.several_faces[:2] == ("happy/02.png", "happy/08.png")
    assert json.loads(diagnosis.to_json())["wrong_size"] == 0


def test_photos_are_read_in_their_order_and_broken_ones_keep_their_reason(detector_file):
    """As without faces, though the next photos are decoded beside: the same notes come of the same files."""
    thin = np.zeros((1, 40, 3), np.uint8)
    files = {"a": draw(1), "gone": None, "b": draw(2, 2), "thin": thin, "text": b"text", "c": draw(3)}

    def read(name):
        if files[name] is None:
            raise UnreadableMediaError("can't be read: No such file or directory.")
        return files[name] if isinstance(files[name], bytes) else encode(files[name])

    told = []
    cutter = FaceCutter.load(detector_file)
    images, notes = read_pictures(read, list(files), PictureForm(), lambda *numbers: told.append(numbers), cutter)
    _, plain = read_pictures(read, list(files), PictureForm())
    assert [(note.row, note.file, note.width, note.height, note.problem) for note in notes] == [
        (note.row, note.file, note.width, note.height, note.problem) for note in plain
    ]
    assert [note.faces for note in notes] == [1, None, 1, None, None, 1]
    assert told == [(done, 6) for done in range(1, 7)]
    crops = [cutter.cut(files[name], 48).picture for name in ("a", "b", "c")]
    assert np.array_equal(images, [to_gray(crop) for crop in crops])


def encode(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_class_of_which_no_photo_shows_a_face_is_refused_with_what_to_do(photos, build_detector, tmp_path):
    (tmp_path / "blind.onnx").write_bytes(build_detector(scores=np.float32([0.1, 0.1])))
    (photos / "happy" / "0 broken.jpg").write_bytes(b"no picture")  # comes first, and is not why the class is lost
    message = r"no photo of happy shows one clear face, such as happy/00.png: no face. .* leave out --faces"
    with pytest.raises(DataError, match=message):
        import_data(photos, tmp_path / "out", faces=True, detector=tmp_path / "blind.onnx")
    (tmp_path / "double.onnx").write_bytes(build_detector(scores=np.float32([0.9, 0.9])))
    with pytest.raises(DataError, match=r"such as happy/00.png: several faces: 2\. "):
        import_data(photos, tmp_path / "out", faces=True, detector=tmp_path / "double.onnx")
    assert not (tmp_path / "out").exists()


def test_fer2013_as_pictures_is_cut_already(write_pictures, detector_file, tmp_path):
    names = ("train/happy/1.png", "train/sad/2.png", "test/happy/PrivateTest_1.png", "test/sad/PublicTest_2.png")
    source = write_pictures("archive", {name: number for number, name in enumerate(names)})
    with pytest.raises(DataError, match="is FER2013, whose pictures are faces that are cut out already"):
        import_data(source, tmp_path / "out", faces=True, detector=detector_file)


def test_the_bundled_detector_is_taken_unless_told_otherwise(photos, detector_file, tmp_path, monkeypatch):
    monkeypatch.setitem(bundled.BUNDLED, "faces", str(detector_file))
    assert import_data(photos, tmp_path / "out", faces=True).faces.detector == "fixed"


def test_a_detector_without_faces_to_find_and_a_file_that_is_none_are_refused(photos, model_file, tmp_path):
    with pytest.raises(DataError, match=r"--detector d.onnx goes with --faces"):
        import_data(photos, tmp_path / "out", detector="d.onnx")
    with pytest.raises(ModelError, match=r"absent\.onnx"):
        import_data(photos, tmp_path / "out", faces=True, detector="absent.onnx")
    with pytest.raises(ModelError, match=r"tiny\.onnx"):
        import_data(photos, tmp_path / "out", faces=True, detector=model_file)
