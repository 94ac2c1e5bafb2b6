"""How long one face takes, and how many faces a second: the bundled model beside the tutorials' networks, in one run.

    python benchmarks/latency.py

Prints a table: milliseconds for one face on one thread (median and 95th percentile of 300 calls), faces a second in
batches of 64 on two threads, and the ratio to mini-XCEPTION, the named peer: the network of the most installed
package, at its own 64x64 pixels. Peers have fresh weights: speed does not depend on them. The models take turns in
every round, so that a busy machine slows all of them alike.
"""

from __future__ import annotations

import time

import numpy as np
import onnxruntime as ort
from rich.console import Console
from rich.table import Table

from mien.inference.runtime.bundled import read_model
from mien.training.export.graph import CalibratedNetwork, build_graph
from mien.training.models.registry import build_network

PEER = "mini-xception"
SIZES_PX = {PEER: 64, "cnn3": 48, "cnn4-bn": 48}
ROUNDS, CALLS, BATCH = 15, 20, 64


def open_session(graph: bytes, threads: int) -> ort.InferenceSession:
    """Open a graph with a stated number of threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def time_calls(session: ort.InferenceSession, count: int, calls: int) -> list[float]:
    """Return the seconds of each call with a batch of noise."""
    _, *size = session.get_inputs()[0].shape
    images = np.random.default_rng(0).integers(0, 256, (count, *size), dtype=np.uint8)
    seconds = []
    for _ in range(calls):
        began = time.perf_counter()
        session.run(None, {"images": images})
        seconds.append(time.perf_counter() - began)
    return seconds


def main() -> None:
    """Measure and print."""
    graphs = {"expression (bundled)": read_model("expression").data}
    for name, size_px in SIZES_PX.items():
        network = build_network(name, classes=7, channels=1, size_px=size_px)
        graphs[name] = build_graph(CalibratedNetwork(network, temperature=1.0), channels=1, size_px=size_px)
    alone = {name: open_session(graph, threads=1) for name, graph in graphs.items()}
    batched = {name: open_session(graph, threads=2) for name, graph in graphs.items()}
    single: dict[str, list[float]] = {name: [] for name in graphs}
    batches: dict[str, list[float]] = {name: [] for name in graphs}
    for number in range(ROUNDS + 1):
        for name in graphs:
            first, second = time_calls(alone[name], 1, CALLS), time_calls(batched[name], BATCH, 3)
            if number:  # the first round warms up
                single[name] += first
                batches[name] += second
    table = Table("model", "one face, p50", "p95", f"ratio to {PEER}", "faces/s", f"ratio to {PEER}")
    for name in graphs:
        p50, p95 = np.percentile(single[name], [50, 95]) * 1000
        rate = BATCH / np.median(batches[name])
        slower = p50 / (np.median(single[PEER]) * 1000)
        quicker = rate / (BATCH / np.median(batches[PEER]))
        table.add_row(name, f"{p50:.2f} ms", f"{p95:.2f} ms", f"{slower:.2f}", f"{rate:,.0f}", f"{quicker:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
