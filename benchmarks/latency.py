"""How long one face takes, and how many faces a second: the bundled model beside the tutorials' networks, in one run.

    python benchmarks/latency.py

Prints a table: milliseconds for one face on one thread (median and 95th percentile of 300 calls), faces a second in
batches of 64 on two threads, and the ratio to `cnn3`, the named peer. Peers have fresh weights: speed does not depend
on them. The models take turns in every round, so that a busy machine slows all of them alike.
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

PEER = "cnn3"
ROUNDS, CALLS, BATCH = 15, 20, 64


def open_session(graph: bytes, threads: int) -> ort.InferenceSession:
    """Open a graph with a stated number of threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def time_calls(session: ort.InferenceSession, images: np.ndarray, calls: int) -> list[float]:
    """Return the seconds of each call."""
    seconds = []
    for _ in range(calls):
        began = time.perf_counter()
        session.run(None, {"images": images})
        seconds.append(time.perf_counter() - began)
    return seconds


def main() -> None:
    """Measure and print."""
    graphs = {"expression (bundled)": read_model("expression").data}
    for name in (PEER, "cnn4-bn"):
        network = CalibratedNetwork(build_network(name, classes=7, channels=1), temperature=1.0)
        graphs[name] = build_graph(network, channels=1, size_px=48)
    random = np.random.default_rng(0)
    one, many = (random.integers(0, 256, (count, 48, 48), dtype=np.uint8) for count in (1, BATCH))
    alone = {name: open_session(graph, threads=1) for name, graph in graphs.items()}
    batched = {name: open_session(graph, threads=2) for name, graph in graphs.items()}
    single: dict[str, list[float]] = {name: [] for name in graphs}
    batches: dict[str, list[float]] = {name: [] for name in graphs}
    for number in range(ROUNDS + 1):
        for name in graphs:
            first, second = time_calls(alone[name], one, CALLS), time_calls(batched[name], many, 3)
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
