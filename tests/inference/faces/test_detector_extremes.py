"""Pictures at the ends of what there is: tiny, thin, huge, odd modes, faces over the border, crowds, none."""

import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from mien.core.card import FacesCard, TrainingData
from mien.core.geometry import Box
from mien.inference.faces.detector import Detector
from mien.inference.media.pictures import read_picture
from mien.inference.runtime.envelope import hash_graph, write_card

MAX_SIDE_PX = 160


@pytest.fixture(scope="module")
def random_file(tmp_path_factory):
    """An exported detector with fresh weights: it looks at pixels, and its answers mean nothing."""
    torch = pytest.importorskip("torch", reason="exporting a detector needs the train extra")
    from mien.training.export.face_graph import build_face_graph
    from mien.training.models.registry import build_face_network

    torch.manual_seed(0)
    network = build_face_network("face-pyramid", options={"width": 16, "depth": 1}).eval()
    with torch.no_grad():
        for head in network.heads:
            head[-1].weight.mul_(30)  # fresh answers hardly depend on the picture; these do
            head[-1].bias[0] = 0.0
    graph = build_face_graph(network)
    card = FacesCard(
        name="random",
        min_score=0.5,
        max_side_px=MAX_SIDE_PX,
        smallest_face_px=8.0,
        data=TrainingData(name="none", license="none", sha256="0" * 64),
        recipe="none",
        recipe_sha256="0" * 64,
        commit="unknown",
        parameters=1,
        limits=(),
        license="MIT",
        graph_sha256=hash_graph(graph),
    )
    path = tmp_path_factory.mktemp("models") / "random.onnx"
    path.write_bytes(write_card(graph, card))
    return path


@pytest.fixture(scope="module")
def detector(random_file):
    return Detector.load(random_file, threads=1)


@pytest.fixture
def open_fixed(build_detector, tmp_path):
    """`open_fixed(shares, scores)` opens a detector that finds these faces in every picture."""

    def open_it(shares, scores=None):
        shares = np.asarray(shares, np.float32).reshape(-1, 4)
        scores = np.linspace(0.99, 0.6, len(shares), dtype=np.float32) if scores is None else np.float32(scores)
        path = tmp_path / "fixed.onnx"
        path.write_bytes(build_detector(shares, scores))
        return Detector.load(path, threads=1)

    return open_it


def noise(height, width, *channels, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (height, width, *channels), dtype, endpoint=True)


def as_rows(found):
    return np.array([[*one.box.to_list(), one.score, *one.landmarks.ravel()] for one in found]).reshape(-1, 15)


# --- modes of color -------------------------------------------------------------------------------------------------


def test_pictures_with_other_pixels_have_other_faces(detector):
    """The control of the tests below: this detector looks."""
    picture = noise(90, 120, 3)
    assert len(detector.detect(picture)) > 5
    mirrored = as_rows(detector.detect(np.ascontiguousarray(picture[:, ::-1])))
    assert as_rows(detector.detect(picture)).tolist() != mirrored.tolist()


GRAY = noise(90, 120)

