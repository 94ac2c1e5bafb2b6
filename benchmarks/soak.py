"""How much memory a video without end takes: the whole path of `mien watch`, over 100,000 frames.

    python benchmarks/soak.py
    python benchmarks/soak.py --frames 3000 --detector my-faces.onnx
    pip install '.[bench,video]'
    python benchmarks/soak.py --with video          # a clip is decoded, again and again

Each frame goes through detector, model, tracker and smoothing, into a CSV file, the insights and a picture with the
overlay, which is thrown away. Frames are made on the way: mien's mean faces come and go at three places, and change
their expressions, so that persons, stretches and rows add up. With a video, each round begins a few seconds after the
last one's end, so that its person is a new one.

Prints the memory held after 1, 10, 50 and 100 % of the frames. At the first mark models and caches are warm. Insights
may grow up to their limits (`InsightSettings`: 1,000 persons, 10,000 episodes); nothing else should. What counts as
held at a mark is the median over the half percent before it.

Memory is the resident set size that Linux tells in /proc, so the program runs on Linux only.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from itertools import count, islice
from pathlib import Path
from statistics import median

import numpy as np
from memory import STATUS, read_status
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from mien.apps.cli.demo import read_mean_faces
from mien.apps.cli.growing import GrowingCsv
from mien.apps.cli.moment_rows import MomentRows, list_columns
from mien.core.errors import MienError
from mien.inference.faces.detector import DEFAULT_DETECTOR
from mien.inference.insights.collector import Insights
from mien.inference.media.video.frames import Frame
from mien.inference.media.video.overlay import Overlay
from mien.inference.media.video.reader import open_video
from mien.inference.pipeline import Pipeline
from mien.inference.recognizer import Recognizer
from mien.inference.runtime.bundled import DEFAULT_MODEL

FRAMES = 100_000
SHARES = (0.01, 0.1, 0.5, 1.0)
LEAST = 200
"""Frames that make half a percent one."""

FPS = 25.0
WIDTH, HEIGHT, FACE_PX = 320, 180, 88
STAYS_S = (2.6, 3.1, 3.7)
"""How long somebody stays at each place; as long again, and a second, it is empty: nobody is remembered for so long."""

CLIP_FRAMES, PAUSE_S = 250, 3.0


def make_visitors() -> Iterator[Frame]:
    """Yield frames without end, on which people come and go: each is a copy of the ground with up to three faces."""
    faces = [np.asarray(Image.fromarray(face).resize((FACE_PX, FACE_PX))) for face in read_mean_faces()]
    ground = np.random.default_rng(0).normal(120, 4, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    for number in count():
        time_s = number / FPS
        yield Frame(number, time_s, draw_visitors(ground, faces, time_s))


def draw_visitors(ground: NDArray[np.uint8], faces: list[NDArray[np.uint8]], time_s: float) -> NDArray[np.uint8]:
    """Return a frame: somebody else each time a place fills, in another height, with another face every second."""
    picture = ground.copy()
    for place, stay_s in enumerate(STAYS_S):
        visit, since_s = divmod(time_s, 2 * stay_s + 1.0)
        if since_s < stay_s:
            face = faces[int(3 * visit + since_s + place) % len(faces)]
            left = (2 * place + 1) * WIDTH // 6 - FACE_PX // 2
            top = int(HEIGHT / 4 + 8 * visit) % (HEIGHT - FACE_PX)
            picture[top : top + FACE_PX, left : left + FACE_PX] = face[:, :, None]
    return picture


def loop_clip(clip: Path) -> Iterator[Frame]:
    """Yield the frames of a clip, opened anew each round, without end."""
    number, begin_s = 0, 0.0
    while True:
        with open_video(clip) as video:
            for frame in video:
                time_s = begin_s + frame.time_s
                yield Frame(number, time_s, frame.pixels)
                number += 1
        begin_s = time_s + PAUSE_S


def soak(frames: Iterator[Frame], total: int, asked: argparse.Namespace, out: Path) -> Table:
    """Watch so many frames, and return what was held on the way."""
    recognizer = Recognizer.load(asked.model, detector=asked.detector, threads=1)
    pipeline = Pipeline(recognizer, workers=asked.workers)
    insights, overlay = Insights(), Overlay()
    marks = [max(1, round(share * total)) for share in SHARES]
    table = Table("frames", "held", "grown since the first", "persons so far", "rows", "frames/s")
    held: deque[float] = deque(maxlen=max(1, total // LEAST))
    first, persons, began = 0.0, 0, time.perf_counter()
    with GrowingCsv.create(out, list_columns(recognizer.labels)) as csv:
        rows = MomentRows(csv, recognizer.labels)
        with closing(pipeline.look(islice(frames, total))) as looks:
            for number, (frame, moment) in enumerate(looks, 1):
                insights.add(moment)
                rows.write(moment)
                overlay.draw(frame.pixels, moment)
                persons = max([persons, *(sighting.person for sighting in moment.sightings)])
                held.append(read_status("VmRSS"))
                if number in marks:
                    now = median(held)
                    first = first or now
                    rate = number / (time.perf_counter() - began)
                    cells = [f"{number:,}", f"{now:.1f} MB", f"{now - first:+.1f} MB"]
                    table.add_row(*cells, f"{persons:,}", f"{csv.rows:,}", f"{rate:.1f}")
                    print(f"{number:,} frames, {now:.1f} MB", file=sys.stderr, flush=True)
    shown = insights.summarize()
    table.caption = (
        f"peak {read_status('VmHWM'):.0f} MB; insights hold {len(shown.persons):,} persons and "
        f"{len(shown.episodes):,} episodes, and count {shown.persons_left_out:,} and {shown.episodes_left_out:,} more"
    )
    return table


def parse() -> argparse.Namespace:
    """Return what was asked for, or stop with what is missing."""
    parser = argparse.ArgumentParser(description="Memory over the frames of a long video.")
    parser.add_argument("--frames", type=int, default=FRAMES, help=f"how many are watched ({FRAMES:,})")
    parser.add_argument(
        "--with", dest="source", choices=("arrays", "video"), default="arrays", help="what frames come from (arrays)"
    )
    parser.add_argument("--workers", type=int, default=2, help="frames that are read at the same time (2)")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="mien's model: a bundled one's name, or a file")
    parser.add_argument("--detector", default=DEFAULT_DETECTOR, help="likewise, of the model that finds faces")
    asked = parser.parse_args()
    if not STATUS.exists():
        parser.error(f"there is no {STATUS}: this system does not tell what a process holds as Linux does")
    if asked.frames < 100 or asked.workers < 1:
        parser.error(f"it takes 100 frames and a worker at least, got {asked.frames} frames, {asked.workers} workers")
    if asked.source == "video" and (missing := [name for name in ("av", "skimage") if find_spec(name) is None]):
        parser.error(f"{' and '.join(missing)} not installed. Run: pip install '.[bench,video]', or leave out --with.")
    return asked


def main() -> None:
    """Watch and print."""
    asked = parse()
    with tempfile.TemporaryDirectory() as scratch:
        frames = make_visitors()
        if asked.source == "video":
            from clips import Scene, write_clip

            clip = Path(scratch) / "clip.mp4"
            write_clip(clip, Scene(640, 480, 1), min(CLIP_FRAMES, asked.frames // 4))
            frames = loop_clip(clip)
        try:
            table = soak(frames, asked.frames, asked, Path(scratch) / "rows.csv")
        except MienError as error:
            raise SystemExit(f"soak.py: error: {error}") from error
    Console().print(table)


if __name__ == "__main__":
    main()
