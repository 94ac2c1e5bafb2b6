"""What the service adds: requests a second and their times over loopback, beside the bare call, in one run.

    pip install '.[bench,serve]'
    python benchmarks/service.py
    python benchmarks/service.py --turns 3 --seconds 2 --connections 1,64 --detector my-faces.onnx
    python benchmarks/service.py --live                     # 20,000 frames over one WebSocket
    python benchmarks/service.py --live --frames 2000

`mien serve` runs in a process of its own and is driven from this one: each connection sends a JPEG of 640x480 pixels
with one face to `POST /v1/predict`, and the next one once it has its answer. The pictures differ from each other.

The named peer is the bare call on the same bytes in this process, the server idle: `Recognizer.load().predict` for the
times of one connection, `predict_each` for pictures a second of several. All take turns, so that other work on the
machine slows them alike; each turn's ratio is of neighbors in time, and the medians over the turns are shown.

With --live, frames go one after the other, and the round trip of each is measured: from the frame's first byte to its
answer. Memory is the server's resident set size that Linux tells in /proc, so the program runs on Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
from loopback import Answered, Server, drive, make_request, serve
from PIL import Image
from rich.console import Console
from rich.table import Table

from mien import __version__
from mien.core.errors import MienError
from mien.inference.faces.detector import DEFAULT_DETECTOR, Detector
from mien.inference.recognizer import Recognizer
from mien.inference.runtime.bundled import DEFAULT_MODEL
from mien.inference.timing.machine import describe_machine

TURNS, SECONDS, CONNECTIONS = 5, 4.0, (1, 8, 64)
WARM_S = 1.0
FRAMES = 20_000
SHARES = (0.01, 0.1, 0.5, 1.0)
LEAST = 200
"""Frames that make half a percent one: so many are looked at for what counts as held at a mark."""

PICTURES, QUALITY = 25, 85


@dataclass
class Turns:
    """What was measured of one number of connections, turn by turn.

    Attributes:
        rates: Answers a second.
        medians_ms: Of a request.
        bare: In the same turn: milliseconds of the bare call for one connection, pictures a second for several.
        times_ms: Of all requests.
        refused: Answers other than 200.
    """

    rates: list[float] = field(default_factory=list)
    medians_ms: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    times_ms: list[float] = field(default_factory=list)
    refused: int = 0

    def add(self, answers: Sequence[Answered], took_s: float, bare: float) -> None:
        """Add a turn."""
        times_ms = [1000 * answer.took_s for answer in answers]
        self.times_ms += times_ms
        self.medians_ms.append(median(times_ms))
        self.rates.append(len(answers) / took_s)
        self.bare.append(bare)
        self.refused += sum(answer.status != 200 for answer in answers)


def draw_pictures(count: int) -> list[bytes]:
    """Return JPEG files of 640x480 pixels with one face each."""
    from clips import Scene, show

    pictures = []
    for pixels in islice(show(Scene(640, 480, 1)), count):
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "JPEG", quality=QUALITY)
        pictures.append(out.getvalue())
    return pictures


def time_bare(recognizer: Recognizer, pictures: Sequence[bytes], seconds: float) -> list[float]:
    """Return the milliseconds of each of many single calls."""
    times, end, number = [], time.perf_counter() + seconds, 0
    while (began := time.perf_counter()) < end:
        recognizer.predict(pictures[number % len(pictures)])
        times.append(1000 * (time.perf_counter() - began))
        number += 1
    return times


def rate_bare(recognizer: Recognizer, pictures: Sequence[bytes], seconds: float) -> float:
    """Return how many pictures a second `predict_each` reads."""
    began = time.perf_counter()

    def repeat():  # type: ignore[no-untyped-def]
        while time.perf_counter() - began < seconds:
            yield from pictures

    read = sum(1 for _ in recognizer.predict_each(repeat()))
    return read / (time.perf_counter() - began)


def compare(server: Server, asked: argparse.Namespace) -> None:
    """Let the service and the bare calls take turns, and print the tables."""
    recognizer = Recognizer.load(asked.model, detector=asked.detector)
    pictures = draw_pictures(PICTURES)
    requests = [make_request(picture) for picture in pictures]
    time_bare(recognizer, pictures, min(WARM_S, asked.seconds))
    for connections in asked.connections:
        asyncio.run(drive(server.port, requests, connections, min(WARM_S, asked.seconds)))
    before_mb, calls, turns = server.read_memory_mb(), list[float](), {one: Turns() for one in asked.connections}
    for _ in range(asked.turns):
        for connections, measured in turns.items():
            if connections == 1:
                calls += (times := time_bare(recognizer, pictures, asked.seconds))
                bare = median(times)
            else:
                bare = rate_bare(recognizer, pictures, asked.seconds)
            began = time.perf_counter()
            answers = asyncio.run(drive(server.port, requests, connections, asked.seconds))
            measured.add(answers, time.perf_counter() - began, bare)
    console = Console()
    console.print(tabulate(turns, calls))
    held = f"The server holds {server.read_memory_mb():.1f} MB, {before_mb:.1f} MB before the first turn."
    console.print(held, highlight=False)


def tabulate(turns: dict[int, Turns], calls: Sequence[float]) -> Table:
    """Return the table of the service beside the bare calls."""
    table = Table("connections", "requests/s", "p50 ms", "p95 ms", "p99 ms", "bare", "beside it")
    for connections, measured in turns.items():
        spread = [f"{value:.1f}" for value in np.percentile(measured.times_ms, (50, 95, 99))]
        if connections == 1:
            bare = f"{median(measured.bare):.1f} ms"
            added = median(mine - theirs for mine, theirs in zip(measured.medians_ms, measured.bare, strict=True))
            ratio = f"{added:+.2f} ms"
        else:
            bare = f"{median(measured.bare):.1f} /s"
            ratio = f"{median(mine / theirs for mine, theirs in zip(measured.rates, measured.bare, strict=True)):.2f}"
        table.add_row(str(connections), f"{median(measured.rates):.1f}", *spread, bare, ratio)
    table.caption = f"{sum(measured.refused for measured in turns.values())} requests refused"
    if calls:
        p50, p95, p99 = np.percentile(calls, (50, 95, 99))
        table.caption += f"; the bare call takes {p50:.1f} ms, p95 {p95:.1f}, p99 {p99:.1f}"
    return table


async def go_live(server: Server, asked: argparse.Namespace) -> Table:
    """Send frame after frame over one WebSocket, and return what was held and how long answers took on the way."""
    from websockets.asyncio.client import connect

    frames = draw_pictures(10 * PICTURES)
    marks = [max(1, round(share * asked.frames)) for share in SHARES]
    table = Table("frames", "held", "grown", "p50 ms", "p95 ms", "p99 ms", "with a face")
    held: deque[float] = deque(maxlen=max(1, asked.frames // LEAST))
    times_ms: list[float] = []
    first_mb, with_face = 0.0, 0
    async with connect(
        f"ws://127.0.0.1:{server.port}/v1/live", subprotocols=["mien.v1"], compression=None, max_queue=4
    ) as live:
        hello = json.loads(await live.recv())
        assert hello["type"] == "hello", hello
        for number in range(1, asked.frames + 1):
            began = time.perf_counter()
            await live.send(frames[number % len(frames)])
            answer = json.loads(await live.recv())
            times_ms.append(1000 * (time.perf_counter() - began))
            if answer["type"] != "moment":
                raise SystemExit(f"service.py: error: frame {number} was answered with {answer}")
            with_face += bool(answer["faces"])
            held.append(server.read_memory_mb())
            if number in marks:
                now_mb = median(held)
                first_mb = first_mb or now_mb
                spread = [f"{value:.1f}" for value in np.percentile(times_ms, (50, 95, 99))]
                cells = [f"{number:,}", f"{now_mb:.1f} MB", f"{now_mb - first_mb:+.1f} MB"]
                table.add_row(*cells, *spread, f"{with_face / number:.1%}")
                print(f"{number:,} frames, {now_mb:.1f} MB", file=sys.stderr, flush=True)
    return table


def parse() -> argparse.Namespace:
    """Return what was asked for, or stop with what is missing."""
    parser = argparse.ArgumentParser(description="The service over loopback beside the bare call.")
    parser.add_argument("--turns", type=int, default=TURNS, help=f"of each number of connections ({TURNS})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of a turn of each side ({SECONDS:g})")
    parser.add_argument(
        "--connections", default=",".join(map(str, CONNECTIONS)), help="numbers of them, between commas (%(default)s)"
    )
    parser.add_argument("--live", action="store_true", help="send frames over a WebSocket instead")
    parser.add_argument("--frames", type=int, default=FRAMES, help=f"of --live ({FRAMES:,})")
    parser.add_argument("--threads", type=int, help="the service's setting; its default unless given")
    parser.add_argument("--readers", type=int, help="likewise")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a bundled one's name, or a file")
    parser.add_argument("--detector", default=DEFAULT_DETECTOR, help="likewise, of the model that finds faces")
    asked = parser.parse_args()
    needed = {"skimage": "scikit-image", "fastapi": "fastapi", "av": "av", "websockets": "websockets"}
    if missing := [package for module, package in needed.items() if find_spec(module) is None]:
        parser.error(f"{' and '.join(missing)} not installed. Run: pip install '.[bench,serve]'")
    if not Path("/proc/self/status").exists():
        parser.error("there is no /proc/self/status: this system does not tell what a process holds as Linux does")
    try:
        asked.connections = [int(number) for number in asked.connections.split(",")]
    except ValueError:
        parser.error(f"--connections takes numbers between commas such as 1,8,64, got {asked.connections!r}")
    if min([asked.turns, asked.frames, *asked.connections]) < 1 or asked.seconds <= 0:
        parser.error("it takes at least one turn, one frame, one connection, and more than 0 seconds")
    try:
        Recognizer.load(asked.model)
        Detector.load(asked.detector)
    except MienError as error:
        parser.error(f"{error} Name models with --model FILE and --detector FILE.")
    return asked


def main() -> None:
    """Start the server, measure, and print."""
    asked = parse()
    numbers = {"MIEN_THREADS": asked.threads, "MIEN_READERS": asked.readers}
    settings = {name: str(value) for name, value in numbers.items() if value is not None}
    machine = describe_machine()
    print(
        f"{machine.processor}, {machine.cores} processors, {machine.system} · mien {__version__} · "
        f"ONNX Runtime {machine.onnxruntime}",
        flush=True,
    )
    with serve(["--model", asked.model, "--detector", asked.detector], settings) as server:
        if asked.live:
            Console().print(asyncio.run(go_live(server, asked)))
        else:
            compare(server, asked)


if __name__ == "__main__":
    main()