MODES = {
    "1": Image.fromarray(np.where(GRAY > 127, 255, 0).astype(np.uint8)).convert("1"),
    "L": Image.fromarray(GRAY),
    "LA": Image.merge("LA", (Image.fromarray(GRAY), Image.new("L", (120, 90), 255))),
    "RGBA": Image.fromarray(np.dstack([noise(90, 120, 3), np.full((90, 120), 255, np.uint8)])),
    "P": Image.fromarray(noise(90, 120, 3)).quantize(64),
    "CMYK": Image.fromarray(noise(90, 120, 3)).convert("CMYK"),
    "YCbCr": Image.fromarray(noise(90, 120, 3)).convert("YCbCr"),
    "I;16": Image.fromarray(GRAY.astype(np.uint16) * 257),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_has_the_faces_of_its_colors_on_a_screen(detector, mode):
    image = MODES[mode]
    assert image.mode == mode
    shown = Image.fromarray(GRAY) if mode == "I;16" else image
    found = as_rows(detector.detect(read_picture(image)))
    assert len(found)
    assert found.tolist() == as_rows(detector.detect(np.asarray(shown.convert("RGB")))).tolist()


def test_what_shines_through_is_looked_at_on_white(detector):
    glass = np.zeros((90, 120, 4), np.uint8)
    assert as_rows(detector.detect(read_picture(Image.fromarray(glass)))).tolist() == (
        as_rows(detector.detect(np.full((90, 120, 3), 255, np.uint8))).tolist()
    )


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        (3, Image.Transpose.ROTATE_180),
        (6, Image.Transpose.ROTATE_90),
        (8, Image.Transpose.ROTATE_270),
        (5, Image.Transpose.TRANSPOSE),
    ],
)
def test_faces_of_a_turned_photo_are_where_a_person_sees_them(detector, tmp_path, orientation, stored):
    upright = Image.fromarray(noise(90, 120, 3))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    upright.transpose(stored).save(path, exif=exif)
    expected = as_rows(detector.detect(np.asarray(upright)))
    assert as_rows(detector.detect(read_picture(path))).tolist() == expected.tolist()
    upright.transpose(stored).save(path)  # the control: without the note it lies on its side
    assert as_rows(detector.detect(read_picture(path))).tolist() != expected.tolist()


# --- sizes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 31), (31, 1), (33, 33), (1, 5000), (5000, 1), (3, 2000)])
def test_tiny_and_thin_pictures_are_looked_at(detector, size):
    width, height = size
    found = detector.detect(noise(height, width, 3), min_score=0.0)
    assert np.isfinite(as_rows(found)).all()
    assert all(0.0 <= one.score <= 1.0 for one in found)


@pytest.mark.parametrize("size", [(3, 5000), (5000, 3), (7, 4001)])
def test_faces_in_thin_pictures_are_scaled_back_along_each_side(open_fixed, size):
    """The short side is scaled to a whole pixel, so each side has a ratio of its own."""
    width, height = size
    (face,) = open_fixed([[0.0, 0.0, 1.0, 1.0]]).detect(np.zeros((height, width, 3), np.uint8))
    assert face.box.to_list() == pytest.approx([0, 0, width, height], rel=1e-5)


