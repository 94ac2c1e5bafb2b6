"""How long mien takes to start, and how much memory: beside a bare import of ONNX Runtime, in one run.

    python benchmarks/start.py

Prints a table: seconds from the start of a fresh interpreter to its end (median of 7) and the most memory it held, each
with its ratio to `import onnxruntime`, the named peer, without which no model runs. The files are read from the
system's cache, as on every start but the first.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

PEER = "import onnxruntime"
TURNS = 7


def start(arguments: list[str]) -> tuple[float, float]:
    """Return the seconds a fresh interpreter took, and the megabytes it held at most."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(arguments)} failed")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def main() -> None:
    """Let the starts take turns, and print."""
    with tempfile.TemporaryDirectory() as scratch:
        face = Path(scratch) / "face.png"
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)).save(face)
        starts = {
            PEER: ["-c", PEER],
            "import mien": ["-c", "import mien"],
            "mien --help": ["-m", "mien", "--help"],
            "mien predict face.png --crops": ["-m", "mien", "predict", str(face), "--crops"],
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in starts}
        for turn in range(TURNS + 1):
            for name, arguments in starts.items():
                measured = start(arguments)
                if turn:  # the first one fills the cache
                    found[name].append(measured)
    medians = {name: np.median(values, axis=0) for name, values in found.items()}
    table = Table("start", "seconds", "ratio", "memory", "ratio")
    for name, (seconds, megabytes) in medians.items():
        slower, larger = (seconds, megabytes) / medians[PEER]
        table.add_row(name, f"{seconds:.2f}", f"{slower:.2f}", f"{megabytes:.0f} MB", f"{larger:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
