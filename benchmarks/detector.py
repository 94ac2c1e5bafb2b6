"""How long faces take to be found, from the array to the boxes: beside OpenCV's Haar cascade, in one run.

    pip install '.[bench]'
    python benchmarks/detector.py
    python benchmarks/detector.py --model my-faces.onnx --yunet face_detection_yunet_2023mar.onnx

Prints, for two threads and for one, a table with the median and the 95th percentile for one real photo in three sizes,
and the ratio to the cascade, the named peer: the detector of most tutorials, which comes with OpenCV
(`scaleFactor=1.1`, `minNeighbors=5`; the conversion to gray counts). mien scales larger pictures down to the side its
card names; so it stands there twice, as its users get it and told to look at every pixel.

A last table shows that the time comes from the pixels and not from the faces: the same size without any face, with
one, with a hundred, and with noise, the worst case of many detectors.

With `--yunet`, a file of the face detector YuNet from https://github.com/opencv/opencv_zoo joins in: by OpenCV's
`FaceDetectorYN`, and as the bare network in ONNX Runtime, which is quicker than a whole detector: nothing decodes its
answers. Ratios to both can be read from the same column.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from pictures import show_astronaut, tile_faces
from rich.console import Console
from rich.table import Table

from mien.core.errors import MienError
from mien.inference.faces.detector import DEFAULT_DETECTOR, Detector
from mien.inference.timing.turns import take_turns

PEER = "Haar (OpenCV)"
SIZES = ("640x480", "1280x720", "1920x1080")
TURNS, CALLS = 12, 5
ACROSS = 10
"""Faces in a row of the picture with many, and rows."""

Picture = NDArray[np.uint8]
Find = Callable[[Picture], int | None]
"""From a picture to the number of faces; None from a bare network."""


def open_mien(detector: Detector, is_whole: bool = False) -> Find:
    """Return mien's detector, as it is by default or told not to scale pictures down."""
    return lambda picture: len(detector.detect(picture, max_side_px=max(picture.shape) if is_whole else None))


def open_haar(threads: int) -> Find:
    """Return OpenCV's cascade with its usual settings."""
    import cv2

    cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"))

    def find(picture: Picture) -> int:
        cv2.setNumThreads(threads)
        gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        return len(cascade.detectMultiScale(gray, scaleFactor=1.1, minNeighbors=5))

    return find


def open_yunet(file: Path, threads: int) -> Find:
    """Return YuNet as OpenCV runs it, with the thresholds that OpenCV sets."""
    import cv2

    detector = cv2.FaceDetectorYN.create(str(file), "", (320, 320))

    def find(picture: Picture) -> int:
        cv2.setNumThreads(threads)
        detector.setInputSize((picture.shape[1], picture.shape[0]))
        _, faces = detector.detect(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        return 0 if faces is None else len(faces)

    return find


def open_bare_yunet(file: Path, threads: int) -> Find:
    """Return YuNet's network in ONNX Runtime; a picture becomes its planes, and its answers stay as they are."""
    import cv2
    import onnx

    def open_for(height: int, width: int) -> ort.InferenceSession:
        # The published files state one size of picture, but their layers take any: so state the one that is shown.
        model = onnx.load(file)
        for side, pixels in zip(model.graph.input[0].type.tensor_type.shape.dim[2:], (height, width), strict=True):
            side.dim_value = pixels
        for output in model.graph.output:
            output.type.tensor_type.ClearField("shape")
        del model.graph.value_info[:]
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    sessions: dict[tuple[int, int], ort.InferenceSession] = {}

    def find(picture: Picture) -> None:
        below, right = (-side % 32 for side in picture.shape[:2])
        padded = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_CONSTANT)
        if padded.shape[:2] not in sessions:  # the first call is not counted
            sessions[padded.shape[:2]] = open_for(*padded.shape[:2])
        session = sessions[padded.shape[:2]]
        session.run(None, {session.get_inputs()[0].name: cv2.dnn.blobFromImage(padded, swapRB=True)})

    return find


def measure(finds: dict[str, Find], sizes: list[tuple[int, int]], max_side_px: int, asked: argparse.Namespace) -> Table:
    """Show one photo in several sizes to all.

    Args:
        finds: By name.
        sizes: Width and height.
        max_side_px: Side from which mien scales down; in smaller pictures it looks at every pixel in any case.
        asked: With the number of turns and calls.
    """
    table = Table("picture", "found by", "faces", "p50", "p95", "ms/MP", "ratio to Haar")
    for width, height in sizes:
        picture = show_astronaut(width, height)
        shown = {name: find for name, find in finds.items() if "every pixel" not in name or width > max_side_px}
        seconds = take_turns({name: partial(find, picture) for name, find in shown.items()}, asked.turns, asked.calls)
        peer = np.median(seconds[PEER])
        for name, find in shown.items():
            p50, p95 = np.percentile(seconds[name], [50, 95])
            table.add_row(
                f"{width}x{height}",
                name,
                describe(find(picture)),
                f"{p50 * 1000:.1f} ms",
                f"{p95 * 1000:.1f} ms",
                f"{p50 * 1000 / (width * height / 1e6):.1f}",
                f"{p50 / peer:.2f}",
            )
        table.add_section()
    return table