MEASURE_HUGE = """
import sys, time
import numpy as np
from PIL import Image
from mien.inference.faces.detector import Detector
from mien.inference.media.pictures import read_picture

def peak_mb():
    (line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024

detector = Detector.load(sys.argv[1], threads=1)
detector.detect(np.zeros((160, 160, 3), np.uint8))
began, marks = time.process_time(), []
picture = np.full((10_000, 10_000, 3), 90, np.uint8)
picture[2500:7500, 2500:7500] = 200
marks.append(peak_mb())
found = detector.detect(picture, min_score=0.0)
marks.append(peak_mb())
gray = Image.fromarray(picture[:, :, 0].copy())
del picture
same = detector.detect(read_picture(gray), min_score=0.0)
marks.append(peak_mb())
assert [one.box for one in found] == [one.box for one in same]
print(marks[1] - marks[0], marks[2] - marks[0], time.process_time() - began, len(found), *found[0].box.to_list()[2:])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_hundred_megapixels_take_little_more_memory_than_their_pixels(random_file):
    """It is scaled down before the network sees it; a copy in floats would take 1,200 MB."""
    command = [sys.executable, "-c", MEASURE_HUGE, str(random_file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    detecting_mb, reading_mb, seconds, faces, *sides = map(float, done.stdout.split())
    assert detecting_mb < 550  # Pillow's copy, four bytes a pixel, is the largest part of it
    assert reading_mb < 1100  # from a PIL image: its gray, Pillow's RGB, and the array twice while it is made
    assert seconds < 15
    assert faces > 0
    assert max(sides) > 10_000 / MAX_SIDE_PX  # in pixels of the picture, not of the scaled one


def test_a_small_bright_square_in_a_huge_picture_is_still_there_when_scaled(detector):
    """Areas are averaged: what is 100 times smaller than a pixel of the scaled picture still counts a little."""
    plain = np.zeros((4000, 4000, 3), np.uint8)
    marked = plain.copy()
    marked[1995:2005, 1995:2005] = 255
    assert as_rows(detector.detect(plain, min_score=0.0)).tolist() != (
        as_rows(detector.detect(marked, min_score=0.0)).tolist()
    )


@pytest.mark.parametrize("view", [np.s_[::-1], np.s_[:, ::-1], np.s_[::2, ::3], np.s_[..., ::-1]])
def test_views_of_arrays_are_looked_at_as_they_look(detector, view):
    whole = noise(180, 240, 3)
    copied = np.ascontiguousarray(whole[view])
    assert as_rows(detector.detect(whole[view])).tolist() == as_rows(detector.detect(copied)).tolist()


def test_a_picture_that_may_not_be_written_to_stays_as_it_was(detector):
    picture = noise(90, 120, 3)
    before = picture.copy()
    picture.setflags(write=False)
    detector.detect(picture)
    assert np.array_equal(picture, before)


# --- faces ----------------------------------------------------------------------------------------------------------


def test_faces_over_the_border_keep_their_whole_box(open_fixed):
    """Boxes are not clipped: what is cut off of a face still belongs to it, and `crop_face` repeats the edge."""
    over = [[-0.2, -0.1, 0.5, 0.6], [0.8, 0.7, 0.5, 0.6], [-0.5, -0.5, 2.0, 2.0]]
    found = open_fixed(over).detect(np.zeros((100, 200, 3), np.uint8))
    for one, share in zip(found, over, strict=True):
        assert one.box.to_list() == pytest.approx(np.float32(share) * [200, 100, 200, 100], abs=1e-3)


def test_faces_over_the_border_are_cut_out(open_fixed):
    from mien.inference.faces.crop import crop_faces

    picture = np.full((100, 200, 3), 77, np.uint8)
    found = open_fixed([[-0.2, -0.1, 0.5, 0.6], [0.8, 0.7, 0.5, 0.6]]).detect(picture)
    crops = crop_faces(picture, [one.box for one in found], [one.landmarks for one in found])
    assert crops.shape == (2, 48, 48, 3)
    assert (crops == 77).all()


def test_two_hundred_faces_come_the_surest_first_each_with_its_own_landmarks(open_fixed):
    shares = [[column / 20, row / 10, 0.04, 0.08] for row in range(10) for column in range(20)]
    found = open_fixed(shares).detect(np.zeros((600, 800, 3), np.uint8))
    assert len(found) == 200
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    for one in found:
        inside = one.landmarks - [one.box.x, one.box.y]
        assert (inside > 0).all()
        assert (inside < [one.box.width, one.box.height]).all()


def overlap(one: Box, other: Box) -> float:
    """IoU, in plain arithmetic."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (one.width * one.height + other.width * other.height - shared)


def test_no_two_of_the_faces_are_the_same_however_many_cells_answer(detector):
    """At a score of 0 all cells answer; doubles are left out, and there are never more than 750."""
    found = detector.detect(noise(160, 160, 3), min_score=0.0)
    assert 10 < len(found) <= 750
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    pairs = [overlap(one.box, other.box) for number, one in enumerate(found) for other in found[:number]]
    assert max(pairs) <= 0.55 + 1e-4
    assert max(pairs) > 0.2  # the control: some do overlap


def test_a_higher_score_shows_a_part_of_the_same_faces(detector):
    picture = noise(90, 120, 3)
    every, surer = (as_rows(detector.detect(picture, min_score=score)) for score in (0.0, 0.5))
    assert 0 < len(surer) < len(every)
    assert surer.tolist() == every[: len(surer)].tolist()


def test_no_face_is_an_empty_list(detector, open_fixed):
    assert detector.detect(noise(90, 120, 3), min_score=1.0) == []
    assert open_fixed([[0, 0, 1, 1]], [0.1]).detect(np.zeros((9, 9, 3), np.uint8)) == []


def test_time_does_not_grow_with_the_faces(detector):
    """750 faces of a picture take at most a few times as long as none of the same picture."""
    picture = noise(160, 160, 3)

    def quickest(min_score):
        seconds = []
        for _ in range(7):
            began = time.process_time()
            detector.detect(picture, min_score=min_score)
            seconds.append(time.process_time() - began)
        return min(seconds)

    assert quickest(0.0) < 10 * quickest(1.0) + 0.05
