"""The page's reader on the device computes as Python does: the same scaling, crops, quality and smoothing, in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import mien.apps.service
from mien.apps.report.clip.hues import _ORDER as REPORT_ORDER
from mien.core.coarse import VALENCES
from mien.core.geometry import Box
from mien.core.labels import OTHER_NAMES
from mien.core.results import (
    CERTAIN_FROM,
    LEAST_SURE_SHARPNESS,
    MOST_SURE_TURN_DEG,
    SMALLEST_SURE_PX,
    Quality,
)
from mien.inference.expression.resampling import to_gray
from mien.inference.faces.crop import MIN_SIDE_PX, crop_face
from mien.inference.faces.detector import MAX_SIDE_LIMIT_PX, _scale
from mien.inference.faces.frame import FER2013_FRAME, MAX_DISTANCE, MAX_SIZE_RATIO
from mien.inference.faces.landmarks import MIN_SPREAD_PX
from mien.inference.faces.quality import NOSE_DEPTH, SHARPNESS_SIZE_PX, measure_quality
from mien.inference.runtime.bundled import read_model
from mien.inference.track.smoothing import Smoother, SmoothingSettings

LOCAL = Path(mien.apps.service.__file__).parent / "page" / "local"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="running the page's modules needs node, from 20 on")

PRELUDE = """
import { readFileSync, writeFileSync } from "node:fs";
const [, local, folder] = process.argv;
const given = JSON.parse(readFileSync(folder + "/given.json", "utf8"));
const load = (name) => import("file://" + local + "/" + name + ".js");
const tell = (answer) => console.log(JSON.stringify(answer));
const paint = ({ file, width, height }) => {
  const rgb = readFileSync(folder + "/" + file);
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) data.set(rgb.subarray(i * 3, i * 3 + 3), i * 4);
  return { width, height, data };
};
"""


def run_node(script: str, folder: Path, given: Any = None) -> Any:
    """Run a module that may use PRELUDE's names, and return what it `tell`s."""
    (folder / "given.json").write_text(json.dumps(given))
    command = [str(NODE), "--input-type=module", "--eval", PRELUDE + script, str(LOCAL), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def save(picture: NDArray[np.uint8], folder: Path, name: str) -> dict[str, Any]:
    """Write the pixels of a picture to where Node `paint`s them from."""
    (folder / name).write_bytes(picture.tobytes())
    return {"file": name, "width": picture.shape[1], "height": picture.shape[0]}


def draw(width: int, height: int, seed: int) -> NDArray[np.uint8]:
    """Return a picture with both smooth and fine parts, so that any other way of sampling shows."""
    rng = np.random.default_rng(seed)
    smooth = Image.fromarray(rng.integers(0, 256, (7, 9, 3), np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    noise = rng.integers(-60, 61, (height, width, 3))
    return (np.asarray(smooth).astype(int) + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("width", "height"),
    [(641, 480), (700, 650), (1300, 1700), (1280, 960), (2600, 1999), (4003, 120), (90, 3001), (640, 640), (31, 17)],
)
def test_pictures_are_scaled_to_the_bit(width: int, height: int, tmp_path: Path) -> None:
    picture = draw(width, height, seed=width)
    wanted = _scale(picture, 640)
    size = run_node(
        """
        const { scaleDown } = await load("resize");
        const { width, height, data } = scaleDown(paint(given), 640);
        writeFileSync(folder + "/scaled", data);
        tell([height, width]);
        """,
        tmp_path,
        save(picture, tmp_path, "picture"),
    )
    scaled = np.frombuffer((tmp_path / "scaled").read_bytes(), np.uint8).reshape(*size, 3)
    if height > 3 * width:  # older versions of Pillow round such pictures in another order
        assert np.abs(scaled.astype(int) - wanted).max() <= 1
    else:
        np.testing.assert_array_equal(scaled, wanted)


def place_faces(width: int, height: int, count: int) -> list[dict[str, Any]]:
    """Return boxes of 3 pixels to twice the picture, within and beyond it, with landmarks of all kinds."""
    rng = np.random.default_rng(count)
    template = np.array(FER2013_FRAME.landmarks) - 0.5
    faces = []
    for number in range(count):
        side = float(np.exp(rng.uniform(np.log(3), np.log(2 * max(width, height)))))
        middle = np.array([rng.uniform(-0.1, 1.1) * width, rng.uniform(-0.1, 1.1) * height])
        box = [*(middle - side / 2), side, side * rng.uniform(0.8, 1.3)]
        turn = np.deg2rad(rng.uniform(-180, 180) if number % 3 else rng.uniform(-20, 20))
        matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        points = (template + rng.normal(0, 0.03, (5, 2))) @ matrix * side + middle
        if number % 11 == 3:  # of someone else: not believed
            points += 3 * side
        if number % 11 == 5:  # sides named as the picture has them
            points = points[[1, 0, 2, 4, 3]]
        if number % 11 == 7:  # all in one place
            points = np.tile(middle, (5, 1))
        is_given = number % 11 != 9
        faces.append({"box": box, "landmarks": points.astype(np.float32).tolist() if is_given else None})
    return faces


CUT = """
const { cropFace, toGray } = await load("crop");
const { measureQuality } = await load("quality");
const pixels = paint(given.picture);
const qualities = [];
const crops = given.faces.map(({ box, landmarks }) => {
  const crop = cropFace(pixels, box, landmarks, 48);
  qualities.push(measureQuality(box, landmarks, toGray(crop)));
  return crop;
});
writeFileSync(folder + "/crops", Buffer.concat(crops));
writeFileSync(folder + "/grays", Buffer.concat(crops.map(toGray)));
tell(qualities);
"""


@pytest.mark.parametrize(("width", "height"), [(640, 480), (333, 1001), (2311, 1733), (20, 30)])
def test_crops_and_quality_are_pythons(width: int, height: int, tmp_path: Path) -> None:
    picture = draw(width, height, seed=height)
    faces = place_faces(width, height, 44)
    qualities = run_node(CUT, tmp_path, {"picture": save(picture, tmp_path, "picture"), "faces": faces})
    crops = np.frombuffer((tmp_path / "crops").read_bytes(), np.uint8).reshape(-1, 48, 48, 3)
    grays = np.frombuffer((tmp_path / "grays").read_bytes(), np.uint8).reshape(-1, 48, 48)
    for face, crop, gray, quality in zip(faces, crops, grays, qualities, strict=True):
        box = Box(*face["box"])
        landmarks = None if face["landmarks"] is None else np.array(face["landmarks"], np.float32)
        wanted = crop_face(picture, box, landmarks)
        assert np.abs(crop.astype(int) - wanted).max() <= 1  # sums in another order may tip a rounding
        assert (crop != wanted).mean() < 1e-3
        np.testing.assert_array_equal(gray, to_gray(crop))
        assert quality == pytest.approx(measure_quality(box, landmarks, gray).to_dict(), abs=1e-4)


def test_another_crop_is_noticed(tmp_path: Path) -> None:
    """The control: half a pixel beside is no parity."""
    picture = draw(640, 480, seed=1)
    face = {"box": [200.0, 150.0, 90.0, 110.0], "landmarks": None}
    run_node(CUT, tmp_path, {"picture": save(picture, tmp_path, "picture"), "faces": [face]})
    crop = np.frombuffer((tmp_path / "crops").read_bytes(), np.uint8).reshape(48, 48, 3)
    moved = crop_face(picture, Box(200.5, 150.0, 90.0, 110.0), None)
    assert np.abs(crop.astype(int) - moved).max() > 1
    assert (crop != moved).mean() > 0.5


def test_numbers_written_twice_are_the_same(tmp_path: Path) -> None:
    told = run_node(
        """
        const { FRAME, MAX_DISTANCE, MAX_SIZE_RATIO } = await load("frame");
        const { MIN_SPREAD_PX } = await load("landmarks");
        const { MAX_LIMIT_PX, MIN_LIMIT_PX, MIN_SIDE_PX } = await load("detector");
        const { LIMITS, NOSE_DEPTH, SHARPNESS_SIZE_PX } = await load("quality");
        const { SMOOTHING } = await load("smoothing");
        tell({
          FRAME, MAX_DISTANCE, MAX_SIZE_RATIO, MIN_SPREAD_PX, MAX_LIMIT_PX, MIN_LIMIT_PX, MIN_SIDE_PX,
          LIMITS, NOSE_DEPTH, SHARPNESS_SIZE_PX, SMOOTHING,
        });
        """,
        tmp_path,
    )
    frame, smoothing = FER2013_FRAME, SmoothingSettings()
    assert told == {
        "FRAME": {"landmarks": [[*point] for point in frame.landmarks], "shift": [*frame.shift], "side": frame.side},
        "MAX_DISTANCE": MAX_DISTANCE,
        "MAX_SIZE_RATIO": MAX_SIZE_RATIO,
        "MIN_SPREAD_PX": MIN_SPREAD_PX,
        "MAX_LIMIT_PX": MAX_SIDE_LIMIT_PX,
        "MIN_LIMIT_PX": 32,
        "MIN_SIDE_PX": MIN_SIDE_PX,
        "LIMITS": {
            "certainFrom": CERTAIN_FROM,
            "smallestPx": SMALLEST_SURE_PX,
            "leastSharpness": LEAST_SURE_SHARPNESS,
            "mostTurnDeg": MOST_SURE_TURN_DEG,
        },
        "NOSE_DEPTH": NOSE_DEPTH,
        "SHARPNESS_SIZE_PX": SHARPNESS_SIZE_PX,
        "SMOOTHING": {
            "timeConstantS": smoothing.time_constant_s,
            "margin": smoothing.margin,
            "dwellS": smoothing.dwell_s,
            "returnMargin": smoothing.return_margin,
            "returnS": smoothing.return_s,
            "restartAfterS": smoothing.restart_after_s,
        },
    }


def test_words_and_limits_of_the_page_are_pythons(tmp_path: Path) -> None:
    settings = pytest.importorskip("mien.apps.service.settings", reason="the service needs the serve extra")
    told = run_node(
        """
        const { SEVEN, MEANINGS } = await load("../expressions");
        const { MAX_PIXELS } = await load("pixels");
        const { VALENCES } = await load("../valence");
        tell({ SEVEN, MEANINGS, MAX_PIXELS, VALENCES });
        """,
        tmp_path,
    )
    assert told == {
        "SEVEN": [*REPORT_ORDER, "neutral"],
        "MEANINGS": {word: ours for ours, others in OTHER_NAMES.items() for word in others},
        "MAX_PIXELS": settings.ServiceSettings.model_fields["max_pixels"].default,
        "VALENCES": dict(VALENCES),
    }


def test_a_face_is_certain_as_in_python(tmp_path: Path) -> None:
    qualities = [
        Quality(size, sharpness, turn, 0.0)
        for size in (11.9, 12.0)
        for sharpness in (None, 0.049, 0.05)
        for turn in (None, -30.1, 30.0)
    ]
    told = run_node(
        """
        const { isCertain } = await load("quality");
        tell(given.map((quality) => [isCertain(0.5, quality), isCertain(0.499, quality)]));
        """,
        tmp_path,
        [quality.to_dict() for quality in qualities],
    )
    assert told == [[quality.is_sufficient, False] for quality in qualities]


def test_labels_are_smoothed_as_in_python(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(np.where(rng.random(400) < 0.02, 1.3, rng.uniform(0.01, 0.2, 400))).tolist()
    leaders = rng.integers(0, 3, 40).repeat(10)
    rows = [rng.dirichlet(np.where(np.arange(3) == leader, 6.0, 1.0)).tolist() for leader in leaders]
    readings = [dict(zip("abc", row, strict=True)) for row in rows]
    told = run_node(
        """
        const { Smoother } = await load("smoothing");
        const smoother = new Smoother();
        tell(given.readings.map((reading, index) => smoother.update(1, reading, given.times[index])));
        """,
        tmp_path,
        {"readings": readings, "times": times},
    )
    smoother = Smoother()
    labels = set()
    for reading, time_s, answer in zip(readings, times, told, strict=True):
        probabilities, label = smoother.update(1, reading, time_s)
        assert answer["probabilities"] == pytest.approx(probabilities, abs=1e-9)
        assert answer["label"] == label
        labels.add(label)
    assert labels == {"a", "b", "c"}  # else nothing was shown


def test_cards_are_found_in_the_files(tmp_path: Path) -> None:
    files = [read_model("expression"), read_model("faces")]
    told = run_node(
        """
        const { readExpressionCard, readFacesCard } = await load("card");
        const [expression, faces, none] = given.map((path) => new Uint8Array(readFileSync(path)));
        const codes = [() => readExpressionCard(faces), () => readFacesCard(expression.subarray(0, 5000)),
          () => readFacesCard(none)].map((ask) => {
          try { return ask(); } catch (error) { return error.code; }
        });
        tell([readExpressionCard(expression), readFacesCard(faces), codes]);
        """,
        tmp_path,
        [*(str(file.path) for file in files), str(LOCAL / "card.js")],
    )
    assert told[0] == json.loads(files[0].card.to_json())
    assert told[1] == json.loads(files[1].card.to_json())
    assert told[2] == ["model_unusable"] * 3


FOLLOW = """
const { createFollower } = await load("follow");
const follower = createFollower({ smoothing: given.smoothing });
tell(given.frames.map(({ timeS, faces }, frame) => follower.update(
  { source: "camera", width: 640, height: 480, faces: faces.map(([x, y, size, happy]) => ({
    box: [x, y, size, size], score: 0.9, landmarks: null, expression: "happy", confidence: happy, is_certain: true,
    probabilities: { happy, sad: 1 - happy }, quality: { size_px: size, sharpness: 0.3, turn_deg: 0, tilt_deg: 0 },
  })) },
  { frame, timeS },
)));
"""


def test_people_keep_their_numbers_and_calm_labels(tmp_path: Path) -> None:
    """Two people drift and are listed in changing order; one is gone for a moment, and later for too long."""
    frames = []
    for number in range(100):
        left, right = [100 + number, 100, 80, 0.9], [400 - number / 2, 120, 90, 0.2]
        faces = [left, right] if number % 2 else [right, left]
        if 20 <= number < 25 or 40 <= number < 75:
            faces.remove(left)
        if number == 90:  # one odd reading
            right[3] = 0.8
        frames.append({"timeS": number / 10 if number < 85 else 8.5 + (number - 85) / 30, "faces": faces})
    moments = run_node(FOLLOW, tmp_path, {"smoothing": True, "frames": frames})
    seen = [{face["person"]: face for face in moment["faces"]} for moment in moments]
    assert all(1 in persons for persons in seen)  # the right one is listed first on the first frame
    assert [2 in persons for persons in seen] == [number < 20 or 25 <= number < 40 for number in range(100)]
    assert [3 in persons for persons in seen] == [number >= 75 for number in range(100)]
    assert all(persons[1]["expression"] == "sad" for persons in seen)
    assert seen[90][1]["raw_probabilities"]["happy"] == 0.8
    assert moments[7] | {"faces": []} == {
        "type": "moment",
        "frame": 7,
        "time_s": 0.7,
        "width": 640,
        "height": 480,
        "faces": [],
    }
    raw = run_node(FOLLOW, tmp_path, {"smoothing": False, "frames": frames})
    assert [face["expression"] for face in raw[90]["faces"] if face["person"] == 1] == ["happy"]
