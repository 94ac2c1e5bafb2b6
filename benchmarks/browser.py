"""How long one frame takes on the device: the page's reader in a headless Chromium, beside mien in Python.

    pip install '.[serve,dev]'
    npm install --ignore-scripts --prefix ~/.local/share/mien onnxruntime-web@1.30.0
    python benchmarks/browser.py

A frame is 640 x 480 with one face, and comes as a bitmap, as a camera's frames do; the time runs from handing it to the
reader's worker to having its answer. Chromium's WebGPU joins in where it has a real graphics card.
"""

from __future__ import annotations

import argparse
import base64
import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import uvicorn
from numpy.typing import NDArray
from pictures import show_astronaut
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

from mien import Recognizer
from mien.apps.service import browser_runtime
from mien.apps.service.app import create_app
from mien.apps.service.settings import ServiceSettings

WARM_UP = 5

MEASURE = """
async ({ options, picture, count }) => {
  const { createLocalReader, decodePicture } = await import("/page/local/source.js");
  const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
  const decoded = await decodePicture(new Blob([bytes]));
  const begin = performance.now();
  const reader = await createLocalReader({
    models: { expression: "/v1/models/expression.onnx", faces: "/v1/models/faces.onnx" },
    runtime: "/runtime/",
    ...options,
  });
  const openedMs = performance.now() - begin;
  const times = [];
  let faces = 0;
  for (let n = 0; n < count; n++) {
    const frame = await createImageBitmap(decoded);
    const start = performance.now();
    faces = (await reader.read(frame)).faces.length;
    times.push(performance.now() - start);
  }
  reader.close();
  return { backend: reader.backend, threads: reader.threads, openedMs, times, faces };
}
"""


@contextmanager
def serve() -> Iterator[str]:
    """Run the service on a loopback port; yields its address."""
    server = uvicorn.Server(uvicorn.Config(create_app(ServiceSettings(readers=1)), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def measure_python(picture: NDArray[np.uint8], threads: int, frames: int) -> list[float]:
    """Return the milliseconds that mien takes for a frame."""
    recognizer = Recognizer.load(threads=threads)
    times = []
    for _ in range(frames + WARM_UP):
        start = time.perf_counter()
        recognizer.predict(picture)
        times.append((time.perf_counter() - start) * 1000)
    return times


def measure_page(page: Page, picture: NDArray[np.uint8], frames: int, **options: Any) -> dict[str, Any]:
    """Return what the reader on the device took."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    text = base64.b64encode(buffer.getvalue()).decode()
    found: dict[str, Any] = page.evaluate(MEASURE, {"options": options, "picture": text, "count": frames + WARM_UP})
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=60, help="frames a row; the default is 60")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser; the default is Debian's")
    frames, chromium = parser.parse_args().frames, parser.parse_args().chromium
    if browser_runtime.find_runtime(ServiceSettings()) is None:
        raise SystemExit(f"onnxruntime-web is not installed. Get it: {browser_runtime.tell_install()}")
    picture = show_astronaut(640, 480)
    table = Table("", "median ms", "p95 ms", "frames a second", "opening s", title="640 x 480, one face")

    def add(name: str, times: list[float], opened_ms: float | None = None) -> None:
        median, slow = np.percentile(times[WARM_UP:], [50, 95])
        opening = "" if opened_ms is None else f"{opened_ms / 1000:.1f}"
        table.add_row(name, f"{median:.1f}", f"{slow:.1f}", f"{1000 / median:.0f}", opening)

    with serve() as address, sync_playwright() as programs:
        browser = programs.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(address)
        measured = [measure_page(page, picture, frames, backend="wasm", threads=threads) for threads in (1, 2)]
        by_default = measure_page(page, picture, frames)
        measured += [by_default] if by_default["backend"] == "webgpu" else []
        browser.close()
    for row in measured:
        add(f"{row['backend']}, {row['threads']} thread(s)", row["times"], row["openedMs"])
    for threads in (1, 2):
        add(f"mien in Python, {threads} thread(s)", measure_python(picture, threads, frames))
    Console().print(table)


if __name__ == "__main__":
    main()