def compare_contents(finds: dict[str, Find], size: tuple[int, int], asked: argparse.Namespace) -> Table:
    """Show pictures of one size with more and fewer faces to all.

    Args:
        finds: By name.
        size: Width and height.
        asked: With the number of turns and calls.
    """
    width, height = size
    pictures = {
        "plain gray, no face": np.full((height, width, 3), 128, np.uint8),
        "one face": show_astronaut(width, height),
        f"{ACROSS**2} faces": tile_faces(width, height, ACROSS),
        "noise": np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8),
    }
    calls = {
        (name, shown): partial(find, picture) for name, find in finds.items() for shown, picture in pictures.items()
    }
    seconds = take_turns(calls, asked.turns, asked.calls)
    table = Table("found by", f"picture, {width}x{height}", "faces", "p50", "p95", "ratio to no face")
    for (name, shown), call in calls.items():
        p50, p95 = np.percentile(seconds[name, shown], [50, 95])
        slower = p50 / np.median(seconds[name, "plain gray, no face"])
        table.add_row(name, shown, describe(call()), f"{p50 * 1000:.1f} ms", f"{p95 * 1000:.1f} ms", f"{slower:.2f}")
    return table


def describe(faces: int | None) -> str:
    """Return a number of faces, or a dash for a network whose answers nobody decoded."""
    return "-" if faces is None else str(faces)


def parse_size(text: str) -> tuple[int, int]:
    """Turn "640x480" into numbers."""
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) >= int(height) >= 32):
        raise argparse.ArgumentTypeError(f"a size is like 640x480, not taller than wide, from 32 on; got {text!r}")
    return int(width), int(height)


def parse() -> argparse.Namespace:
    """Return what was asked for, or stop with what is missing."""
    parser = argparse.ArgumentParser(description="How long faces take to be found: mien beside OpenCV.")
    parser.add_argument("--model", default=DEFAULT_DETECTOR, help="mien's detector: a bundled one's name, or a file")
    parser.add_argument("--yunet", type=Path, metavar="FILE", help="a face_detection_yunet .onnx, to join in")
    parser.add_argument(
        "--sizes", nargs="+", type=parse_size, default=[parse_size(size) for size in SIZES], metavar="WIDTHxHEIGHT"
    )
    parser.add_argument("--turns", type=int, default=TURNS, help=f"turns of each ({TURNS})")
    parser.add_argument("--calls", type=int, default=CALLS, help=f"counted calls a turn ({CALLS})")
    asked = parser.parse_args()
    needed = {"cv2": "opencv-python-headless", "skimage": "scikit-image"} | ({"onnx": "onnx"} if asked.yunet else {})
    missing = [package for module, package in needed.items() if find_spec(module) is None]
    if missing:
        parser.error(f"{' and '.join(missing)} not installed. Run: pip install '.[bench]'")
    import cv2

    if not hasattr(cv2, "CascadeClassifier"):
        parser.error(f"OpenCV {cv2.__version__} has no cascades, version 4 has. Run: pip install '.[bench]'")
    if min(asked.turns, asked.calls) < 1:
        parser.error(f"it takes at least one turn of one call, got {asked.turns} turns of {asked.calls} calls")
    if asked.yunet and not asked.yunet.is_file():
        parser.error(f"no file at {asked.yunet}. Get one from https://github.com/opencv/opencv_zoo, or leave it out.")
    try:
        Detector.load(asked.model)
    except MienError as error:
        parser.error(f"{error} Name a detector with --model FILE.")
    return asked


def main() -> None:
    """Measure and print."""
    asked, console = parse(), Console()
    for threads in (2, 1):
        detector = Detector.load(asked.model, threads=threads)
        finds = {"mien": open_mien(detector), "mien, every pixel": open_mien(detector, is_whole=True)}
        finds[PEER] = open_haar(threads)
        if asked.yunet:
            finds["YuNet (OpenCV)"] = open_yunet(asked.yunet, threads)
            finds["YuNet (bare)"] = open_bare_yunet(asked.yunet, threads)
        table = measure(finds, asked.sizes, detector.card.max_side_px, asked)
        table.title = f"{detector.card.name}, {threads} thread{'s' if threads > 1 else ''}"
        console.print(table)
    del finds["mien, every pixel"]
    console.print(compare_contents(finds, asked.sizes[0], asked))
    if not asked.yunet:
        console.print("YuNet was left out: name its file with --yunet to have it beside.")


if __name__ == "__main__":
    main()
