"""How many frames of a video a second become rows: `mien watch` beside OpenCV's cascade and mini-XCEPTION, in one run.

    pip install '.[bench,video]'
    python benchmarks/video.py
    python benchmarks/video.py --frames 100 --turns 3 --detector my-faces.onnx

Two clips are made in a temporary folder, H.264 at 25 frames a second: one face at 640x480, five at 1280x720. Each side
reads the file and writes a row a face into a CSV file, with detection on every frame; both may use the same two
processors. They take turns, and the first one of each, over a few frames, is not counted. What mien does is what
`mien watch --csv` does, its insights included, but for the progress bar.

The named peer is what most tutorials build: `VideoCapture`, the Haar cascade with its usual settings
(`scaleFactor=1.1`, `minNeighbors=5`), and mini-XCEPTION at 64x64 pixels, here in ONNX Runtime, which is quicker than
Keras. It has fresh weights, since speed does not depend on them, and neither tracks nor smooths.

A second table tells where the time goes: the median milliseconds of a frame on one thread, nothing at the same time.
All is printed as Markdown.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime as ort
from clips import Scene, write_clip
from laps import STEPS, Laps, TimedDetector

from mien import __version__
from mien.apps.cli.growing import GrowingCsv
from mien.apps.cli.moment_rows import MomentRows, list_columns
from mien.core.errors import MienError
from mien.core.labels import EXPRESSIONS
from mien.inference.expression.model import load_model
from mien.inference.faces.detector import DEFAULT_DETECTOR, Detector
from mien.inference.insights.collector import Insights
from mien.inference.media.video.reader import open_video
from mien.inference.media.video.sampling import Sampling
from mien.inference.media.video.stream import FileStream
from mien.inference.pipeline import Pipeline
from mien.inference.recognizer import Recognizer
from mien.inference.runtime.bundled import DEFAULT_MODEL
from mien.inference.timing.machine import describe_machine

PEER = "Haar, mini-XCEPTION"
SCENES = (Scene(640, 480, 1), Scene(1280, 720, 5))
FRAMES, TURNS, CORES = 150, 5, 2
WARM = 25
"""Frames of the turn that is not counted."""

PEER_SIZE_PX = 64


class Told(NamedTuple):
    """What one side got out of a clip."""

    frames: int
    faces: int


Read = Callable[[Path, Path], Told]
"""From a clip and the file for the rows."""


def open_mien(asked: argparse.Namespace) -> Read:
    """Return `mien watch --csv`, its models open."""
    recognizer = Recognizer.load(asked.model, detector=asked.detector, threads=1)
    pipeline = Pipeline(recognizer, workers=asked.cores)

    def read(clip: Path, out: Path) -> Told:
        insights, faces = Insights(), 0
        with open_video(clip) as video, GrowingCsv.create(out, list_columns(recognizer.labels)) as table:
            rows = MomentRows(table, recognizer.labels)
            for number, moment in enumerate(pipeline.run(video), 1):  # noqa: B007 - it is the count in the end
                insights.add(moment)
                rows.write(moment)
                faces += len(moment.sightings)
        insights.summarize()
        return Told(number, faces)

    return read


def step_through_mien(asked: argparse.Namespace, clip: Path, out: Path) -> Laps:
    """Do what `open_mien` does one after the other on this thread."""
    laps = Laps()
    detector: Any = TimedDetector(Detector.load(asked.detector, threads=1), laps)
    recognizer = Recognizer(load_model(asked.model, threads=1), lambda: detector)
    follower, insights = Pipeline(recognizer).begin(), Insights()
    stream = FileStream(clip, Sampling())
    with GrowingCsv.create(out, list_columns(recognizer.labels)) as table:
        rows = MomentRows(table, recognizer.labels)
        for frame in stream.read():
            assert frame is not None
            laps.lap("decode")
            faces = recognizer.predict(frame.pixels)
            laps.lap("recognize")
            height, width = frame.pixels.shape[:2]
            moment = follower.follow(faces, frame=frame.index, time_s=frame.time_s, width=width, height=height)
            laps.lap("track, smooth")
            insights.add(moment)
            rows.write(moment)
            laps.lap("row")
            laps.end_frame()
    stream.close()
    return laps


class Peer:
    """OpenCV decodes and finds the faces; mini-XCEPTION reads them."""

    def __init__(self, graph: bytes, threads: int) -> None:
        """Open both for a number of threads."""
        import cv2

        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"))
        self._threads = threads

    def read(self, clip: Path, out: Path, laps: Laps | None = None) -> Told:
        """Write a row a face."""
        import cv2

        laps = laps or Laps()
        cv2.setNumThreads(self._threads)
        capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, self._threads])
        faces = 0
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["frame", "time_s", "x", "y", "width", "height", "expression", *EXPRESSIONS])
            for number in count():
                is_read, picture = capture.read()
                if not is_read:
                    break
                time_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                laps.lap("decode")
                gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
                boxes = self._cascade.detectMultiScale(gray, scaleFactor=1.1, minNeighbors=5)
                laps.lap("detect")
                probabilities = self._classify(gray, boxes)
                laps.lap("recognize")
                for box, shares in zip(boxes, probabilities, strict=True):
                    label = EXPRESSIONS[int(shares.argmax())]
                    writer.writerow([number, time_s, *(int(side) for side in box), label, *shares.tolist()])
                faces += len(boxes)
                laps.lap("row")
                laps.end_frame()
        capture.release()
        return Told(number, faces)

    def _classify(self, gray: Any, boxes: Any) -> Any:
        import cv2

        if not len(boxes):
            return ()
        size = (PEER_SIZE_PX, PEER_SIZE_PX)
        crops = [cv2.resize(gray[y : y + height, x : x + width], size) for x, y, width, height in boxes]
        return self._session.run(None, {"images": np.stack(crops)})[0]


def build_peer() -> bytes:
    """Return mini-XCEPTION with fresh weights as an ONNX graph."""
    from mien.training.export.graph import CalibratedNetwork, build_graph
    from mien.training.models.registry import build_network

    network = build_network("mini-xception", classes=len(EXPRESSIONS), channels=1, size_px=PEER_SIZE_PX)
    return build_graph(CalibratedNetwork(network, 1.0), channels=1, size_px=PEER_SIZE_PX)


def compare(sides: dict[str, Read], folder: Path, asked: argparse.Namespace) -> list[list[str]]:
    """Let the sides take turns with each clip, and return the rows of a table."""
    rows = []
    for scene in SCENES:
        clip, short = folder / f"{scene.width}.mp4", folder / f"{scene.width}-short.mp4"
        write_clip(clip, scene, asked.frames)
        write_clip(short, scene, min(WARM, asked.frames))
        rates: dict[str, list[float]] = {name: [] for name in sides}
        told = {}
        for read in sides.values():
            read(short, folder / "rows.csv")
        for _ in range(asked.turns):
            for name, read in sides.items():
                began = time.perf_counter()
                told[name] = read(clip, folder / "rows.csv")
                rates[name].append(told[name].frames / (time.perf_counter() - began))
        peer = np.median(rates[PEER])
        for name, found in rates.items():
            median = np.median(found)
            faces = told[name].faces / told[name].frames
            row = [f"{faces:.2f}", f"{median:.1f}", f"{min(found):.1f}-{max(found):.1f}", f"{median / peer:.2f}"]
            rows.append([scene.name, name, *row])
    return rows


def step_through(graph: bytes, folder: Path, asked: argparse.Namespace) -> list[list[str]]:
    """Return the rows of the table that tells where the time goes, for the clips that `compare` wrote."""
    rows = []
    peer = Peer(graph, threads=1)
    for scene in SCENES:
        clip, laps = folder / f"{scene.width}.mp4", Laps()
        mine = step_through_mien(asked, clip, folder / "rows.csv")
        peer.read(clip, folder / "rows.csv", laps)
        for name, medians in (("mien", mine.list_medians()), (PEER, laps.list_medians())):
            rows.append([scene.name, name, *(f"{value:.2f}" for value in medians)])
    return rows


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown; all but the first two columns are numbers."""
    columns = []
    for place, cells in enumerate(zip(header, *rows, strict=True)):
        width = max(map(len, cells))
        is_text = place < 2
        rule = "-" * width if is_text else "-" * (width - 1) + ":"
        first, *others = (cell.ljust(width) if is_text else cell.rjust(width) for cell in cells)
        columns.append([first, rule, *others])
    return "\n".join(f"| {' | '.join(line)} |" for line in zip(*columns, strict=True))


