"""How much memory many pictures take, and how many faces a second come out: beside plain decoding by Pillow.

    pip install '.[bench]'
    python benchmarks/memory.py                              # 10,000 pictures
    python benchmarks/memory.py --pictures 300 --detector my-faces.onnx
    python benchmarks/memory.py --folder holiday/            # pictures of one's own, again and again

`Recognizer.predict_each` reads JPEG files end to end: 50 of them over and over, from 320x240 to 48 megapixels, some
with a hundred faces, made in a temporary folder. Prints the memory held after a tenth, half and all of the pictures,
and how much it grew after the first tenth: nothing should be kept of a picture that is done. As pictures of all sizes
come and go, what counts as held is the median over the last round of the files, and all counts are whole rounds; the
peak has a row of its own.

The named peer is Pillow alone, which decodes the same files as often, in a process of its own and one picture after the
other. It says how much of the memory and the time are the pictures themselves.

Memory is the resident set size that Linux tells in /proc, so the program runs on Linux only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from statistics import median

from PIL import Image

# Everything else is imported where it is used: the peer's process shall hold Pillow and nothing more.

PICTURES = 10_000
SHARES = (0.1, 0.5, 1.0)
PEER = "Pillow alone"

SIZES = {(320, 240): 10, (640, 480): 20, (1280, 720): 10, (1920, 1080): 6, (4000, 3000): 3, (8000, 6000): 1}
"""Width and height of the files: how many there are."""

ACROSS = 10
"""Faces in a row, and rows, of every fifth file; the others show one."""

STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Measured:
    """What one side took.

    Attributes:
        held_mb: Memory held after each of `SHARES`.
        peak_mb: The most it ever held.
        seconds: From the first picture to the last, models loaded.
        faces: All that were found.
        unread: Pictures that could not be read.
    """

    held_mb: list[float]
    peak_mb: float
    seconds: float
    faces: int
    unread: int


def read_status(field: str) -> float:
    """Return a size of this process in megabytes: VmRSS is held now, VmHWM the most since the program began."""
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


def write_files(folder: Path) -> None:
    """Write the pictures of `SIZES`, shuffled in the same way every time."""
    from random import Random

    from pictures import show_astronaut, tile_faces

    sizes = [size for size, count in SIZES.items() for _ in range(count)]
    Random(0).shuffle(sizes)
    for number, size in enumerate(sizes):
        pixels = show_astronaut(*size) if number % 5 else tile_faces(*size, ACROSS)
        Image.fromarray(pixels).save(folder / f"{number:02}.jpg", quality=90)


def read_with_mien(asked: argparse.Namespace) -> Callable[[Iterable[Path]], Iterator[tuple[int, bool]]]:
    """Return what yields the faces of each picture, and whether it was read."""
    from mien import Recognizer

    recognizer = Recognizer.load(asked.model, detector=asked.detector)

    def read(files: Iterable[Path]) -> Iterator[tuple[int, bool]]:
        return ((len(picture.faces or ()), picture.error is None) for picture in recognizer.predict_each(files))

    return read


def read_with_pillow(_: argparse.Namespace) -> Callable[[Iterable[Path]], Iterator[tuple[int, bool]]]:
    """Return what decodes each picture and lets go of it."""

    def read(files: Iterable[Path]) -> Iterator[tuple[int, bool]]:
        for file in files:
            try:
                with Image.open(file) as picture:
                    picture.load()
            except OSError:
                yield 0, False
            else:
                yield 0, True

    return read


SIDES = {"mien": read_with_mien, PEER: read_with_pillow}


def watch(files: list[Path], rounds: int, held_mb: list[float], side: str) -> Iterator[Path]:
    """Yield the files round by round, and note how much memory is held.

    It is read whenever a file is asked for: what a side does with one happens in between.

    Args:
        files: In their order.
        rounds: How often.
        held_mb: Gets a value for each of `SHARES`.
        side: For messages.
    """
    marks = find_marks(rounds)
    for number in range(1, rounds + 1):
        seen_mb = []
        for file in files:
            yield file
            seen_mb.append(read_status("VmRSS"))
        if number in marks:
            held_mb += [median(seen_mb)] * marks.count(number)
            print(f"{side}: {number * len(files):,} pictures, {median(seen_mb):.0f} MB", file=sys.stderr, flush=True)


def find_marks(rounds: int) -> list[int]:
    """Return after how many rounds each of `SHARES` is reached."""
    return [ceil(round(share * rounds, 6)) for share in SHARES]


def count_rounds(pictures: int, files: list[Path]) -> int:
    """Return how many whole rounds over the files make so many pictures, or a few more."""
    return -(-pictures // len(files))


def measure(asked: argparse.Namespace) -> Measured:
    """Read all pictures with one side, in this process."""
    files = sorted(asked.folder.iterdir())
    read = SIDES[asked.side](asked)
    for _ in read(files[:1]):  # opens the detector
        pass
    held_mb: list[float] = []
    faces, unread = 0, 0
    began = time.perf_counter()
    for found, is_read in read(watch(files, count_rounds(asked.pictures, files), held_mb, asked.side)):
        faces, unread = faces + found, unread + (not is_read)
    return Measured(held_mb, read_status("VmHWM"), time.perf_counter() - began, faces, unread)


def compare(asked: argparse.Namespace) -> None:
    """Let each side read the same files in a process of its own, and print."""
    from rich.console import Console
    from rich.table import Table

    found = {}
    for side in SIDES:
        command = [sys.executable, __file__, "--side", side, "--folder", str(asked.folder)]
        command += ["--pictures", str(asked.pictures), "--model", asked.model, "--detector", asked.detector]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{side} failed; its own message stands above")
        found[side] = Measured(**json.loads(done.stdout.splitlines()[-1]))
    files = sorted(asked.folder.iterdir())
    rounds = count_rounds(asked.pictures, files)
    table = Table("", *found, f"ratio to {PEER}")
    mien, peer = found["mien"], found[PEER]
    for number, mark in enumerate(find_marks(rounds)):
        row = [one.held_mb[number] for one in (mien, peer)]
        held = f"held after {mark * len(files):,} pictures"
        table.add_row(held, *(f"{value:.0f} MB" for value in row), f"{row[0] / row[1]:.2f}")
    grown = [(one.held_mb[-1] / one.held_mb[0] - 1) for one in (mien, peer)]
    table.add_row("grown from first to last", *(f"{value:+.1%}" for value in grown), "")
    table.add_row("peak", f"{mien.peak_mb:.0f} MB", f"{peer.peak_mb:.0f} MB", f"{mien.peak_mb / peer.peak_mb:.2f}")
    rates = [rounds * len(files) / one.seconds for one in (mien, peer)]
    table.add_row("pictures a second", *(f"{rate:.1f}" for rate in rates), f"{rates[0] / rates[1]:.2f}")
    table.add_row("faces a second", f"{mien.faces / mien.seconds:.1f}", "", "")
    table.add_row("faces", f"{mien.faces:,}", "", "")
    table.add_row("pictures not read", str(mien.unread), str(peer.unread), "")
    Console().print(table)


def parse() -> argparse.Namespace:
    """Return what was asked for, or stop with what is missing."""
    parser = argparse.ArgumentParser(description="Memory and speed over many pictures: mien beside Pillow alone.")
    parser.add_argument("--pictures", type=int, default=PICTURES, help=f"how many are read ({PICTURES:,})")
    parser.add_argument("--folder", type=Path, help="read these pictures again and again; otherwise it makes some")
    parser.add_argument("--model", default="expression", help="mien's model: a bundled one's name, or a file")
    parser.add_argument("--detector", default="faces", help="likewise, of the model that finds faces")
    parser.add_argument("--side", choices=SIDES, help="read with one of them, from --folder, and print what it took")
    asked = parser.parse_args()
    if not STATUS.exists():
        parser.error(f"there is no {STATUS}: this system does not tell what a process holds as Linux does")
    if asked.folder is None:
        if asked.side:
            parser.error("--side needs --folder")
        if find_spec("skimage") is None:
            parser.error("scikit-image not installed. Run: pip install '.[bench]', or name pictures with --folder.")
    elif not (asked.folder.is_dir() and any(asked.folder.iterdir())):
        parser.error(f"{asked.folder} is no folder with pictures in it")
    files = sum(SIZES.values()) if asked.folder is None else len(list(asked.folder.iterdir()))
    if asked.pictures < 2 * files:
        parser.error(f"growth shows from the second round on: {files} files take --pictures {2 * files} or more")
    return asked


def main() -> None:
    """Compare both sides, or read with the one that is asked for."""
    asked = parse()
    if asked.side:
        print(json.dumps(asdict(measure(asked))))
        return
    check_models(asked)
    if asked.folder:
        compare(asked)
        return
    with tempfile.TemporaryDirectory() as scratch:
        asked.folder = Path(scratch)
        write_files(asked.folder)
        compare(asked)


def check_models(asked: argparse.Namespace) -> None:
    """Stop before the costly step if a model can't be opened."""
    from mien.core.errors import MienError
    from mien.inference.runtime.bundled import read_model

    for option, model in (("--model", asked.model), ("--detector", asked.detector)):
        try:
            read_model(model)
        except MienError as error:
            raise SystemExit(f"memory.py: error: {error} Name another with {option} FILE.") from error


if __name__ == "__main__":
    main()
