"""How does FER2013 frame its faces? Find them in their own crops, and take the frame that the one crop then uses.

The template is fitted on the training part; whether it should show a little more or less is chosen on validation, by
how many faces are read rightly after they were laid into pictures and cut out again. The test part is never looked at.

    mien data import fer2013.csv.xz --votes fer2013new.csv --out fer2013
    python examples/fit_frame.py fer2013                        # or: ... fer2013 --detector mine.onnx
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cyclopts import run
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

import mien
from mien.core.results import Detection
from mien.inference.faces.crop import crop_face
from mien.inference.faces.detector import Detector
from mien.inference.faces.frame import FER2013_FRAME, Frame, fit_frame
from mien.training.data.canvases import Canvas, draw_canvas, lay_out
from mien.training.data.table import Dataset, open_dataset

SIDE_PX = 112
ZOOMS = (0.92, 0.96, 1.0, 1.04, 1.08)
DOWNWARD = (-0.03, 0.0, 0.03)
LEAST_SCORE = 0.3


def find(detector: Detector, canvas: Canvas) -> Detection | None:
    """Return the surest detection of the crop's face."""
    found = detector.detect(canvas.picture, min_score=LEAST_SCORE)
    return next((one for one in found if canvas.shows(one.box)), None)


def watch(rows: NDArray[np.intp], what: str) -> NDArray[np.intp]:
    """Show a bar while the rows are gone through."""
    return track(rows, what, console=Console(stderr=True), transient=True)  # type: ignore[return-value]


def fit(detector: Detector, dataset: Dataset, count: int) -> Frame:
    """Fit the frame on crops of the training part, upright and in the middle of a picture twice as large."""
    boxes, landmarks = [], []
    for row in watch(dataset.some_rows_of("train", count), "fitting"):
        canvas = lay_out(dataset.images[row], SIDE_PX)
        face = find(detector, canvas)
        if face is not None:
            corners = canvas.locate(
                np.array([face.box.to_list()[:2], np.add(*np.split(np.array(face.box.to_list()), 2))])
            )
            boxes.append([*corners[0], *(corners[1] - corners[0])])
            landmarks.append(canvas.locate(face.landmarks))
    print(f"fitted on {len(boxes)} faces")
    return fit_frame(boxes, landmarks, 1.0)


def change(frame: Frame, zoom: float, down: float) -> Frame:
    """Return a frame that shows more (`zoom` above 1), and the face further down."""
    points = (np.array(frame.landmarks) - 0.5) / zoom + 0.5 + (0.0, down)
    x, y = frame.shift
    return Frame(tuple((float(x), float(y)) for x, y in points), (x, y - down * frame.side), frame.side * zoom)


def main(
    data: Path, *, model: str = "expression", detector: str = "faces", count: int = 5000, tuned_on: int = 2000
) -> None:
    """Print the fitted frame, and how faces are read with it and with its neighbors.

    Args:
        data: What `mien data import` wrote.
        model: Tells the expressions.
        detector: Finds the faces.
        count: Crops of train to fit on.
        tuned_on: Crops of validation to choose on.
    """
    dataset, recognizer, finder = open_dataset(data), mien.Recognizer.load(model), Detector.load(detector)
    fitted = fit(finder, dataset, count)
    print(fitted)
    random = np.random.default_rng(0)
    rows = dataset.some_rows_of("validation", tuned_on)
    labels = dataset.table["label"][rows]
    frames = {"in use": FER2013_FRAME}
    frames |= {f"zoom {zoom:.2f}, down {down:+.2f}": change(fitted, zoom, down) for zoom in ZOOMS for down in DOWNWARD}
    crops: dict[str, list[NDArray[np.uint8]]] = {name: [] for name in ("untouched", *frames)}
    truth: list[int] = []
    for row, label in zip(watch(rows, "choosing"), labels, strict=True):
        canvas = draw_canvas(dataset.images[row], random)
        face = find(finder, canvas)
        if face is None:
            continue
        truth.append(int(label))
        crops["untouched"].append(dataset.images[row])
        for name, frame in frames.items():
            crops[name].append(crop_face(canvas.picture, face.box, face.landmarks, frame=frame))
            crops.setdefault(f"{name}, box alone", []).append(crop_face(canvas.picture, face.box, None, frame=frame))
    for name, cut in crops.items():
        print(f"{name:34} {(recognizer.classify(cut).argmax(axis=1) == truth).mean():.1%} of {len(truth)}")


if __name__ == "__main__":
    run(main)