def limit_cores(cores: int) -> None:
    """Let this process use so many processors and no more, where the system can be told."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def describe_run() -> str:
    """Name the machine and what was measured."""
    import av
    import cv2

    machine = describe_machine()
    versions = {"ONNX Runtime": machine.onnxruntime, "OpenCV": cv2.__version__, "PyAV": av.__version__}
    parts = [f"{machine.processor}, {machine.cores} processors used, {machine.system}", f"mien {__version__}"]
    return " · ".join([*parts, *(f"{name} {version}" for name, version in versions.items())])


def parse() -> argparse.Namespace:
    """Return what was asked for, or stop with what is missing."""
    parser = argparse.ArgumentParser(description="Frames a second from a video file to rows: mien beside OpenCV.")
    parser.add_argument("--frames", type=int, default=FRAMES, help=f"of each clip ({FRAMES})")
    parser.add_argument("--turns", type=int, default=TURNS, help=f"turns of each side with each clip ({TURNS})")
    parser.add_argument("--cores", type=int, default=CORES, help=f"processors that both may use ({CORES})")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="mien's model: a bundled one's name, or a file")
    parser.add_argument("--detector", default=DEFAULT_DETECTOR, help="likewise, of the model that finds faces")
    asked = parser.parse_args()
    needed = {"cv2": "opencv-python-headless", "skimage": "scikit-image", "av": "av", "scipy": "scipy"}
    needed |= {"torch": "torch", "onnxscript": "onnxscript"}
    missing = [package for module, package in needed.items() if find_spec(module) is None]
    if missing:
        parser.error(f"{' and '.join(missing)} not installed. Run: pip install '.[bench,video]'")
    import cv2

    if not hasattr(cv2, "CascadeClassifier"):
        parser.error(f"OpenCV {cv2.__version__} has no cascades, version 4 has. Run: pip install '.[bench,video]'")
    if min(asked.frames, asked.turns, asked.cores) < 1:
        numbers = f"{asked.frames} frames, {asked.turns} turns and {asked.cores} cores"
        parser.error(f"it takes at least one frame, one turn and one core, got {numbers}")
    try:
        load_model(asked.model)
        Detector.load(asked.detector)
    except MienError as error:
        parser.error(f"{error} Name models with --model FILE and --detector FILE.")
    return asked


def main() -> None:
    """Measure and print."""
    asked = parse()
    limit_cores(asked.cores)
    graph = build_peer()
    sides = {"mien": open_mien(asked), PEER: Peer(graph, asked.cores).read}
    print(describe_run(), end="\n\n", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        header = ["clip", "read by", "faces a frame", "frames/s", "slowest-quickest", "ratio"]
        print(format_table(header, compare(sides, Path(scratch), asked)), flush=True)
        print("\nMilliseconds of a frame on one thread:\n")
        print(format_table(["clip", "read by", *STEPS, "all"], step_through(graph, Path(scratch), asked)))


if __name__ == "__main__":
    main()
